"""Dot products with constant integer weights as hls/common/dot_lanes.sv computes them, activation behind."""

from __future__ import annotations

from dataclasses import dataclass, field
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
# Weights that are looked at for longer chains of slices; of more, the bounds of their type are good enough.
_EXAMINED = 1 << 17


@dataclass(frozen=True, eq=False)
class DotProducts:
    """Rows of weights [MH, K] of `wtype` over inputs of `atype`, each with its own activation.

    With `thresholds` [MH, N] the result of a row is base + step * (number of its thresholds that the sum
    reaches), of `otype`; without, the sum itself. `sharing` rows have the same inputs; 0 for all of them.
    `shape` is that of the chip's DSP slices. What is `writable` must do for any weights of `wtype`, and for
    any thresholds of as many levels.
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
    _slices: dict[int, dsp.DspDot | None] = field(default_factory=dict, init=False)
    _lanes: dict[int, Terms] = field(default_factory=dict, init=False)
    _shares: dict[tuple[int, int, int, Places], int] = field(default_factory=dict, init=False)
    _latencies: dict[tuple[int, bool, bool], int] = field(default_factory=dict, init=False)
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
        if self.wtype.bipolar and self.atype.bipolar:
            return "POPCOUNT"
        if self.wtype.bipolar or self.atype.bipolar:
            return "SELECT"
        if self.wtype.bits + self.atype.bits <= 6:
            return "TABLE"
        return "DIGITS" if self.wtype.bits % 2 == 0 and self.atype.bits in (3, 4) else "PLANES"

    @property
    def _digits(self) -> int:
        """Parts of a weight that meet an input in a table each."""
        return self.wtype.bits // 2 if self.coding == "DIGITS" else 1

    def latency(self, simd: int, pe: int = 1, dsp_pe: int = 0) -> int:
        """Cycles from a step to its result at the output.

        Operand register, dot product, accumulator, two cycles a threshold level, output fifo.
        """
        key = simd, dsp_pe < pe, dsp_pe > 0
        if key not in self._latencies:
            lut = self._lut_latency(simd) if dsp_pe < pe else 0
            slices = self.slices(simd).latency if dsp_pe else 0
            self._latencies[key] = 1 + max(lut, slices) + 1 + 2 * self.levels + 1
        return self._latencies[key]

    def _lut_latency(self, simd: int) -> int:
        tree = ceil(log2(simd))
        return {
            "POPCOUNT": 3 + ceil(log2(ceil(simd / 18))),
            "SELECT": max(1, tree),
            "TABLE": 1 + tree,
            "DIGITS": 1 + tree + ceil(log2(self._digits)),
            "PLANES": max(1, tree) + ceil(log2(self.wtype.bits)),
        }[self.coding]

    def dsp_lanes(self, pe: int, simd: int) -> list[int]:
        """How many of `pe` lanes may lie in DSP slices: none, all, and some that fill slices between.

        Where `sharing` rows have the same inputs, how many of `pe` such groups. What a bipolar operand
        selects costs but a LUT a bit: a slice is too good for that.
        """
        if self.coding not in ("TABLE", "DIGITS", "PLANES") or self._best_slices(simd) is None:
            return [0]
        full = 1 if self.sharing else self.slices(simd).packing.lanes
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

        Slices take the lanes of one input only. The quicker kind of lanes waits in shift registers.
        """
        rest = pe - dsp_pe
        in_luts = self.lane_terms(simd) * rest
        if not dsp_pe:
            return in_luts
        dot = self.slices(simd)
        together = self.sharing or dsp_pe
        groups = dsp_pe // together * -(-together // dot.packing.lanes)
        used = dot.resources
        wait = dot.latency - self._lut_latency(simd) if rest else 0
        waiting = dsp_pe * dot.dot_bits if wait < 0 else rest * self._lut_bits(simd)
        lut, ff = dsp_pe * used.lut // dot.packing.lanes, groups * used.ff
        in_slices = Terms({"slices": lut}, {"slices": ff}, groups * used.dsp)
        return total((in_luts, in_slices, memory.delay(abs(wait), waiting)))

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

    def _lut_bits(self, simd: int) -> int:
        """Bits of a dot product in LUTs."""
        return self.wtype.bits + self.atype.bits + ceil(log2(simd))

    def lane_terms(self, simd: int) -> Terms:
        """One row's dot product of `simd` terms in dot_lut.sv, its weights from a memory."""
        if simd not in self._lanes:
            self._lanes[simd] = self._lane_terms(simd)
        return self._lanes[simd]

    def _lane_terms(self, simd: int) -> Terms:
        w, a = self.wtype.bits, self.atype.bits
        if self.coding == "POPCOUNT":
            return popcount(simd)
        if self.coding == "SELECT":
            return gated_tree(simd, a if self.wtype.bipolar else w)
        if self.coding in ("TABLE", "DIGITS"):
            return self._digit_terms(simd)
        planes, combined = w - 1, a + ceil(log2(simd))
        shifted = Terms({"planes": planes * combined}, {"planes": planes * (combined + 2)})
        return gated_tree(simd, a) * w + shifted

    def _digit_terms(self, simd: int) -> Terms:
        """A table and a tree for each digit of a weight, signed only the last ones unless inputs are.

        The highest bit of a signed product follows from others; all of an unsigned one take a LUT each.
        """
        bits, shifted = self.wtype.bits // self._digits + self.atype.bits, self._digits - 1
        combined = bits + ceil(log2(simd))
        parts = (
            [Terms({"planes": shifted * combined}, {"planes": shifted * (combined + 3)})] if shifted else []
        )
        for digit in range(self._digits):
            signed = self.atype.signed or digit == shifted
            products = Terms({"products": simd * (bits - signed)}, {"products": simd * bits})
            parts += [products, adder_tree(simd, bits, carries=int(signed))]
        return total(parts)


def weight_rom(blocks: IntArray, wtype: IntType) -> Rom:
    """A row for each step: blocks [steps, lanes, simd], the simd weights of a lane side by side."""
    steps, lanes, simd = blocks.shape
    rows = Stream(wtype, lanes * simd, steps)
    data = pack(blocks.reshape(1, -1), rows).reshape(steps, -1)
    return Rom(tuple(int.from_bytes(row.tobytes(), "little") for row in data), rows.bits)
