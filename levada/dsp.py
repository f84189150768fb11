"""Dot products in DSP slices: several weights share one slice and one input, exactly (hls/common/dot_dsp.sv).

A slice multiplies X = sum over n of w[n] 2^(n L), the weights of several rows at a pitch of L bits, by one
input a. The slices of a chain add up to

    P = sum over n of (B + S[n]) 2^(n L),     S[n] = sum over the chain of w[n] a,

where the chain starts from a bias B in every lane. If 0 <= B + S[n] < 2^L for every n, then the lanes are the
digits of P to the base 2^L: none borrows from the next, and bits [n L +: L] of P are B + S[n]. So a chain is
exact if and only if the values that its lanes can take span less than 2^L, with B = -min S. For C slices and
any operands of their types that is

    C (max(w a) - min(w a)) < 2^L.

Nothing is repaired behind the slices; B is a constant that the layer takes off where its accumulators start.
X must fit pre-adder and multiplier of D bits, which bounds the lanes and their pitch: for n lanes of W bits

    -2^(D-1) <= min(w) sum(2^(n L)),     max(w) sum(2^(n L)) < 2^(D-1),     (lanes - 1) L + W <= D.

Where the smallest value of two's complement is missing among the weights, that leaves a bit more. With
several pixels, their (unsigned) inputs lie at the pitch L in the other factor, the weights at pixels * L, and
lane n of pixel j is digit n * pixels + j.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from math import ceil, log2

import numpy as np
from levada_driver.datatype import IntArray, IntType

from levada.layer import Resources
from levada.slices import DSP48E1, STAGE, DspShape


@dataclass(frozen=True)
class Operands:
    """What is multiplied: weights of `wtype` that are all in `w_low`..`w_high`, and any inputs of `atype`."""

    wtype: IntType
    atype: IntType
    w_low: int
    w_high: int

    @staticmethod
    def of(wtype: IntType, atype: IntType, narrow: bool = False) -> Operands:
        """Any weight of `wtype`, or, if `narrow`, any but its smallest."""
        return Operands(wtype, atype, wtype.min + (narrow and not wtype.bipolar), wtype.max)

    @property
    def a_range(self) -> tuple[int, int]:
        """The slice multiplies the code of a bipolar input, 0 or 1, as the lanes in LUTs do."""
        return (0, 1) if self.atype.bipolar else (self.atype.min, self.atype.max)

    @property
    def a_signed(self) -> bool:
        """Whether an input can be negative."""
        return self.a_range[0] < 0

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
        return self.atype.bits + (not self.a_signed)


@dataclass(frozen=True)
class Packing:
    """`lanes` weights and `pixels` inputs in a slice, their products `pitch` bits apart.

    Chains of at most `cascade` slices are exact for all operands.
    """

    lanes: int
    pixels: int
    pitch: int
    cascade: int


def packings(operands: Operands, pixels: int = 1, shape: DspShape = DSP48E1) -> tuple[Packing, ...]:
    """Every exact number of lanes, the most lanes first: the fewer there are, the longer the chains may be.

    Empty if the operands do not fit the slice. Signed inputs do not lie side by side: the sign of one would
    have to be subtracted from the next.
    """
    if operands.a_signed and pixels > 1:
        return ()
    low, high = operands.product_range
    found = []
    for lanes in range(shape.d_bits, 0, -1):
        pitch = _pitch(operands, lanes, pixels, shape)
        cascade = ((1 << pitch) - 1) // (high - low)
        if cascade > 0:
            found.append(Packing(lanes, pixels, pitch, min(cascade, shape.longest)))
    return tuple(found)


def _pitch(operands: Operands, lanes: int, pixels: int, shape: DspShape) -> int:
    """The widest pitch at which the packed operands fit the multiplier; 0 if there is none."""
    end = 1 << (shape.d_bits - 1)
    for pitch in range(shape.p_bits // (lanes * pixels), 0, -1):
        top = (lanes - 1) * pixels * pitch
        ones = sum(1 << (lane * pixels * pitch) for lane in range(lanes))
        fits_ports = (
            top + operands.w_bits <= shape.d_bits and (pixels - 1) * pitch + operands.a_bits <= shape.b_bits
        )
        if fits_ports and -end <= operands.w_low * ones and operands.w_high * ones < end:
            return pitch
    return 0


@dataclass(frozen=True)
class DspDot:
    """One `dot_dsp`: `simd` inputs of a cycle in chains of `cascade` slices.

    The sums of a chain are all in `low`..`high`. A result is the true dot product plus `offset`, unsigned, in
    `dot_bits`.
    """

    operands: Operands
    packing: Packing
    simd: int
    cascade: int
    low: int
    high: int
    shape: DspShape = DSP48E1

    @property
    def chains(self) -> int:
        """Chains of slices; the last one may be shorter than the others."""
        return ceil(self.simd / self.cascade)

    @property
    def exact(self) -> bool:
        """Whether no lane reaches into the next."""
        return self.field_bits <= self.packing.pitch

    @property
    def bias(self) -> int:
        """What a chain starts from in each lane: no sum of it is negative."""
        return -self.low

    @property
    def offset(self) -> int:
        """What a result is too large by."""
        return self.chains * self.bias

    @property
    def field_bits(self) -> int:
        """Bits of a lane behind a chain."""
        return max(1, (self.high - self.low).bit_length())

    @property
    def dot_bits(self) -> int:
        """Bits of a result."""
        return self.field_bits + ceil(log2(self.chains))

    @property
    def latency(self) -> int:
        """Cycles from operands to result: pre-adder and multiplier, the sum of a chain, adder tree."""
        return 2 + self.shape.chain_latency(self.cascade) + ceil(log2(self.chains))

    @cached_property
    def resources(self) -> Resources:
        """What Yosys counts: the adders behind the chains, and what it takes around a chain's slices.

        Those with pre-adder and cascade have registers of operands that wait. The others have a tree, a LUT a
        bit of all lanes, and in each lane but the lowest a LUT a bit that borrows for the sign below it.
        """
        lut, ff = _tree(self.chains, self.field_bits)
        results = self.packing.lanes * self.packing.pixels
        if not self.shape.cascade:
            word = (results - 1) * self.packing.pitch + self.field_bits
            tree, waiting = _tree(self.cascade + 1, word)
            borrows = self.simd * (self.packing.lanes - 1) * (self.operands.w_bits + 1)
            lut, ff = results * lut + self.chains * tree + borrows, results * ff + self.chains * waiting
            return Resources(lut=lut, ff=ff, dsp=self.simd)
        operand_bits = (
            self.packing.lanes * self.operands.wtype.bits + self.packing.pixels * self.operands.atype.bits
        )
        firsts = range(0, self.simd, self.cascade)
        waits = sum(_waits(min(self.cascade, self.simd - first), self.cascade) for first in firsts)
        return Resources(lut=results * lut, ff=results * ff + waits * operand_bits, dsp=self.simd)

    def params(self) -> dict[str, int]:
        """Parameters of dot_dsp."""
        wtype, atype = self.operands.wtype, self.operands.atype
        return {
            "SIMD": self.simd,
            "LANES": self.packing.lanes,
            "PIXELS": self.packing.pixels,
            "PITCH": self.packing.pitch,
            "CASCADE": self.cascade,
            "FIELD_BITS": self.field_bits,
            "BIAS": self.bias,
            "W_BITS": wtype.bits,
            "W_BIPOLAR": int(wtype.bipolar),
            "A_BITS": atype.bits,
            "A_SIGNED": int(self.operands.a_signed),
            "D_BITS": self.shape.d_bits,
        }


@dataclass(frozen=True, eq=False)
class Chains:
    """The weights [..., simd] of all lanes and cycles, for what chains of slices sum of them."""

    operands: Operands
    weights: IntArray
    _known: dict[int, tuple[int, int]] = field(default_factory=dict, init=False)

    def sum_range(self, cascade: int) -> tuple[int, int]:
        """Smallest and largest sum of a chain of `cascade` slices over all inputs."""
        if cascade not in self._known:
            starts = np.arange(0, self.weights.shape[-1], cascade)
            ends = np.minimum(starts + cascade, self.weights.shape[-1])
            low, high = ((sums[..., ends] - sums[..., starts]) for sums in self._sums_up_to)
            self._known[cascade] = int(low.min()), int(high.max())
        return self._known[cascade]

    @cached_property
    def _sums_up_to(self) -> tuple[IntArray, IntArray]:
        """Sums [..., simd + 1] of the smallest and of the largest products before each column."""
        products = [self.weights * a for a in self.operands.a_range]
        before = [(0, 0)] * (self.weights.ndim - 1) + [(1, 0)]
        low, high = np.minimum(*products), np.maximum(*products)
        return np.pad(low.cumsum(axis=-1), before), np.pad(high.cumsum(axis=-1), before)


def dot(
    operands: Operands,
    packing: Packing,
    simd: int,
    chains: Chains | None = None,
    shape: DspShape = DSP48E1,
) -> DspDot:
    """The fewest chains that are exact, all as long as each other but the last: least is added in LUTs.

    With the weights at hand, their own sums bound the chains, which may then be longer than the packing
    promises for any weights.
    """
    longest = packing.cascade if chains is None else shape.longest
    for count in range(ceil(simd / longest), simd + 1):
        cascade = ceil(simd / count)
        low, high = sum_range(operands, cascade) if chains is None else chains.sum_range(cascade)
        found = DspDot(operands, packing, simd, cascade, low, high, shape)
        if found.exact:
            return found
    raise AssertionError(f"{packing} is not exact for {operands}")


def sum_range(operands: Operands, cascade: int) -> tuple[int, int]:
    """Smallest and largest sum of a chain over all inputs and weights."""
    low, high = operands.product_range
    return cascade * low, cascade * high


def _tree(terms: int, width: int) -> tuple[int, int]:
    """LUTs and flip-flops of an unsigned adder tree, registered at every level.

    An adder takes a LUT a bit of its narrower term: the bits above that are carries alone.
    """
    widths = [width] * terms
    lut = ff = 0
    while len(widths) > 1:
        pairs = [widths[i : i + 2] for i in range(0, len(widths), 2)]
        lut += sum(min(pair) for pair in pairs if len(pair) > 1)
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
