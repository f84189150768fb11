"""Dot products in DSP slices: several weights share one slice and one input, exactly (hls/common/dot_dsp.sv).

A slice multiplies X = sum over n of w[n] 2^(n L), the weights of `lanes` rows at a pitch of L bits, by one
input a. C slices in a chain add up to

    P = sum over n of (B + S[n]) 2^(n L),     S[n] = sum over the chain of w[n] a,

where the chain starts from the bias B in every lane. If 0 <= B + S[n] < 2^L for every n, then the lanes are
the digits of P to the base 2^L: no lane borrows from the next, and bits [n L +: L] of P are B + S[n]. So the
chain is exact if and only if the values of S span less than 2^L, with B = -min S: that is C times the span
of one product, hence

    C <= (2^L - 1) / (max(w a) - min(w a)).

Nothing is repaired behind the slice; B is a constant that the layer takes off again, where its accumulators
start. X must fit the multiplier, which bounds the lanes and their pitch: for n lanes of W-bit weights

    -2^(D-1) <= min(w) sum(2^(n L)),     max(w) sum(2^(n L)) < 2^(D-1),     (lanes - 1) L + W <= D.

Weights of the whole range of two's complement need one bit more than that of the top lane, weights without
the smallest value do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2

from levada_driver.datatype import IntType

from levada.layer import Resources

# Slices whose sums pass each other within one cycle; as in hls/common/dsp_pkg.sv.
STAGE = 2
# In longer chains the operands' delays take more LUTs (as shift registers) than the adders they save.
LONGEST = 4 * STAGE


@dataclass(frozen=True)
class DspShape:
    """Bits of a DSP slice: of pre-adder and multiplier, of the other factor, of the sum."""

    name: str
    d_bits: int
    b_bits: int = 18
    p_bits: int = 48


DSP48E1 = DspShape("DSP48E1", 25)
DSP48E2 = DspShape("DSP48E2", 27)


@dataclass(frozen=True)
class Operands:
    """What is multiplied: weights of `w_low`..`w_high` and inputs of `a_low`..`a_high`, and how coded."""

    wtype: IntType
    atype: IntType
    w_low: int
    w_high: int

    @staticmethod
    def of(wtype: IntType, atype: IntType, narrow: bool = False) -> Operands:
        """Any weight of `wtype`, or, `narrow`, any but its smallest; any input of `atype`."""
        return Operands(wtype, atype, wtype.min + (narrow and not wtype.bipolar), wtype.max)

    @property
    def a_range(self) -> tuple[int, int]:
        """The slice multiplies the code of a bipolar input, 0 or 1: as the lanes in LUTs do."""
        return (0, 1) if self.atype.bipolar else (self.atype.min, self.atype.max)

    @property
    def product_range(self) -> tuple[int, int]:
        """Smallest and largest product."""
        products = [w * a for w in (self.w_low, self.w_high) for a in self.a_range]
        return min(products), max(products)

    @property
    def w_bits(self) -> int:
        """Bits of a weight in two's complement, as it lies in a slice."""
        return 2 if self.wtype.bipolar else self.wtype.bits

    @property
    def a_bits(self) -> int:
        """Bits of an input in two's complement."""
        return self.atype.bits + (self.atype.bipolar or not self.atype.signed)


@dataclass(frozen=True)
class Packing:
    """`lanes` weights in a slice, `pitch` bits apart; chains of at most `cascade` slices are exact."""

    lanes: int
    pitch: int
    cascade: int


def packings(operands: Operands, shape: DspShape = DSP48E1) -> tuple[Packing, ...]:
    """Every exact number of lanes, the most lanes first: the fewer there are, the longer the chains may be.

    Empty if the operands do not fit the slice at all.
    """
    if operands.a_bits > shape.b_bits:
        return ()
    low, high = operands.product_range
    found = []
    for lanes in range(shape.d_bits, 0, -1):
        pitch = _pitch(operands, lanes, shape)
        cascade = ((1 << pitch) - 1) // (high - low)
        if cascade > 0:
            found.append(Packing(lanes, pitch, min(cascade, LONGEST)))
    return tuple(found)


