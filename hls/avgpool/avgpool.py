"""AvgPool: the sum of each window of an image, each channel by itself, thresholds fused or none.

Streamlining makes of an average this sum and a scale behind it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from levada_driver.datatype import IntArray, IntType

from levada import thresholds as th
from levada.adders import adder_tree
from levada.layer import Bits as SvBits
from levada.layer import CppInstance, Folding, Layer, Match, SvInstance
from levada.onnxutil import convolution, ending_of
from levada.pooling import TilePool, Tiles, pool_parts, tile_terms
from levada.precision import Precision, respaced
from levada.terms import Terms, total


@dataclass(frozen=True, eq=False)
class AvgPool(TilePool):
    """y[r, q, c] = activation(sum of x[h, w, c] over tile (r, q) of x [*tiles.image]).

    With `thresholds` [C, N] the result is base + step * (number of channel c's thresholds that the sum
    reaches), of `otype`; without, the sum itself.
    """

    kind: ClassVar[str] = "avgpool"
    operators: ClassVar[frozenset[str]] = frozenset({"Conv"})

    thresholds: IntArray | None = None
    base: int = 0
    otype: IntType | None = None

    @cached_property
    def sums(self) -> th.Fused:
        """The range of the sums of a tile, and what becomes of them."""
        low, high = self.tiles.taps * self.xtype.min, self.tiles.taps * self.xtype.max
        return th.Fused(low, high, self.thresholds, self.base, self.otype)

    @property
    def result_type(self) -> IntType:
        return self.sums.result_type

    @property
    def levels(self) -> int:
        return self.sums.levels

    @classmethod
    def match(cls, node: Any, model: Any) -> Match | None:  # noqa: ANN401
        found = convolution(node, model)
        if found is None or len(found.x.shape) != 3:
            return None
        channels = found.x.shape[-1]
        if found.groups != channels or len(found.weights) != channels or np.any(found.weights != 1):
            return None
        ending = ending_of(node, model, channels)

        def make(tiles: Tiles) -> AvgPool:
            return cls(tiles, found.x.dtype, *ending.thresholds)

        return Match(ending.nodes, pool_parts(found.x, found.window, 0, ending.output, make))

    def golden(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        return (self.sums.apply(self.tiles.split(inputs[0]).sum(axis=3)),)

    def sv(self, folding: Folding) -> SvInstance:
        params: dict[str, int | SvBits] = {
            **self.layout_params(folding),
            "X_BITS": self.xtype.bits,
            "X_SIGNED": int(self.xtype.signed and not self.xtype.bipolar),
            "X_BIPOLAR": int(self.xtype.bipolar),
            "SUM_BITS": self.sums.width,
        }
        if self.thresholds is None:
            return SvInstance("avgpool", params | {"LEVELS": 0})
        # Channels that are alike need not be told apart: a fold of PE of them stands for all.
        rows = folding.pe if self.sums.uniform else self.tiles.channels
        params |= {"FOLDS": rows // folding.pe}
        return SvInstance("avgpool", params | self.sums.params(rows, folding.pe))

    def cpp(self, folding: Folding) -> CppInstance:
        types = (self.xtype, self.sums.cpp_type, self.sums.result_type)
        activation, table = self.sums.cpp()
        return CppInstance("avgpool", (*self.cpp_layout(folding), *types, *activation), table)

    def weight_bits(self) -> int:
        return self.sums.bits

    @property
    def precision(self) -> Precision:
        return Precision(activation=self.otype.bits if self.otype is not None else None)

    def requantized(self, inputs: tuple[IntType, ...], precision: Precision) -> Layer:
        plain = super().requantized(inputs, precision)
        assert isinstance(plain, AvgPool)
        before, after = ((sums.low, sums.high) for sums in (self.sums, plain.sums))
        own = self.thresholds, self.base, self.otype
        return replace(plain, **respaced(*own, before, after, precision.activation))

    def terms(self, folding: Folding) -> Terms:
        """A bit of a sum a LUT, in the trees over the taps and in the running results; thresholds."""
        layout, width = self.folding_of(folding.pe, folding.mmv), self.sums.width
        search = None if self.thresholds is None else self.sums.search
        folds, slots = 1 if self.sums.uniform else layout.cf, layout.slots(self.latency(layout))
        return total(
            (
                adder_tree(layout.taps, self.xtype.bits) * layout.lanes,
                Terms({"accumulators": layout.lanes * width}),
                tile_terms(layout, folding, self.xtype.bits, width),
                th.activation(search, folds, layout.lanes, slots, self.result_type.bits),
            )
        )
