"""AvgPool: the sum of each window of an image, each channel by itself, thresholds fused or none.

Streamlining makes of an average this sum and a scale behind it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from levada_driver.datatype import IntArray, IntType

from levada import thresholds as th
from levada.dotproduct import search_cost, tree_bits
from levada.layer import Bits as SvBits
from levada.layer import Case, CppInstance, Device, Folding, Match, Resources, SvInstance
from levada.onnxutil import convolution, thresholds_after
from levada.pooling import TilePool, Tiles, pool_parts, tile_cost

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


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

    @property
    def sum_range(self) -> tuple[int, int]:
        """Smallest and largest sum of a tile."""
        return self.tiles.taps * self.xtype.min, self.tiles.taps * self.xtype.max

    @property
    def result_type(self) -> IntType:
        """`otype`, or the narrowest type that holds every sum."""
        return self.otype or IntType.covering(*self.sum_range)

    @property
    def levels(self) -> int:
        return 0 if self.thresholds is None else self.result_type.bits

    @classmethod
    def match(cls, node: Any, model: Any) -> Match | None:  # noqa: ANN401
        found = convolution(node, model)
        if found is None or len(found.x.shape) != 3:
            return None
        channels = found.x.shape[-1]
        if found.groups != channels or len(found.weights) != channels or np.any(found.weights != 1):
            return None
        activation = thresholds_after(node.output[0], model)
        last = activation.node if activation else node

        def make(tiles: Tiles) -> AvgPool:
            if activation is None:
                return cls(tiles, found.x.dtype)
            table = activation.per_channel(channels)
            return cls(tiles, found.x.dtype, table, activation.base, activation.otype)

        parts = pool_parts(found.x, found.window, 0, last.output[0], make)
        names = (node.name, activation.node.name) if activation else (node.name,)
        return Match(names, parts)

    def golden(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        sums = self.tiles.split(inputs[0]).sum(axis=3)
        if self.thresholds is None:
            return (sums,)
        return (th.apply(sums, self.thresholds, self.base, self.result_type.step),)

    @cached_property
    def _search(self) -> th.Search:
        assert self.thresholds is not None
        return th.search(self.thresholds, self.base, self.result_type, *self.sum_range)

    @cached_property
    def uniform(self) -> bool:
        """Whether all channels have the same thresholds: then one row serves them all."""
        return self.thresholds is not None and bool(np.all(self.thresholds == self.thresholds[0]))

    def sv(self, folding: Folding) -> SvInstance:
        params: dict[str, int | SvBits] = {
            **self.layout_params(folding),
            "X_BITS": self.xtype.bits,
            "X_SIGNED": int(self.xtype.signed and not self.xtype.bipolar),
            "X_BIPOLAR": int(self.xtype.bipolar),
            "LEVELS": self.levels,
        }
        if self.thresholds is None:
            return SvInstance("avgpool", params | {"SUM_BITS": self.result_type.bits})
        # Channels that are alike need not be told apart: a fold of PE of them stands for all.
        rows = folding.pe if self.uniform else self.tiles.channels
        table = replace(self._search, table=self._search.table[:rows])
        params |= {"SUM_BITS": table.width, "FOLDS": rows // folding.pe}
        return SvInstance("avgpool", params | {"OFFSET": table.offset, "THRESHOLDS": table.lanes(folding.pe)})

    def cpp(self, folding: Folding) -> CppInstance:
        low, high = self.sum_range
        sums = IntType.covering(min(-1, low), high)
        types = (self.xtype, sums, self.result_type)
        template: tuple[int | IntType, ...] = (*self.cpp_layout(folding), *types)
        if self.thresholds is None:
            return CppInstance("avgpool", template)
        rows = 1 if self.uniform else self.tiles.channels
        kept = np.clip(self.thresholds[:rows], low, high + 1)
        width = IntType.covering(min(-1, low), high + 1)
        levels = self.thresholds.shape[1]
        return CppInstance("avgpool", (*template, rows, levels, self.base), {"thresholds": (kept, width)})

    def weight_bits(self) -> int:
        if self.thresholds is None:
            return 0
        rows = 1 if self.uniform else self.tiles.channels
        return rows * int(self.thresholds.shape[1]) * self._search.width

    def resources(self, folding: Folding, device: Device) -> Resources:
        """A bit of a sum a LUT, in the trees over the taps and in the running results; thresholds."""
        layout = self.folding_of(folding.pe, folding.mmv)
        width = self.result_type.bits if self.thresholds is None else self._search.width
        tree = layout.lanes * tree_bits(layout.taps, self.xtype.bits) if layout.taps > 1 else 0
        total = Resources(lut=tree + layout.lanes * width, ff=tree)
        total += tile_cost(layout, folding, self.xtype.bits, width, self.result_type.bits)
        if self.thresholds is None:
            return total
        return total + search_cost(self._search, 1 if self.uniform else layout.cf, layout.lanes)

    @classmethod
    def strategy(cls) -> SearchStrategy[Case]:
        from .cases import cases

        return cases(cls)
