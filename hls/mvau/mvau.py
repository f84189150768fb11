"""MVAU: matrix-vector product with PE x SIMD multipliers, thresholds fused or none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import ceil, log2
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from levada_driver.datatype import IntArray, IntType
from levada_driver.packing import Stream, pack

from levada import thresholds as th
from levada.layer import Bits as SvBits
from levada.layer import (
    Case,
    CppInstance,
    Device,
    Folding,
    Layer,
    Match,
    Memory,
    Resources,
    Rom,
    Schedule,
    SvInstance,
    Tensor,
    divisors,
)
from levada.onnxutil import quantized_matmul, sum_range, thresholds_after

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


@dataclass(frozen=True, eq=False)
class Mvau(Layer):
    """y[..., m] = activation(sum over k of weights[m, k] * x[..., k]).

    weights [MH, MW] of `wtype`; x [*pixels, MW] of `atype`. With `thresholds` [MH, N] the result is
    base + step * (number of row m's thresholds that the sum reaches), of `otype`; without, the sum itself.
    """

    kind: ClassVar[str] = "mvau"
    operators: ClassVar[frozenset[str]] = frozenset({"MatMul"})

    weights: IntArray
    wtype: IntType
    atype: IntType
    pixels: tuple[int, ...] = ()
    thresholds: IntArray | None = None
    base: int = 0
    otype: IntType | None = None

    @property
    def mh(self) -> int:
        """Rows of the matrix: output channels."""
        return int(self.weights.shape[0])

    @property
    def mw(self) -> int:
        """Columns of the matrix: input channels of a vector."""
        return int(self.weights.shape[1])

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (Tensor("x", (*self.pixels, self.mw), self.atype),)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        return (Tensor("y", (*self.pixels, self.mh), self.result_type),)

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

    @classmethod
    def match(cls, node: Any, model: Any) -> Match | None:  # noqa: ANN401
        found = quantized_matmul(node, model)
        if found is None:
            return None
        activation = thresholds_after(node.output[0], model)
        layer = cls(
            weights=found.weights,
            wtype=found.wtype,
            atype=found.atype,
            pixels=found.pixels,
            thresholds=activation.per_channel(found.weights.shape[0]) if activation else None,
            base=activation.base if activation else 0,
            otype=activation.otype if activation else None,
        )
        last = activation.node if activation else node
        names = (node.name, activation.node.name) if activation else (node.name,)
        return Match(layer, names, (node.input[0],), (last.output[0],))

    def golden(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        # Float64 products are exact here (|sum| < 2^53) and much faster than NumPy's integer matmul.
        sums = np.rint(inputs[0].astype(np.float64) @ self.weights.T.astype(np.float64)).astype(np.int64)
        if self.thresholds is None:
            return (sums,)
        return (th.apply(sums, self.thresholds, self.base, self.result_type.step),)

    def foldings(self) -> Iterator[Folding]:
        for pe in divisors(self.mh):
            for simd in divisors(self.mw):
                rows = (self.mh // pe) * (self.mw // simd)
                places: tuple[Memory, ...] = ("constant",) if rows == 1 else ("lut", "block")
                for memory in places:
                    yield Folding(pe, simd, memory=memory)

    def folded(self) -> Mapping[str, tuple[str, int]]:
        return {"pe": ("MH", self.mh), "simd": ("MW", self.mw)}

    def streams(self, folding: Folding) -> tuple[tuple[Stream, ...], tuple[Stream, ...]]:
        vectors = int(np.prod(self.pixels, dtype=np.int64))
        return (
            (Stream(self.atype, folding.simd, vectors * self.mw // folding.simd),),
            (Stream(self.result_type, folding.pe, vectors * self.mh // folding.pe),),
        )

    def schedule(self, folding: Folding) -> Schedule:
        sf, nf = self.mw // folding.simd, self.mh // folding.pe
        step = np.arange(int(np.prod(self.pixels, dtype=np.int64)) * sf * nf)
        # Operand register, dot product, accumulator, two cycles a threshold level, output fifo.
        latency = 1 + self._dot_latency(folding.simd) + 1 + 2 * self._levels + 1
        slots = max(2, ceil((latency + 1) / sf))
        return Schedule((step % (sf * nf) < sf,), (step % sf == sf - 1,), latency, slots)

    @property
    def _levels(self) -> int:
        return 0 if self.thresholds is None else self.result_type.bits

    @property
    def _coding(self) -> str:
        """How dot_lut codes the product; the names are those of dot_pkg."""
        if self.wtype.bipolar and self.atype.bipolar:
            return "POPCOUNT"
        if self.wtype.bipolar or self.atype.bipolar:
            return "SELECT"
        return "TABLE" if self.wtype.bits + self.atype.bits <= 6 else "PLANES"

    def _dot_latency(self, simd: int) -> int:
        tree = ceil(log2(simd))
        return {
            "POPCOUNT": 2 + ceil(log2(ceil(simd / 6))),
            "SELECT": max(1, tree),
            "TABLE": 1 + tree,
            "PLANES": max(1, tree) + ceil(log2(self.wtype.bits)),
        }[self._coding]

    @cached_property
    def _correction(self) -> tuple[int, IntArray]:
        """(shift, offset [MH]) with: true sum = (hardware's sum << shift) + offset. See dot_lut.sv."""
        if self._coding == "POPCOUNT":
            return 1, np.full(self.mh, -self.mw, np.int64)
        if self.wtype.bipolar:
            inverted = -1 if self.atype.signed else self.atype.max  # ~a == inverted - a
            return 0, -inverted * (self.weights < 0).sum(1)
        if self.atype.bipolar:
            return 1, -self.weights.sum(1)
        return 0, np.zeros(self.mh, np.int64)

    @cached_property
    def _search(self) -> th.Search:
        """The thresholds, moved to where the hardware's uncorrected sums lie."""
        assert self.thresholds is not None
        shift, offset = self._correction
        low, high = ((ends - offset) >> shift for ends in self.row_range)
        moved = -((offset[:, None] - self.thresholds) >> shift)
        return th.search(moved, self.base, self.result_type, int(low.min()), int(high.max()))

    def sv(self, folding: Folding) -> SvInstance:
        shift, offset = self._correction
        params: dict[str, int | SvBits | Rom] = {
            "MW": self.mw,
            "MH": self.mh,
            "PE": folding.pe,
            "SIMD": folding.simd,
            "W_BITS": self.wtype.bits,
            "W_BIPOLAR": int(self.wtype.bipolar),
            "W_BLOCK": int(folding.memory == "block"),
            "A_BITS": self.atype.bits,
            "A_SIGNED": int(self.atype.signed),
            "A_BIPOLAR": int(self.atype.bipolar),
            "SLOTS": self.schedule(folding).slots,
            "WEIGHTS": self._weight_rom(folding),
        }
        if self.thresholds is None:
            bits = self.result_type.bits
            params |= {"ACC_BITS": bits, "SHIFT": shift, "INIT": SvBits(offset, bits)}
        else:
            search = self._search
            params |= {
                "ACC_BITS": search.width,
                "LEVELS": search.levels,
                "OFFSET": search.offset,
                "THRESHOLDS": search.lanes(folding.pe),
            }
        return SvInstance("mvau", params)

    def _blocks(self, folding: Folding) -> IntArray:
        """Weights [NF*SF, PE, SIMD] in the order in which the hardware uses them."""
        nf, sf = self.mh // folding.pe, self.mw // folding.simd
        blocks = self.weights.reshape(nf, folding.pe, sf, folding.simd).transpose(0, 2, 1, 3)
        return blocks.reshape(nf * sf, folding.pe, folding.simd)

    def _weight_rom(self, folding: Folding) -> Rom:
        blocks = self._blocks(folding)
        rows = Stream(self.wtype, folding.pe * folding.simd, len(blocks))
        data = pack(blocks.reshape(1, -1), rows).reshape(len(blocks), -1)
        return Rom(tuple(int.from_bytes(row.tobytes(), "little") for row in data), rows.bits)

    def cpp(self, folding: Folding) -> CppInstance:
        levels = 0 if self.thresholds is None else self.thresholds.shape[1]
        low, high = self.row_range
        accumulator = IntType.covering(min(-1, int(low.min())), int(high.max()))
        vectors = int(np.prod(self.pixels, dtype=np.int64))
        constants = {"weights": (self._blocks(folding), self.wtype)}
        if self.thresholds is not None:
            kept = np.clip(self.thresholds, low.min(), high.max() + 1)
            width = IntType.covering(min(-1, int(low.min())), int(high.max()) + 1)
            constants["thresholds"] = (kept, width)
        shape = (vectors, self.mw, self.mh, folding.pe, folding.simd)
        types = (self.wtype, self.atype, accumulator, self.result_type)
        if self.thresholds is None:
            return CppInstance("mvau", (*shape, *types), constants)
        return CppInstance("mvau", (*shape, *types, levels, self.base), constants)

    def macs(self) -> int:
        return int(np.prod(self.pixels, dtype=np.int64)) * self.mw * self.mh

    def weight_bits(self) -> int:
        return self.mw * self.mh * self.wtype.bits

    def resources(self, folding: Folding, device: Device) -> Resources:
        sf, nf = self.mw // folding.simd, self.mh // folding.pe
        lut, ff = self._lane_cost(folding.simd)
        acc = self.result_type.bits if self.thresholds is None else self._search.width
        lut = folding.pe * (lut + acc)
        ff = folding.pe * (ff + acc)
        if self.thresholds is not None:
            lut += th.luts(self._levels, acc, nf, folding.pe)
            ff += folding.pe * self._levels * (4 * acc + 2)
        row_bits = folding.pe * folding.simd * self.wtype.bits
        input_bits = folding.simd * self.atype.bits
        bram = 0
        if folding.memory == "block":
            bram = -(-row_bits // 36) * -(-(sf * nf) // 512)
        elif folding.memory == "lut":
            lut += row_bits * -(-(sf * nf) // 64)
            ff += row_bits
        lut += 40 + 2 * folding.pe * self.result_type.bits
        lut += input_bits * (1 + -(-sf // 32)) if nf > 1 else 0
        ff += 40 + input_bits
        return Resources(lut=lut, ff=ff, dsp=0, bram18=bram)

    def _lane_cost(self, simd: int) -> tuple[int, int]:
        """LUTs and flip-flops of one lane's dot product."""
        w, a = self.wtype.bits, self.atype.bits
        if self._coding == "POPCOUNT":
            groups = -(-simd // 6)
            tree = _tree_bits(groups, 3)
            return simd + 3 * groups + tree, simd + 3 * groups + tree
        if self._coding == "SELECT":
            tree = _tree_bits(simd, a if self.wtype.bipolar else w)
            return tree, tree
        if self._coding == "TABLE":
            tree = _tree_bits(simd, w + a)
            return simd * (w + a) + tree, simd * (w + a) + tree
        tree = w * _tree_bits(simd, a)
        combine = (w - 1) * (a + w + ceil(log2(simd)))
        return tree + combine, tree + combine

    @classmethod
    def strategy(cls) -> SearchStrategy[Case]:
        from .cases import cases

        return cases(cls)


def _tree_bits(terms: int, width: int) -> int:
    """Bits of all registers of an adder tree, which is also its LUTs: one a sum bit."""
    bits = 0 if terms > 1 else width
    while terms > 1:
        terms, width = (terms + 1) // 2, width + 1
        bits += terms * width
    return bits
