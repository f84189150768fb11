"""Dot products with constant integer weights as hls/common/dot_lanes.sv computes them, activation behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import ceil, log2

import numpy as np
from levada_driver.datatype import IntArray, IntType
from levada_driver.packing import Stream, pack

from levada import dsp, memory, slices
from levada import thresholds as th
from levada.adders import adder_tree, gated_tree, popcount
from levada.layer import Bits, Memory, Places, Rom
from levada.onnxutil import sum_range
from levada.terms import Terms, total

SvParam = int | Bits | Rom
#: Where weights may live that are not constants.
PLACES: tuple[Memory, ...] = ("lut", "block")
# Parts in which lanes are split between LUTs and slices; finer ones give a solver more to do than to gain.
_SPLITS = 8
# Bits of a word that is written, and what of its address tells thresholds from weights.
_WORD_BITS, _THRESHOLDS = 32, 1 << 23
# Bits of weights at least: of fewer, lanes are hardly smaller.
_LEAST_BITS = 2
# Weights that are looked at for longer chains of slices; of more, the bounds of their type are good enough.
_EXAMINED = 1 << 17


@dataclass(frozen=True, eq=False)
class DotProducts:
    """Rows of weights [MH, K] of `wtype` over inputs of `atype`, each with its own activation.

    With `thresholds` [MH, N] the result of a row is base + step * (number of its thresholds that the sum
    reaches), of `otype`; without, the sum itself. `sharing` rows have the same inputs; 0 for all of them.
    `shape` is that of the chip's DSP slices. What is `writable` must do for any weights of `wtype`, and for
    any thresholds of as many levels. With `narrow` lanes whose weights are all small have fewer bits.
    """

    weights: IntArray
    wtype: IntType
    atype: IntType
    thresholds: IntArray | None = None
    base: int = 0
    otype: IntType | None = None
    sharing: int = 0
    shape: slices.DspShape = slices.DSP48E1
    writable: bool = False
    narrow: bool = False
    _slices: dict[int, dsp.DspDot | None] = field(default_factory=dict, init=False)
    _lanes: dict[tuple[int, int], Terms] = field(default_factory=dict, init=False)
    _bits: dict[int, tuple[int, ...]] = field(default_factory=dict, init=False)
    _shares: dict[tuple[int, int, int, Places], int] = field(default_factory=dict, init=False)
    _latencies: dict[tuple[int, int, bool], int] = field(default_factory=dict, init=False)
    _activations: dict[tuple[int, int, int, Places, int], Terms] = field(default_factory=dict, init=False)

    @cached_property
    def row_range(self) -> tuple[IntArray, IntArray]:
        """Smallest and largest sum of each row over all inputs of `atype`."""
        if self.writable:
            w, a = ((dtype.min, dtype.max) for dtype in (self.wtype, self.atype))
            return self._of_any_weights([one * other for one in w for other in a])
        return sum_range(self.weights, self.atype)

    def _of_any_weights(self, products: list[int]) -> tuple[IntArray, IntArray]:
        """Smallest and largest sum of each row if `products` are the extremes of its terms."""
        rows, taps = self.weights.shape
        return np.full(rows, taps * min(products)), np.full(rows, taps * max(products))

    @cached_property
    def _hardware_range(self) -> tuple[IntArray, IntArray]:
        """Smallest and largest sum of each row as the hardware codes it, see `correction`."""
        if self.writable and self.coding == "SELECT":
            # An inverted input has the range of an input; a weight is taken or not.
            taken = self.atype if self.wtype.bipolar else self.wtype
            return self._of_any_weights([taken.min, taken.max, *([0] if self.atype.bipolar else [])])
        shift, offset = self.correction
        low, high = self.row_range
        return (low - offset) >> shift, (high - offset) >> shift

    @property
    def result_type(self) -> IntType:
        """`otype`, or the narrowest type that holds every sum."""
        if self.otype is not None:
            return self.otype
        low, high = self.row_range
        return IntType.covering(int(low.min()), int(high.max()))

    @property
    def levels(self) -> int:
        """Steps of the search for the result among the thresholds; 0 without."""
        return 0 if self.thresholds is None else self.result_type.bits

    def threshold_places(self, folds: int) -> tuple[Places, ...]:
        """How the thresholds may be kept if a lane has those of `folds` rows."""
        return ("lut",) if self.thresholds is None else self.search.places(folds)

    def activate(self, sums: IntArray) -> IntArray:
        """Results of sums [..., rows] of the first rows."""
        if self.thresholds is None:
            return sums
        return th.apply(sums, self.thresholds[: sums.shape[-1]], self.base, self.result_type.step)

    @property
    def coding(self) -> str:
        """How dot_lut codes the product; the names are those of dot_pkg."""
        return self._coding(self.wtype.bits)

    def _coding(self, bits: int) -> str:
        """That of a lane whose weights have so many bits."""
        if self.wtype.bipolar and self.atype.bipolar:
            return "POPCOUNT"
        if self.wtype.bipolar or self.atype.bipolar:
            return "SELECT"
        if bits + self.atype.bits <= 6:
            return "TABLE"
        return "DIGITS" if bits % 2 == 0 and self.atype.bits in (3, 4) else "PLANES"

    def lane_bits(self, pe: int) -> tuple[int, ...]:
        """Bits of the weights of each of `pe` lanes; lane p computes the rows p, p + pe, p + 2 pe, ..."""
        if pe not in self._bits:
            rows = self._row_bits
            alike = (self.wtype.bits,) * pe
            self._bits[pe] = alike if rows is None else tuple(rows.reshape(-1, pe).max(axis=0).tolist())
        return self._bits[pe]

    @cached_property
    def _row_bits(self) -> IntArray | None:
        """Bits that the weights of each row need; None where all have those of their type."""
        if not self.narrow or self.writable or not self.wtype.signed or self.wtype.bipolar:
            return None
        # -2^(b-1) <= w < 2^(b-1) is 0 <= (w or ~w) < 2^(b-1).
        most = np.where(self.weights < 0, ~self.weights, self.weights).max(axis=1)
        needed = 1 + np.ceil(np.log2(most + 1)).astype(np.int64)
        found: IntArray = np.clip(needed, min(_LEAST_BITS, self.wtype.bits), self.wtype.bits)
        return found

    def latency(self, simd: int, pe: int = 1, dsp_pe: int = 0) -> int:
        """Cycles from a step to its result at the output.

        Operand register, dot product, accumulator, two cycles a threshold level, output fifo.
        """
        widest = max(self.lane_bits(pe)[dsp_pe:], default=0)
        key = simd, widest, dsp_pe > 0
        if key not in self._latencies:
            lut = self._lut_latency(simd, widest) if widest else 0
            slices = self.slices(simd).latency if dsp_pe else 0
            self._latencies[key] = 1 + max(lut, slices) + 1 + 2 * self.levels + 1
        return self._latencies[key]

    def _lut_latency(self, simd: int, bits: int) -> int:
        """Of a lane with weights of so many bits; of fewer bits it is no longer."""
        tree = ceil(log2(simd))
        return {
            "POPCOUNT": 3 + ceil(log2(ceil(simd / 18))),
            "SELECT": max(1, tree),
            "TABLE": 1 + tree,
            "DIGITS": 1 + tree + ceil(log2(max(1, bits // 2))),
            "PLANES": max(1, tree) + ceil(log2(bits)),
        }[self._coding(bits)]

    def dsp_lanes(self, pe: int, simd: int) -> list[int]:
        """How many of `pe` lanes may lie in DSP slices: none, all, and some that fill slices between.

        Where `sharing` rows have the same inputs, how many of `pe` such groups. What a bipolar operand
        selects costs but a LUT a bit: a slice is too good for that.
        """
        if self.coding not in ("TABLE", "DIGITS", "PLANES") or self._best_slices(simd) is None:
            return [0]
        full = 1 if self.sharing else self.slices(simd).packing.lanes
        steps = {full * round(pe / full * part / _SPLITS) for part in range(1, _SPLITS)}
        bits = self.lane_bits(pe)
        # Where lanes of few bits are the last ones, slices may take just the others.
        wide = pe - bits[::-1].index(max(bits))
        return sorted({0, pe, wide, *(lanes for lanes in steps if 0 < lanes < pe)})

    def slices(self, simd: int) -> dsp.DspDot:
        """How lanes of `simd` terms lie in DSP slices."""
        found = self._best_slices(simd)
        assert found is not None, f"{self.wtype.name} x {self.atype.name} do not fit a slice"
        return found

    def _best_slices(self, simd: int) -> dsp.DspDot | None:
        """The packing that saves the most LUTs a slice."""
        if simd not in self._slices:
            low, high = self._weight_range
            operands = dsp.Operands(self.wtype, self.atype, min(low, 0), max(high, 1))
            small = self.weights.size <= _EXAMINED and not self.writable
            columns = self.weights.reshape(len(self.weights), -1, simd)
            chains = dsp.Chains(operands, columns) if small else None
            packings = [
                p for p in dsp.packings(operands, shape=self.shape) if p.lanes <= (self.sharing or p.lanes)
            ]
            offered = [dsp.dot(operands, packing, simd, chains, self.shape) for packing in packings]
            lut = sum(self.lane_terms(simd).lut.values())
            self._slices[simd] = max(
                offered, key=lambda dot: dot.packing.lanes * lut - dot.resources.lut, default=None
            )
        return self._slices[simd]

    @property
    def _weight_range(self) -> tuple[int, int]:
        """The smallest and the largest weight that there may be."""
        if self.writable:
            return self.wtype.min, self.wtype.max
        return int(self.weights.min()), int(self.weights.max())

    @cached_property
    def correction(self) -> tuple[int, IntArray]:
        """(shift, offset [MH]) with: true sum = (hardware's sum << shift) + offset. See dot_lut.sv."""
        rows, taps = self.weights.shape
        if self.coding == "POPCOUNT":
            return 1, np.full(rows, -taps, np.int64)
        if self.wtype.bipolar:
            inverted = -1 if self.atype.signed else self.atype.max  # ~a == inverted - a
            return 0, -inverted * (self.weights < 0).sum(1)
        if self.atype.bipolar:
            return 1, -self.weights.sum(1)
        return 0, np.zeros(rows, np.int64)

    @cached_property
    def search(self) -> th.Search:
        """The thresholds, moved to where the hardware's uncorrected sums lie."""
        assert self.thresholds is not None
        shift, offset = self.correction
        low, high = self._hardware_range
        moved = -((offset[:, None] - self.thresholds) >> shift)
        return th.search(moved, self.base, self.result_type, low, high, writable=self.writable)

    @property
    def fixed_start(self) -> bool:
        """Whether the sums start from the same values whatever the weights are."""
        return self.thresholds is not None or self.coding != "SELECT"

    def words(self, blocks: IntArray, lanes: int, place: int) -> IntArray:
        """What writes all parameters from `place` on: [words, (address, data)]; see mvau.sv.

        `blocks` are the weights as `weight_rom` takes them; thresholds are those of `lanes` rows at a time.
        """
        rom = weight_rom(blocks, self.wtype)
        size = max(1, -(-rom.width // _WORD_BITS))
        rows = [row.to_bytes(_WORD_BITS // 8 * size, "little") for row in rom.rows]
        data = np.frombuffer(b"".join(rows), "<u4").astype(np.int64).reshape(len(rows), size)
        row, word = np.indices(data.shape)
        address = place + (row << (size - 1).bit_length()) + word
        weights = np.stack([address.reshape(-1), data.reshape(-1)], axis=1)
        if self.thresholds is None:
            return weights
        return np.concatenate([weights, self.search.words(len(self.weights), lanes, place | _THRESHOLDS)])

    def weights_memory(self, place: Memory, words: int, bits: int) -> Terms:
        """What the weights of `words` steps take, `bits` a step."""
        return (memory.writable if self.writable else memory.rom)(place, words, bits)

    def dsp_params(self, simd: int, dsp_pe: int) -> dict[str, SvParam]:
        """Parameters of dot_lanes for lanes in DSP slices; none without them."""
        if not dsp_pe:
            return {}
        params = self.slices(simd).params()
        shared = ("LANES", "PITCH", "CASCADE", "FIELD_BITS", "BIAS", "D_BITS")
        return {"DSP_PE": dsp_pe, **{f"DSP_{key}": params[key] for key in shared}}

    def narrow_params(self, simd: int, pe: int) -> dict[str, SvParam]:
        """Parameters of an MVAU where the weights of its lanes differ in bits; none where they do not."""
        bits = self.lane_bits(pe)
        if set(bits) == {self.wtype.bits}:
            return {}
        return {"LANE_BITS": Bits(np.array(bits), 8), "ROW_BITS": simd * sum(bits)}

    def params(self, lanes: int, place: Places = "lut") -> dict[str, SvParam]:
        """Parameters of a module that computes `lanes` rows at a time, without its shape and weights."""
        operands: dict[str, SvParam] = {
            "W_BITS": self.wtype.bits,
            "W_BIPOLAR": int(self.wtype.bipolar),
            "A_BITS": self.atype.bits,
            "A_SIGNED": int(self.atype.signed),
            "A_BIPOLAR": int(self.atype.bipolar),
        }
        return operands | self.activation_params(lanes, place)

    def activation_params(self, lanes: int, place: Places = "lut") -> dict[str, SvParam]:
        """What of `params` tells how sums become results."""
        if self.thresholds is None:
            shift, offset = self.correction
            bits = self.result_type.bits
            return {"ACC_BITS": bits, "SHIFT": shift, "INIT": Bits(offset, bits)}
        rows = self.search.params(len(self.weights), lanes, place)
        return {"ACC_BITS": self.search.width, **rows}

    def cpp_types(self) -> tuple[IntType, IntType, IntType, IntType]:
        """Types of weights, inputs, true sums and results."""
        low, high = self.row_range
        sums = IntType.covering(min(-1, int(low.min())), int(high.max()))
        return self.wtype, self.atype, sums, self.result_type

    def cpp_activation(self) -> tuple[tuple[int, ...], dict[str, tuple[IntArray, IntType]]]:
        """Template arguments LEVELS and BASE and the table of thresholds; nothing where there are none."""
        if self.thresholds is None:
            return (), {}
        low, high = self.row_range
        kept = np.clip(self.thresholds, low.min(), high.max() + 1)
        width = IntType.covering(min(-1, int(low.min())), int(high.max()) + 1)
        return (self.thresholds.shape[1], self.base), {"thresholds": (kept, width)}

    def lanes_terms(self, simd: int, pe: int, dsp_pe: int) -> Terms:
        """`pe` dot products of `simd` terms, `dsp_pe` of them in DSP slices, weights from a memory.

        Slices take the lanes of one input only. All kinds of lanes but the slowest wait in shift registers.
        """
        found, kinds = [], []  # of lanes: their latency, and the bits of their results
        for bits, count in Counter(self.lane_bits(pe)[dsp_pe:]).items():
            found.append(self.lane_terms(simd, bits) * count)
            kinds.append((self._lut_latency(simd, bits), count * self._lut_bits(simd, bits)))
        if dsp_pe:
            dot = self.slices(simd)
            together = self.sharing or dsp_pe
            groups = dsp_pe // together * -(-together // dot.packing.lanes)
            lut, ff = dsp_pe * dot.resources.lut // dot.packing.lanes, groups * dot.resources.ff
            found.append(Terms({"slices": lut}, {"slices": ff}, groups * dot.resources.dsp))
            kinds.append((dot.latency, dsp_pe * dot.dot_bits))
        slowest = max(latency for latency, _ in kinds)
        waiting = [(slowest - latency, bits) for latency, bits in kinds if latency < slowest]
        return total((*found, *(memory.delay(*one) for one in waiting or [(0, 0)] * bool(dsp_pe))))

    @property
    def sum_bits(self) -> int:
        """Bits of an accumulator."""
        return self.result_type.bits if self.thresholds is None else self.search.width

    def accumulators(self, folds: int, steps: int, lanes: int, dsp_lanes: int) -> Terms:
        """`lanes` accumulators that take `steps` terms each, for one of `folds` rows after the other."""
        bits = lanes * self.sum_bits
        sums = Terms({"accumulators": bits if steps > 1 else 0}, {"accumulators": bits})
        return sums + self.starts(folds, dsp_lanes if self.thresholds is not None else lanes)

    def starts(self, folds: int, lanes: int) -> Terms:
        """What sums of `lanes` start from, where a coding asks for it: a word for each fold."""
        if self.coding not in ("POPCOUNT", "SELECT") and not lanes:
            return Terms()
        if self.thresholds is not None or folds == 1 or not self.correction[1].any():
            return Terms()
        return Terms({"starts": lanes * self.sum_bits * -(-folds // 64)})

    def activation(self, folds: int, lanes: int, slots: int, place: Places = "lut", share: int = 1) -> Terms:
        """What makes results of the sums of `lanes`, each for `folds` rows in turn, and the output fifo."""
        key = (folds, lanes, slots, place, share)
        if key not in self._activations:
            search = None if self.thresholds is None else self.search
            bits = self.result_type.bits
            self._activations[key] = th.activation(
                search, folds, lanes, slots, bits, place=place, share=share
            )
        return self._activations[key]

    def share(self, folds: int, lanes: int, apart: int, place: Places) -> int:
        """How many of the sums of `lanes` take turns in a search, `apart` cycles from those to the next."""
        if self.thresholds is None:
            return 1
        key = (folds, lanes, apart, place)
        if key not in self._shares:
            self._shares[key] = th.best_share(self.search, *key)
        return self._shares[key]

    def steps(self, latency: int) -> Terms:
        """Which steps are in the pipeline, beside its stages: valid, first and last ones of a row."""
        stages = latency - 2 - 2 * self.levels
        return Terms(ff={"valid": stages + 1}) + memory.delay(stages, 2)

    def _lut_bits(self, simd: int, bits: int) -> int:
        """Bits of a dot product in LUTs, with weights of `bits` bits."""
        return bits + self.atype.bits + ceil(log2(simd))

    def lane_terms(self, simd: int, bits: int | None = None) -> Terms:
        """One row's dot product of `simd` terms in dot_lut.sv, its weights from a memory.

        They have the bits of their type unless others are given.
        """
        key = simd, bits or self.wtype.bits
        if key not in self._lanes:
            self._lanes[key] = self._lane_terms(*key)
        return self._lanes[key]

    def _lane_terms(self, simd: int, w: int) -> Terms:
        a, coding = self.atype.bits, self._coding(w)
        if coding == "POPCOUNT":
            return popcount(simd)
        if coding == "SELECT":
            return gated_tree(simd, a if self.wtype.bipolar else w)
        if coding in ("TABLE", "DIGITS"):
            return self._digit_terms(simd, w, w // 2 if coding == "DIGITS" else 1)
        planes, combined = w - 1, a + ceil(log2(simd))
        shifted = Terms({"planes": planes * combined}, {"planes": planes * (combined + 2)})
        return gated_tree(simd, a) * w + shifted

    def _digit_terms(self, simd: int, w: int, digits: int) -> Terms:
        """A table and a tree for each digit of a weight, signed only the last ones unless inputs are.

        The highest bit of a signed product follows from others; all of an unsigned one take a LUT each.
        """
        bits, shifted = w // digits + self.atype.bits, digits - 1
        combined = bits + ceil(log2(simd))
        parts = (
            [Terms({"planes": shifted * combined}, {"planes": shifted * (combined + 3)})] if shifted else []
        )
        for digit in range(digits):
            signed = self.atype.signed or digit == shifted
            products = Terms({"products": simd * (bits - signed)}, {"products": simd * bits})
            parts += [products, adder_tree(simd, bits, carries=int(signed))]
        return total(parts)


def weight_rom(blocks: IntArray, wtype: IntType, lane_bits: Sequence[int] = ()) -> Rom:
    """A row for each step: blocks [steps, lanes, simd], the simd weights of a lane side by side.

    They have the bits of their type, or those of `lane_bits`.
    """
    steps, lanes, simd = blocks.shape
    if len(set(lane_bits)) < 2:
        rows = Stream(replace(wtype, bits=lane_bits[0]) if lane_bits else wtype, lanes * simd, steps)
        data = pack(blocks.reshape(1, -1), rows).reshape(steps, -1)
        return Rom(tuple(int.from_bytes(row.tobytes(), "little") for row in data), rows.bits)
    found, width = [0] * steps, 0
    for lane, bits in enumerate(lane_bits):
        own = weight_rom(blocks[:, lane : lane + 1], wtype, (bits,))
        found = [row | part << width for row, part in zip(found, own.rows, strict=True)]
        width += own.width
    return Rom(tuple(found), width)
