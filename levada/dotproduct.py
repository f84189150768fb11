"""Dot products with constant integer weights as hls/common/dot_lanes.sv computes them, activation behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from math import ceil, log2

import numpy as np
from levada_driver.datatype import BIPOLAR, IntArray, IntType
from levada_driver.packing import Stream, pack

from levada import dsp, memory
from levada import thresholds as th
from levada.layer import Bits, Memory, Resources, Rom
from levada.onnxutil import sum_range

SvParam = int | Bits | Rom
#: Where weights may live that are not constants.
PLACES: tuple[Memory, ...] = ("lut", "block")
# Parts in which lanes are split between LUTs and slices; finer ones give a solver more to do than to gain.
_SPLITS = 8
# Weights that are looked at for longer chains of slices; of more, the bounds of their type are good enough.
_EXAMINED = 1 << 17


@dataclass(frozen=True, eq=False)
class DotProducts:
    """Rows of weights [MH, K] of `wtype` over inputs of `atype`, each with its own activation.

    With `thresholds` [MH, N] the result of a row is base + step * (number of its thresholds that the sum
    reaches), of `otype`; without, the sum itself.
    """

    weights: IntArray
    wtype: IntType
    atype: IntType
    thresholds: IntArray | None = None
    base: int = 0
    otype: IntType | None = None
    _slices: dict[int, dsp.DspDot | None] = field(default_factory=dict, init=False)

    @cached_property
    def row_range(self) -> tuple[IntArray, IntArray]:
        """Smallest and largest sum of each row over all inputs of `atype`."""
        return sum_range(self.weights, self.atype)

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

    def threshold_places(self, folds: int) -> tuple[Memory, ...]:
        """Where the thresholds may live if a lane has those of `folds` rows."""
        return ("lut",) if self.thresholds is None else self.search.places(folds)

    def activate(self, sums: IntArray) -> IntArray:
        """Results of sums [..., MH]."""
        if self.thresholds is None:
            return sums
        return th.apply(sums, self.thresholds, self.base, self.result_type.step)

    @property
    def coding(self) -> str:
        """How dot_lut codes the product; the names are those of dot_pkg."""
        if self.wtype.bipolar and self.atype.bipolar:
            return "POPCOUNT"
        if self.wtype.bipolar or self.atype.bipolar:
            return "SELECT"
        return "TABLE" if self.wtype.bits + self.atype.bits <= 6 else "PLANES"

    def latency(self, simd: int, pe: int = 1, dsp_pe: int = 0) -> int:
        """Cycles from a step to its result at the output.

        Operand register, dot product, accumulator, two cycles a threshold level, output fifo.
        """
        lut = self._lut_latency(simd) if dsp_pe < pe else 0
        slices = self.slices(simd).latency if dsp_pe else 0
        return 1 + max(lut, slices) + 1 + 2 * self.levels + 1

    def _lut_latency(self, simd: int) -> int:
        tree = ceil(log2(simd))
        return {
            "POPCOUNT": 2 + ceil(log2(ceil(simd / 6))),
            "SELECT": max(1, tree),
            "TABLE": 1 + tree,
            "PLANES": max(1, tree) + ceil(log2(self.wtype.bits)),
        }[self.coding]

    def dsp_lanes(self, pe: int, simd: int) -> list[int]:
        """How many of `pe` lanes may lie in DSP slices: none, all, and some that fill slices between.

        What a bipolar operand selects costs but a LUT a bit: a slice is too good for that.
        """
        if self.coding not in ("TABLE", "PLANES") or self._best_slices(simd) is None:
            return [0]
        full = self.slices(simd).packing.lanes
        steps = {full * round(pe / full * part / _SPLITS) for part in range(1, _SPLITS)}
        return sorted({0, pe, *(lanes for lanes in steps if 0 < lanes < pe)})

    def slices(self, simd: int) -> dsp.DspDot:
        """How lanes of `simd` terms lie in DSP slices."""
        found = self._best_slices(simd)
        assert found is not None, f"{self.wtype.name} x {self.atype.name} do not fit a slice"
        return found

    def _best_slices(self, simd: int) -> dsp.DspDot | None:
        """The packing that saves the most LUTs a slice."""
        if simd not in self._slices:
            low, high = int(self.weights.min()), int(self.weights.max())
            operands = dsp.Operands(self.wtype, self.atype, min(low, 0), max(high, 1))
            small = self.weights.size <= _EXAMINED
            columns = self.weights.reshape(len(self.weights), -1, simd) if small else None
            offered = [dsp.dot(operands, packing, simd, columns) for packing in dsp.packings(operands)]
            lut, _ = self.lane_cost(simd)
            self._slices[simd] = max(
                offered, key=lambda dot: dot.packing.lanes * lut - dot.resources.lut, default=None
            )
        return self._slices[simd]

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
        low, high = ((ends - offset) >> shift for ends in self.row_range)
        moved = -((offset[:, None] - self.thresholds) >> shift)
        return th.search(moved, self.base, self.result_type, int(low.min()), int(high.max()))

    def dsp_params(self, simd: int, dsp_pe: int) -> dict[str, SvParam]:
        """Parameters of dot_lanes for lanes in DSP slices; none without them."""
        if not dsp_pe:
            return {}
        params = self.slices(simd).params()
        shared = ("LANES", "PITCH", "CASCADE", "FIELD_BITS", "BIAS")
        return {"DSP_PE": dsp_pe, **{f"DSP_{key}": params[key] for key in shared}}

    def params(self, lanes: int) -> dict[str, SvParam]:
        """Parameters of a module that computes `lanes` rows at a time, without its shape and weights."""
        operands: dict[str, SvParam] = {
            "W_BITS": self.wtype.bits,
            "W_BIPOLAR": int(self.wtype.bipolar),
            "A_BITS": self.atype.bits,
            "A_SIGNED": int(self.atype.signed),
            "A_BIPOLAR": int(self.atype.bipolar),
        }
        return operands | self.activation_params(lanes)

    def activation_params(self, lanes: int) -> dict[str, SvParam]:
        """What of `params` tells how sums become results."""
        if self.thresholds is None:
            shift, offset = self.correction
            bits = self.result_type.bits
            return {"ACC_BITS": bits, "SHIFT": shift, "INIT": Bits(offset, bits)}
        search = self.search
        return {
            "ACC_BITS": search.width,
            "LEVELS": search.levels,
            "OFFSET": search.offset,
            "THRESHOLDS": search.lanes(lanes),
        }

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

    def lanes_cost(self, simd: int, pe: int, dsp_pe: int) -> Resources:
        """`pe` dot products of `simd` terms, `dsp_pe` of them in DSP slices, weights from a memory.

        The quicker kind of lanes waits in shift registers.
        """
        lut, ff = self.lane_cost(simd)
        rest = pe - dsp_pe
        in_luts = Resources(lut=rest * lut, ff=rest * ff)
        if not dsp_pe:
            return in_luts
        dot = self.slices(simd)
        groups = -(-dsp_pe // dot.packing.lanes)
        used = dot.resources
        wait = dot.latency - self._lut_latency(simd) if rest else 0
        waiting = dsp_pe * dot.dot_bits if wait < 0 else rest * self._lut_bits(simd) if wait > 0 else 0
        in_slices = Resources(dsp_pe * used.lut // dot.packing.lanes, groups * used.ff, groups * used.dsp)
        return in_luts + in_slices + Resources(lut=waiting, ff=waiting)

    def _lut_bits(self, simd: int) -> int:
        """Bits of a dot product in LUTs."""
        return self.wtype.bits + self.atype.bits + ceil(log2(simd))

    def lane_cost(self, simd: int) -> tuple[int, int]:
        """LUTs and flip-flops of one row's dot product of `simd` terms, its weights from a memory."""
        w, a = self.wtype.bits, self.atype.bits
        if self.coding == "POPCOUNT" and simd < 6:
            return simd + simd.bit_length(), simd + simd.bit_length()
        if self.coding == "POPCOUNT":
            groups = -(-simd // 6)
            tree = tree_bits(groups, 3)
            return simd + 3 * groups + tree, simd + 3 * groups + tree
        if self.coding == "SELECT":
            tree = tree_bits(simd, a if self.wtype.bipolar else w)
            return tree, tree
        if self.coding == "TABLE":
            tree = tree_bits(simd, w + a)
            return simd * (w + a) + tree, simd * (w + a) + tree
        tree = w * tree_bits(simd, a)
        combine = (w - 1) * (a + w + ceil(log2(simd)))
        return tree + combine, tree + combine


def narrowed(weights: IntArray, wtype: IntType) -> tuple[IntArray, IntType] | None:
    """Weights of half the bits, as near as a shift makes them; None for a single bit."""
    bits = wtype.bits // 2
    if not bits:
        return None
    if bits == 1:
        return np.where(weights < 0, -1, 1), BIPOLAR
    return weights >> (wtype.bits - bits), IntType(bits, wtype.signed)


def weight_rom(blocks: IntArray, wtype: IntType) -> Rom:
    """A row for each step: blocks [steps, lanes, simd], the simd weights of a lane side by side."""
    steps, lanes, simd = blocks.shape
    rows = Stream(wtype, lanes * simd, steps)
    data = pack(blocks.reshape(1, -1), rows).reshape(steps, -1)
    return Rom(tuple(int.from_bytes(row.tobytes(), "little") for row in data), rows.bits)


def rom_cost(memory: Memory, steps: int, bits: int) -> Resources:
    """A memory of `steps` rows of weights of `bits` each."""
    if memory == "block":
        return Resources(bram18=-(-bits // 36) * -(-steps // 512))
    if memory == "lut":
        return Resources(lut=bits * -(-steps // 64), ff=bits)
    return Resources()


def search_cost(search: th.Search, folds: int, lanes: int, place: Memory = "lut") -> Resources:
    """`lanes` threshold searches over `folds` rows each, as Yosys maps them; deep levels lie at `place`.

    A level compares two bits a LUT with a candidate. Of its candidates, two are no logic and up to 16 have
    bits in common. Flip-flops hold x twice and the candidate in each level, less what the first (with one
    fold it is a constant) and the last do without, and the bits found.
    """
    width, levels = search.width, search.levels
    in_blocks = search.deep(folds) if place == "block" else []
    lut = levels * (width // 2 + 1)
    for level in range(levels - len(in_blocks)):
        depth = folds << level
        if depth > 2:
            lut += width * 3 // 4 if depth <= 16 else width * -(-depth // 64)
    ff = (3 * levels - 1 - (folds == 1) - len(in_blocks)) * width + levels * (levels + 1)
    blocks = sum(memory.blocks(depth, width) for depth in in_blocks)
    return Resources(lut=lanes * lut, ff=lanes * ff, bram18=lanes * blocks)


def tree_bits(terms: int, width: int) -> int:
    """Bits of all registers of an adder tree, which is also its LUTs: one a sum bit."""
    bits = 0 if terms > 1 else width
    while terms > 1:
        terms, width = (terms + 1) // 2, width + 1
        bits += terms * width
    return bits
