"""VVAU: depthwise convolution, PE channels or SIMD whole pixels a cycle, thresholds fused or none.

`dsp_pe` of the PE channels multiply in DSP slices, where the outputs of a channel share slices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from math import prod
from typing import Any, ClassVar, Self

import numpy as np
from levada_driver.datatype import IntArray, IntType
from levada_driver.packing import Stream

from levada import memory, nested, slices
from levada.dotproduct import PLACES, DotProducts, SvParam, weight_rom
from levada.errors import LevadaError
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
    windows_of,
)
from levada.onnxutil import convolution, ending_of
from levada.precision import Precision, rescaled, respaced
from levada.terms import Terms, total
from levada.unrolled import Unrolled

#: Output channels that one input channel may have: they share its lane.
_MOST_OUTPUTS = 4


@dataclass(frozen=True, eq=False)
class Vvau(Layer):
    """y[..., m] = activation(sum over k of weights[m, k] * x[..., k * C + m // M]), M = MH / C.

    weights [MH, K] of `wtype`; x [*pixels, K * C] of `atype`: the K pixels of each window, their channels
    side by side. With `thresholds` [MH, N] the result is base + step * (number of row m's thresholds that the
    sum reaches), of `otype`; without, the sum itself. In other settings it may drop lower bits of all weights
    and have other thresholds (`levada.nested`).
    """

    kind: ClassVar[str] = "vvau"
    operators: ClassVar[frozenset[str]] = frozenset({"Conv"})

    weights: IntArray
    wtype: IntType
    atype: IntType
    pixels: tuple[int, ...]
    channels: int
    thresholds: IntArray | None = None
    base: int = 0
    otype: IntType | None = None

    @property
    def mh(self) -> int:
        """Output channels."""
        return int(self.weights.shape[0])

    @property
    def taps(self) -> int:
        """Pixels of a window: K."""
        return int(self.weights.shape[1])

    @property
    def multiplier(self) -> int:
        """Output channels of an input channel: M."""
        return self.mh // self.channels

    @property
    def windows(self) -> int:
        """Windows of a frame."""
        return prod(self.pixels)

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (Tensor("x", (*self.pixels, self.taps * self.channels), self.atype),)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        return (Tensor("y", (*self.pixels, self.mh), self.result_type),)

    @cached_property
    def _dot(self) -> DotProducts:
        weights, thresholds = nested.stacked(self)
        ending = thresholds, self.base, self.otype
        shape = slices.SHAPES[self.family]
        return DotProducts(
            weights,
            self.wtype,
            self.atype,
            *ending,
            sharing=self.multiplier,
            shape=shape,
            writable=self.place > 0,
        )

    @cached_property
    def _unrolled(self) -> Unrolled:
        """All windows' pixels of all channels as one vector: most weights are zeros."""
        weights = np.zeros((self.mh, self.taps, self.channels), np.int64)
        rows = np.arange(self.mh)
        weights[rows, :, rows // self.multiplier] = self.weights
        matrix = weights.reshape(self.mh, -1)
        return Unrolled(matrix, self.wtype, self.atype, self.thresholds, self.base, self.otype)

    @property
    def row_range(self) -> tuple[IntArray, IntArray]:
        """Smallest and largest sum of each output channel, setting after setting, over all inputs."""
        return self._dot.row_range

    @property
    def result_type(self) -> IntType:
        """`otype`, or the narrowest type that holds every sum."""
        return self._dot.result_type

    @classmethod
    def match(cls, node: Any, model: Any) -> Match | None:  # noqa: ANN401
        found = convolution(node, model)
        if found is None or len(found.x.shape) != 3 or not found.depthwise:
            return None
        mh, channels = len(found.weights), found.x.shape[-1]
        if mh > _MOST_OUTPUTS * channels:
            raise LevadaError(
                f"{node.name}: {mh // channels} output channels for each input channel of a depthwise "
                f"convolution, {_MOST_OUTPUTS} are the most; split it into several convolutions"
            )
        before, source = windows_of(found.x, found.window)
        ending = ending_of(node, model, mh)
        weights = found.weights.reshape(mh, -1)
        layer = cls(weights, found.wtype, found.x.dtype, found.outputs, channels, *ending.thresholds)
        return Match(ending.nodes, (*before, Part(layer, (source,), (ending.output,))))

    def golden(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        x = inputs[0].reshape(*inputs[0].shape[:-1], self.taps, self.channels)
        weights = self.weights.reshape(self.channels, self.multiplier, self.taps)
        sums = np.einsum("...kc,cjk->...cj", x, weights)
        return (self._dot.activate(sums.reshape(*x.shape[:-2], self.mh)),)

    @cached_property
    def planes(self) -> tuple[int, ...]:
        return nested.planes_of(self)

    def joined(self, others: Sequence[Self]) -> Self | str:
        if not any(self.differing(other) for other in others):
            return self
        if self.taps * self.channels == 1:
            return "it has a single weight a channel, and a single channel"
        return nested.obstacle(self, others) or replace(self, others=tuple(others))

    def foldings(self) -> Iterator[Folding]:
        shapes = [(pe, 1) for pe in divisors(self.channels)]
        shapes += [(self.channels, simd) for simd in divisors(self.taps)[1:]]
        for pe, simd in shapes:
            if pe * simd == self.channels * self.taps:
                if not self.place and not self.others:
                    yield Folding(pe, simd, memory="constant")
                continue
            deep = self._dot.threshold_places(self.settings * self.channels // pe)
            for dsp_pe, place, thresholds in product(self._dot.dsp_lanes(pe, simd), PLACES, deep):
                yield Folding(pe, simd, dsp_pe=dsp_pe, memory=place, thresholds=thresholds)

    def folded(self) -> Mapping[str, tuple[str, int]]:
        return {"pe": ("C", self.channels), "simd": ("K", self.taps)}

    def _folds(self, folding: Folding) -> tuple[int, int]:
        """Steps of a window: over its taps, over the channels."""
        return self.taps // folding.simd, self.channels // folding.pe

    def streams(self, folding: Folding) -> tuple[tuple[Stream, ...], tuple[Stream, ...]]:
        tf, cf = self._folds(folding)
        return (
            (Stream(self.atype, folding.simd * folding.pe, self.windows * tf * cf),),
            (Stream(self.result_type, folding.pe * self.multiplier, self.windows * cf),),
        )

    def schedule(self, folding: Folding) -> Schedule:
        """Reads in every step, writes in the cf last ones of a window."""
        tf, cf = self._folds(folding)
        last = np.arange(tf * cf) >= (tf - 1) * cf
        reads, writes = np.ones(self.windows * tf * cf, np.bool_), np.tile(last, self.windows)
        return Schedule((reads,), (writes,), self._latency(folding), self._slots(folding))

    def _latency(self, folding: Folding) -> int:
        if folding.memory == "constant":
            return self._unrolled.cycles
        return self._dot.latency(folding.simd, folding.pe, folding.dsp_pe)

    def _slots(self, folding: Folding) -> int:
        """The most results of latency + 1 successive steps, at least 2: with so many it never waits."""
        tf, cf = self._folds(folding)
        bursts, more = divmod(self._latency(folding) + 1, tf * cf)
        return max(2, bursts * cf + min(more, cf))

    def cycles(self, folding: Folding) -> int:
        """OH * OW * K/SIMD * C/PE."""
        tf, cf = self._folds(folding)
        return self.windows * tf * cf

    def sv(self, folding: Folding) -> SvInstance:
        if folding.memory == "constant":
            return self._unrolled.sv()
        params: dict[str, SvParam] = {
            "C": self.channels,
            "M": self.multiplier,
            "K": self.taps,
            "PE": folding.pe,
            "SIMD": folding.simd,
            "W_BLOCK": int(folding.memory == "block"),
            "SLOTS": self._slots(folding),
            "WEIGHTS": weight_rom(self._blocks(folding), self.wtype),
        }
        slices = self._dot.dsp_params(folding.simd, folding.dsp_pe)
        rest = self._dot.params(folding.pe * self.multiplier, folding.thresholds)
        place = {"PLACE": self.place} if self.place else {}
        params = nested.sv_params(self, params | slices | rest | place)
        return SvInstance("vvau", params, place=self.place, settings=self.settings)

    def _blocks(self, folding: Folding) -> IntArray:
        """Weights [TF*CF, PE*M, SIMD] in the order in which the hardware uses them."""
        (tf, cf), lanes = self._folds(folding), folding.pe * self.multiplier
        blocks = self.weights.reshape(cf, lanes, tf, folding.simd).transpose(2, 0, 1, 3)
        return blocks.reshape(tf * cf, lanes, folding.simd)

    def cpp(self, folding: Folding) -> CppInstance:
        shape = (self.windows, self.channels, self.multiplier, self.taps, folding.pe, folding.simd)
        activation, table = self._dot.cpp_activation()
        weights = {"weights": (self._blocks(folding), self.wtype)}
        template: tuple[int | IntType, ...] = (*shape, *self._dot.cpp_types(), *activation)
        return nested.cpp_instance(self, CppInstance("vvau", template, weights | table))

    def at(self, place: int) -> Self | None:
        possible = self.taps * self.channels > 1 and self._dot.fixed_start and not self.others
        return replace(self, place=place) if possible else None

    def words(self, folding: Folding) -> IntArray:
        return self._dot.words(self._blocks(folding), folding.pe * self.multiplier, self.place)

    def macs(self) -> int:
        return self.windows * self.taps * self.mh

    def weight_bits(self) -> int:
        return self.weights.size * self.wtype.bits

    @property
    def precision(self) -> Precision:
        return Precision(self.wtype.bits, self.otype.bits if self.otype is not None else None)

    def requantized(self, inputs: tuple[IntType, ...], precision: Precision) -> Layer:
        weights, wtype = rescaled(self.weights, self.wtype, precision.weight)
        sums = replace(self, weights=weights, wtype=wtype, atype=inputs[0], others=())
        own = self.thresholds, self.base, self.otype
        return replace(sums, **respaced(*own, self.row_range, sums.row_range, precision.activation))

    def terms(self, folding: Folding) -> Terms:
        """Lanes, their sums in LUT memory, the weights, and what all have: counters, thresholds and fifo."""
        if folding.memory == "constant":
            return self._unrolled.terms()
        (tf, cf), lanes = self._folds(folding), folding.pe * self.multiplier
        dot, row = self._dot, lanes * folding.simd * self.wtype.bits
        return total(
            (
                dot.lanes_terms(folding.simd, lanes, folding.dsp_pe * self.multiplier),
                dot.weights_memory(folding.memory, tf * cf, row),
                Terms(ff={"operands": folding.simd * folding.pe * self.atype.bits}),
                memory.partials(cf if tf > 1 else 1, lanes * dot.sum_bits, chained=tf > 1 and cf == 1),
                Terms({"accumulators": lanes * dot.sum_bits}),
                dot.starts(cf, lanes),
                memory.counters(tf, cf, tf * cf, cf),
                dot.steps(self._latency(folding)),
                dot.activation(self.settings * cf, lanes, self._slots(folding), folding.thresholds),
                nested.terms(self, cf, row, block=folding.memory == "block"),
            )
        )
