"""Random sum pools for the tests every layer must pass."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from levada.draw import draw_folding, draw_thresholds, draw_type, draw_values, seeded
from levada.layer import Case
from levada.pooling import draw_tiles

if TYPE_CHECKING:
    from .avgpool import AvgPool


@st.composite
def cases(draw: st.DrawFn, cls: type[AvgPool]) -> Case:
    """Tiles of every shape over every type, with and without thresholds, folded in every way."""
    random = seeded(draw)
    layer = cls(draw_tiles(draw), draw_type(draw, 9))
    if draw(st.booleans()):
        table, base, otype = draw_thresholds(
            draw, random, (layer.sums.low, layer.sums.high), layer.tiles.channels
        )
        layer = replace(layer, thresholds=table, base=base, otype=otype)
    folding = draw_folding(draw, layer)
    frames = draw(st.integers(1, 3))
    return Case(layer, folding, (draw_values(random, layer.xtype, (frames, *layer.tiles.image)),))