def _pitch(operands: Operands, lanes: int, shape: DspShape) -> int:
    """The widest pitch at which the packed weights fit the multiplier; 0 if there is none."""
    end = 1 << (shape.d_bits - 1)
    for pitch in range(shape.p_bits // lanes, 0, -1):
        ones = sum(1 << (lane * pitch) for lane in range(lanes))
        fits_ports = (lanes - 1) * pitch + operands.w_bits <= shape.d_bits
        if fits_ports and -end <= operands.w_low * ones and operands.w_high * ones < end:
            return pitch
    return 0


@dataclass(frozen=True)
class DspDot:
    """One `dot_dsp`: the products of `lanes` rows with `simd` inputs of a cycle, chains of `cascade` slices.

    The result of a lane is the true sum plus `offset`, unsigned, in `dot_bits`.
    """

    operands: Operands
    packing: Packing
    simd: int
    cascade: int
    shape: DspShape = DSP48E1

    @property
    def chains(self) -> int:
        """Chains of slices; the last one may be shorter than the others."""
        return ceil(self.simd / self.cascade)

    @property
    def bias(self) -> int:
        """What a chain starts from in each lane: no partial sum of it is negative."""
        return -self.cascade * self.operands.product_range[0]

    @property
    def offset(self) -> int:
        """What a result is too large by."""
        return self.chains * self.bias

    @property
    def field_bits(self) -> int:
        """Bits of a lane behind a chain."""
        low, high = self.operands.product_range
        return (self.cascade * (high - low)).bit_length()

    @property
    def dot_bits(self) -> int:
        """Bits of a result."""
        return self.field_bits + ceil(log2(self.chains))

    @property
    def latency(self) -> int:
        """Cycles from operands to result: pre-adder, multiplier, stages of a chain, adder tree."""
        return 2 + ceil(self.cascade / STAGE) + ceil(log2(self.chains))

    @property
    def resources(self) -> Resources:
        """What Yosys counts: the adders behind the chains, and registers of operands that wait."""
        lut, ff = _tree(self.chains, self.field_bits)
        operand_bits = self.packing.lanes * self.operands.wtype.bits + self.operands.atype.bits
        waits = sum(_waits(min(self.cascade, self.simd - first), self.cascade) for first in self._firsts)
        lanes = self.packing.lanes
        return Resources(lut=lanes * lut, ff=lanes * ff + waits * operand_bits, dsp=self.simd)

    @property
    def _firsts(self) -> range:
        return range(0, self.simd, self.cascade)

    def params(self) -> dict[str, int]:
        """Parameters of dot_dsp."""
        wtype, atype = self.operands.wtype, self.operands.atype
        return {
            "SIMD": self.simd,
            "LANES": self.packing.lanes,
            "PITCH": self.packing.pitch,
            "CASCADE": self.cascade,
            "FIELD_BITS": self.field_bits,
            "BIAS": self.bias,
            "W_BITS": wtype.bits,
            "W_BIPOLAR": int(wtype.bipolar),
            "A_BITS": atype.bits,
            "A_SIGNED": int(atype.signed and not atype.bipolar),
            "D_BITS": self.shape.d_bits,
        }


def dot(operands: Operands, packing: Packing, simd: int, shape: DspShape = DSP48E1) -> DspDot:
    """The exact chains that cost least beside the slices; a LUT comes with two flip-flops."""
    chains = (ceil(simd / length) for length in range(1, min(packing.cascade, simd) + 1))
    dots = (DspDot(operands, packing, simd, ceil(simd / count), shape) for count in chains)
    return min(dots, key=lambda dot: (dot.resources.lut + dot.resources.ff / 2, dot.latency))


def _tree(terms: int, width: int) -> tuple[int, int]:
    """LUTs and flip-flops of an unsigned adder tree, registered at every level: its top bits are carries."""
    widths = [width] * terms
    lut = ff = 0
    while len(widths) > 1:
        pairs = [widths[i : i + 2] for i in range(0, len(widths), 2)]
        lut += sum(max(pair) for pair in pairs if len(pair) > 1)
        widths = [max(pair) + (len(pair) > 1) for pair in pairs]
        ff += sum(widths)
    return lut, ff


def _waits(length: int, cascade: int) -> int:
    """Cycles that the operands of a chain's slices wait outside of them, all together.

    A slice in stage s of the chain is waited for s cycles, one of them in its own registers. Chains end
    together, so that a shorter one starts later.
    """
    stages = ceil(cascade / STAGE)
    return sum(max(0, stages - 2 - back // STAGE) for back in range(length))
