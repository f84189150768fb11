"""MVAU: matrix-vector product with PE x SIMD multipliers, thresholds fused or none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from math import ceil, prod
from typing import Any, ClassVar, Self

import numpy as np
from levada_driver.datatype import IntArray, IntType
from levada_driver.packing import Stream

from levada import memory, nested, slices
from levada.dotproduct import PLACES, DotProducts, SvParam, weight_rom
from levada.layer import (
    CppInstance,
    Folding,
    Layer,
    Match,
    Part,
    Schedule,
    SvInstance,
    Tensor,
    divisors,
    pixels_abreast,
    windows_of,
)
from levada.onnxutil import convolution, ending_of, quantized_matmul
from levada.precision import Precision, rescaled, respaced
from levada.terms import Terms, total
from levada.unrolled import Unrolled


@dataclass(frozen=True, eq=False)
class Mvau(Layer):
    """y[..., m] = activation(sum over k of weights[m, k] * x[..., k]).

    weights [MH, MW] of `wtype`; x [*pixels, MW] of `atype`. With `thresholds` [MH, N] the result is
    base + step * (number of row m's thresholds that the sum reaches), of `otype`; without, the sum itself.
    Where one cycle takes a whole vector (simd = MW, pe = MH) it may take those of `mmv` pixels.
    With a `place` above 0 its parameters can be written while a design runs. In other settings it may drop
    lower bits of all weights and have other thresholds (`levada.nested`).
    """

    kind: ClassVar[str] = "mvau"
    operators: ClassVar[frozenset[str]] = frozenset({"Conv", "MatMul"})

    weights: IntArray
    wtype: IntType
    atype: IntType
    pixels: tuple[int, ...] = ()
    thresholds: IntArray | None = None
    base: int = 0
    otype: IntType | None = None
    _known: dict[tuple[int, int, int], Terms] = field(default_factory=dict, init=False, repr=False)

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
    def _dot(self) -> DotProducts:
        weights, thresholds = nested.stacked(self)
        ending = thresholds, self.base, self.otype
        shape = slices.SHAPES[self.family]
        writable, narrow = self.place > 0, not self.others
        return DotProducts(
            weights, self.wtype, self.atype, *ending, shape=shape, writable=writable, narrow=narrow
        )

    @cached_property
    def _unrolled(self) -> Unrolled:
        return Unrolled(self.weights, self.wtype, self.atype, self.thresholds, self.base, self.otype)

    @property
    def row_range(self) -> tuple[IntArray, IntArray]:
        """Smallest and largest sum of each row, of all settings one after the other, over all inputs."""
        return self._dot.row_range

    @property
    def result_type(self) -> IntType:
        """`otype`, or the narrowest type that holds every sum."""
        return self._dot.result_type

    @classmethod
    def match(cls, node: Any, model: Any) -> Match | None:  # noqa: ANN401
        if node.op_type == "Conv":
            return cls._match_conv(node, model)
        found = quantized_matmul(node, model)
        if found is None:
            return None
        ending = ending_of(node, model, len(found.weights))
        layer = cls(found.weights, found.wtype, found.atype, found.pixels, *ending.thresholds)
        return Match(ending.nodes, (Part(layer, (node.input[0],), (ending.output,)),))

    @classmethod
    def _match_conv(cls, node: Any, model: Any) -> Match | None:  # noqa: ANN401
        """A convolution is a product with each window, its weights in the order (kh, kw, C) of a window."""
        found = convolution(node, model)
        if found is None or found.groups > 1:
            return None
        weights = found.weights.transpose(0, 2, 3, 1).reshape(len(found.weights), -1)
        before, source = windows_of(found.x, found.window)
        ending = ending_of(node, model, len(weights))
        layer = cls(weights, found.wtype, found.x.dtype, found.outputs, *ending.thresholds)
        return Match(ending.nodes, (*before, Part(layer, (source,), (ending.output,))))

    def golden(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        # Float64 products are exact here (|sum| < 2^53) and much faster than NumPy's integer matmul.
        sums = np.rint(inputs[0].astype(np.float64) @ self.weights.T.astype(np.float64)).astype(np.int64)
        return (self._dot.activate(sums),)

    @cached_property
    def planes(self) -> tuple[int, ...]:
        return nested.planes_of(self)

    def joined(self, others: Sequence[Self]) -> Self | str:
        if not any(self.differing(other) for other in others):
            return self
        if self.mw * self.mh == 1:
            return "it has a single weight"
        return nested.obstacle(self, others) or replace(self, others=tuple(others))

    def foldings(self) -> Iterator[Folding]:
        for pe in divisors(self.mh):
            for simd in divisors(self.mw):
                rows = (self.mh // pe) * (self.mw // simd)
                if rows == 1:
                    abreast = pixels_abreast(prod(self.pixels))
                    for mmv in abreast if not self.place and not self.others else ():
                        yield Folding(pe, simd, mmv, memory="constant")
                    continue
                for dsp_pe in self._dot.dsp_lanes(pe, simd):
                    for place, deep in product(
                        PLACES, self._dot.threshold_places(self.settings * self.mh // pe)
                    ):
                        yield Folding(pe, simd, dsp_pe=dsp_pe, memory=place, thresholds=deep)

    def folded(self) -> Mapping[str, tuple[str, int]]:
        return {"pe": ("MH", self.mh), "simd": ("MW", self.mw), "mmv": ("pixels", prod(self.pixels))}

    def streams(self, folding: Folding) -> tuple[tuple[Stream, ...], tuple[Stream, ...]]:
        vectors = prod(self.pixels)
        taken, given = folding.mmv * folding.simd, folding.mmv * folding.pe
        return (
            (Stream(self.atype, taken, vectors * self.mw // taken),),
            (Stream(self.result_type, given, vectors * self.mh // given),),
        )

    def cycles(self, folding: Folding) -> int:
        # SF * NF for each beat: what `schedule` counts out, for searches that ask for thousands of them.
        return prod(self.pixels) // folding.mmv * (self.mw // folding.simd) * (self.mh // folding.pe)

    def schedule(self, folding: Folding) -> Schedule:
        sf, nf = self.mw // folding.simd, self.mh // folding.pe
        beats = prod(self.pixels) // folding.mmv
        reads = np.tile(np.arange(sf * nf) < sf, beats)
        writes = np.tile(np.arange(sf) == sf - 1, beats * nf)
        return Schedule((reads,), (writes,), self._latency(folding), self._slots(folding))

    def _slots(self, folding: Folding) -> int:
        """Results of latency + 1 successive steps, one every SF steps, at least 2."""
        sf = self.mw // folding.simd
        return max(2, ceil((self._latency(folding) + 1) / sf))

    def _latency(self, folding: Folding) -> int:
        if folding.memory == "constant":
            return self._unrolled.cycles
        share = self.share(folding)
        turns = share if share > 1 else 0
        return self._dot.latency(folding.simd, folding.pe, folding.dsp_pe) + turns

    def share(self, folding: Folding) -> int:
        """Sums that take turns in a threshold search: PE of them come every SF cycles."""
        if folding.memory == "constant":
            return 1
        sf, nf = self.mw // folding.simd, self.mh // folding.pe
        return self._dot.share(self.settings * nf, folding.pe, sf, folding.thresholds)

    def sv(self, folding: Folding) -> SvInstance:
        if folding.memory == "constant":
            return self._unrolled.sv(folding.mmv)
        params: dict[str, SvParam] = {
            "MW": self.mw,
            "MH": self.mh,
            "PE": folding.pe,
            "SIMD": folding.simd,
            "W_BLOCK": int(folding.memory == "block"),
            "SLOTS": self._slots(folding),
            "WEIGHTS": weight_rom(self._blocks(folding), self.wtype, self._dot.lane_bits(folding.pe)),
        }
        params |= self._dot.narrow_params(folding.simd, folding.pe)
        share = self.share(folding)
        if share > 1:
            params["T_SHARE"] = share
        slices = self._dot.dsp_params(folding.simd, folding.dsp_pe)
        rest = self._dot.params(folding.pe // share, folding.thresholds)
        place = {"PLACE": self.place} if self.place else {}
        params = nested.sv_params(self, params | slices | rest | place)
        return SvInstance("mvau", params, place=self.place, settings=self.settings)

    def _blocks(self, folding: Folding) -> IntArray:
        """Weights [NF*SF, PE, SIMD] in the order in which the hardware uses them."""
        nf, sf = self.mh // folding.pe, self.mw // folding.simd
        blocks = self.weights.reshape(nf, folding.pe, sf, folding.simd).transpose(0, 2, 1, 3)
        return blocks.reshape(nf * sf, folding.pe, folding.simd)

    def cpp(self, folding: Folding) -> CppInstance:
        shape = (prod(self.pixels), self.mw, self.mh, folding.pe, folding.simd, folding.mmv)
        activation, table = self._dot.cpp_activation()
        weights = {"weights": (self._blocks(folding), self.wtype)}
        template: tuple[int | IntType, ...] = (*shape, *self._dot.cpp_types(), *activation)
        return nested.cpp_instance(self, CppInstance("mvau", template, weights | table))

    def at(self, place: int) -> Self | None:
        possible = self.mw * self.mh > 1 and self._dot.fixed_start and not self.others
        return replace(self, place=place) if possible else None

    def words(self, folding: Folding) -> IntArray:
        lanes = folding.pe // self.share(folding)
        return self._dot.words(self._blocks(folding), lanes, self.place)

    def macs(self) -> int:
        return prod(self.pixels) * self.mw * self.mh

    def weight_bits(self) -> int:
        return self.mw * self.mh * self.wtype.bits

    @property
    def precision(self) -> Precision:
        return Precision(self.wtype.bits, self.otype.bits if self.otype is not None else None)

    def requantized(self, inputs: tuple[IntType, ...], precision: Precision) -> Layer:
        weights, wtype = rescaled(self.weights, self.wtype, precision.weight)
        sums = replace(self, weights=weights, wtype=wtype, atype=inputs[0], others=())
        own = self.thresholds, self.base, self.otype
        return replace(sums, **respaced(*own, self.row_range, sums.row_range, precision.activation))

    def slimmer(self) -> Mapping[str, Layer]:
        half = self.mh // 2
        if not half:
            return {}
        thresholds = None if self.thresholds is None else self.thresholds[:half]
        own = replace(self, weights=self.weights[:half], thresholds=thresholds, others=())
        return {f"{half} output channels": own}

    def terms(self, folding: Folding) -> Terms:
        sf, nf = self.mw // folding.simd, self.mh // folding.pe
        if folding.memory == "constant":
            return self._unrolled.terms(folding.mmv)
        alike = folding.pe, folding.simd, folding.dsp_pe
        if alike not in self._known:
            self._known[alike] = self._terms_between(folding)
        row = folding.simd * sum(self._dot.lane_bits(folding.pe))
        weights = self._dot.weights_memory(folding.memory, sf * nf, row)
        slots, share = self._slots(folding), self.share(folding)
        rows = self.settings * nf
        activation = self._dot.activation(rows, folding.pe, slots, folding.thresholds, share)
        settings = nested.terms(self, nf * share, row, block=folding.memory == "block")
        return total((self._known[alike], weights, activation, settings))

    def _terms_between(self, folding: Folding) -> Terms:
        """All but the memories of weights and thresholds, which many foldings have in common."""
        sf, nf = self.mw // folding.simd, self.mh // folding.pe
        dot, pe = self._dot, folding.pe
        return total(
            (
                dot.lanes_terms(folding.simd, pe, folding.dsp_pe),
                self._input_terms(folding),
                dot.accumulators(nf, sf, pe, folding.dsp_pe),
                memory.counters(sf, nf, sf * nf, nf),
                dot.steps(dot.latency(folding.simd, pe, folding.dsp_pe)),
            )
        )

    def _input_terms(self, folding: Folding) -> Terms:
        """The operand register; where a vector is needed again, its beats wait in LUT memory."""
        bits = folding.simd * self.atype.bits
        if self.mh == folding.pe:
            return Terms(ff={"operands": bits})
        kept = memory.lut_ram(self.mw // folding.simd, bits)
        return Terms({**kept, "mux": bits}, {"operands": bits})
