"""Thresholding: integers to narrower integers, a table of thresholds for each channel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any, ClassVar

import numpy as np
from levada_driver.datatype import IntArray, IntType
from levada_driver.packing import Stream

from levada import thresholds as th
from levada.layer import (
    Bits,
    CppInstance,
    Folding,
    Layer,
    Match,
    Memory,
    Part,
    Schedule,
    SvInstance,
    Tensor,
    divisors,
    pixels_abreast,
)
from levada.onnxutil import integer_tensor, thresholds_of
from levada.precision import Precision, respaced
from levada.terms import Terms


@dataclass(frozen=True, eq=False)
class Thresholding(Layer):
    """y[..., c] = base + step * (number of thresholds[c] that x[..., c] reaches).

    x [*pixels, C] of `xtype`, thresholds [C, N] ascending, y of `otype` (step 2 for BIPOLAR, else 1).
    Where one cycle takes all channels (pe = C) it may take those of `mmv` pixels.
    """

    kind: ClassVar[str] = "thresholding"
    operators: ClassVar[frozenset[str]] = frozenset({"MultiThreshold"})

    thresholds: IntArray
    base: int
    xtype: IntType
    otype: IntType
    pixels: tuple[int, ...] = ()

    @property
    def channels(self) -> int:
        """Channels: rows of the table."""
        return int(self.thresholds.shape[0])

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (Tensor("x", (*self.pixels, self.channels), self.xtype),)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        return (Tensor("y", (*self.pixels, self.channels), self.otype),)

    @classmethod
    def match(cls, node: Any, model: Any) -> Match | None:  # noqa: ANN401
        activation = thresholds_of(node, model)
        if activation is None:
            return None
        x = integer_tensor(node.input[0], model)
        table = activation.per_channel(x.shape[-1])
        layer = cls(table, activation.base, x.dtype, activation.otype, x.shape[:-1])
        return Match((node.name,), (Part(layer, (node.input[0],), (node.output[0],)),))

    @cached_property
    def _fused(self) -> th.Fused:
        return th.Fused(self.xtype.min, self.xtype.max, self.thresholds, self.base, self.otype)

    def golden(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        return (self._fused.apply(inputs[0]),)

    def foldings(self) -> Iterator[Folding]:
        for pe in divisors(self.channels):
            folds = 1 if self._fused.uniform else self.channels // pe
            for deep in self._fused.search.places(folds):
                place: Memory = "lut" if pe < self.channels else "constant"
                yield Folding(pe, pe, memory=place, thresholds=deep)
        for mmv in pixels_abreast(prod(self.pixels))[1:]:
            yield Folding(self.channels, self.channels, mmv, memory="constant")

    def folded(self) -> Mapping[str, tuple[str, int]]:
        return {"pe": ("channels", self.channels), "mmv": ("pixels", prod(self.pixels))}

    def streams(self, folding: Folding) -> tuple[tuple[Stream, ...], tuple[Stream, ...]]:
        beats, elements = self.cycles(folding), folding.mmv * folding.pe
        return (Stream(self.xtype, elements, beats),), (Stream(self.otype, elements, beats),)

    def cycles(self, folding: Folding) -> int:
        return prod(self.pixels) * self.channels // (folding.mmv * folding.pe)

    def schedule(self, folding: Folding) -> Schedule:
        every = np.ones(self.cycles(folding), np.bool_)
        latency = 2 * self.otype.bits + 1
        return Schedule((every,), (every,), latency, latency + 1)

    def sv(self, folding: Folding) -> SvInstance:
        # Channels that are alike need not be told apart: a fold of PE of them stands for all.
        channels = folding.pe if self._fused.uniform else self.channels
        params: dict[str, int | Bits] = {
            "CHANNELS": channels,
            "PE": folding.pe,
            "MMV": folding.mmv,
            "X_BITS": self.xtype.bits,
            "X_SIGNED": int(self.xtype.signed),
            "X_BIPOLAR": int(self.xtype.bipolar),
            "WIDTH": self._fused.width,
            "SLOTS": self.schedule(folding).slots,
        }
        return SvInstance(
            "thresholding", params | self._fused.params(channels, folding.pe, folding.thresholds)
        )

    def cpp(self, folding: Folding) -> CppInstance:
        (rows, *levels), table = self._fused.cpp()
        shape = (prod(self.pixels), self.channels, rows, folding.pe, folding.mmv)
        template = (*shape, self.xtype, self.otype)
        return CppInstance("thresholding", (*template, *levels), table)

    def weight_bits(self) -> int:
        return self._fused.bits

    @property
    def precision(self) -> Precision:
        return Precision(activation=self.otype.bits)

    def requantized(self, inputs: tuple[IntType, ...], precision: Precision) -> Layer:
        own = self.thresholds, self.base, self.otype
        before, after = ((dtype.min, dtype.max) for dtype in (self.xtype, *inputs))
        return replace(self, xtype=inputs[0], **respaced(*own, before, after, precision.activation))

    def terms(self, folding: Folding) -> Terms:
        lanes, slots = folding.mmv * folding.pe, self.schedule(folding).slots
        folds = 1 if self._fused.uniform else self.channels // folding.pe
        search, bits = self._fused.search, (self.otype.bits, self.xtype.bits)
        return th.activation(search, folds, lanes, slots, *bits, place=folding.thresholds)
