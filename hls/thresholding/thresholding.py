"""Thresholding: integers to narrower integers, a table of thresholds for each channel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from levada_driver.datatype import IntArray, IntType
from levada_driver.packing import Stream

from levada import thresholds as th
from levada.layer import (
    Case,
    CppInstance,
    Device,
    Folding,
    Layer,
    Match,
    Part,
    Resources,
    Schedule,
    SvInstance,
    Tensor,
    divisors,
)
from levada.onnxutil import integer_tensor, thresholds_of

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


@dataclass(frozen=True, eq=False)
class Thresholding(Layer):
    """y[..., c] = base + step * (number of thresholds[c] that x[..., c] reaches).

    x [*pixels, C] of `xtype`, thresholds [C, N] ascending, y of `otype` (step 2 for BIPOLAR, else 1).
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

    def golden(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        return (th.apply(inputs[0], self.thresholds, self.base, self.otype.step),)

    def foldings(self) -> Iterator[Folding]:
        for pe in divisors(self.channels):
            yield Folding(pe, pe, memory="lut" if pe < self.channels else "constant")

    def folded(self) -> Mapping[str, tuple[str, int]]:
        return {"pe": ("channels", self.channels)}

    def streams(self, folding: Folding) -> tuple[tuple[Stream, ...], tuple[Stream, ...]]:
        beats = prod(self.pixels) * self.channels // folding.pe
        return (Stream(self.xtype, folding.pe, beats),), (Stream(self.otype, folding.pe, beats),)

    def cycles(self, folding: Folding) -> int:
        return prod(self.pixels) * self.channels // folding.pe

    def schedule(self, folding: Folding) -> Schedule:
        every = np.ones(prod(self.pixels) * self.channels // folding.pe, np.bool_)
        latency = 2 * self.otype.bits + 1
        return Schedule((every,), (every,), latency, latency + 1)

    @cached_property
    def _search(self) -> th.Search:
        return th.search(self.thresholds, self.base, self.otype, self.xtype.min, self.xtype.max)

    @cached_property
    def uniform(self) -> bool:
        """Whether all channels have the same thresholds: then one row serves them all."""
        return bool(np.all(self.thresholds == self.thresholds[0]))

    def sv(self, folding: Folding) -> SvInstance:
        # Channels that are alike need not be told apart: a fold of PE of them stands for all.
        channels = folding.pe if self.uniform else self.channels
        table = replace(self._search, table=self._search.table[:channels])
        return SvInstance(
            "thresholding",
            {
                "CHANNELS": channels,
                "PE": folding.pe,
                "X_BITS": self.xtype.bits,
                "X_SIGNED": int(self.xtype.signed),
                "X_BIPOLAR": int(self.xtype.bipolar),
                "WIDTH": self._search.width,
                "LEVELS": self._search.levels,
                "SLOTS": self.schedule(folding).slots,
                "OFFSET": self._search.offset,
                "THRESHOLDS": table.lanes(folding.pe),
            },
        )

    def cpp(self, folding: Folding) -> CppInstance:
        rows = 1 if self.uniform else self.channels
        kept = np.clip(self.thresholds[:rows], self.xtype.min, self.xtype.max + 1)
        width = IntType.covering(min(-1, self.xtype.min), self.xtype.max + 1)
        template = (prod(self.pixels), self.channels, rows, folding.pe, self.xtype, self.otype)
        levels = self.thresholds.shape[1]
        return CppInstance("thresholding", (*template, levels, self.base), {"thresholds": (kept, width)})

    def weight_bits(self) -> int:
        rows = 1 if self.uniform else self.channels
        return rows * int(self.thresholds.shape[1]) * self._search.width

    def resources(self, folding: Folding, device: Device) -> Resources:
        width, levels = self._search.width, self.otype.bits
        folds = 1 if self.uniform else self.channels // folding.pe
        slots = self.schedule(folding).slots
        lut = th.luts(levels, width, folds, folding.pe) + 25 + folding.pe * levels * -(-slots // 32)
        return Resources(lut=lut, ff=30 + folding.pe * levels * (4 * width + 2))

    @classmethod
    def strategy(cls) -> SearchStrategy[Case]:
        from .cases import cases

        return cases(cls)
