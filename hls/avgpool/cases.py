"""Random sum pools for the tests every layer must pass."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st

from levada.draw import draw_type, draw_values, seeded
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
        otype = draw_type(draw, 4)
        full = (otype.max - otype.min) // otype.step
        count = draw(st.integers(max(1, full - 1), full))
        low, high = layer.sum_range
        channels = layer.tiles.channels
        table = np.sort(random.integers(low - 2, high + 3, (draw(st.sampled_from([1, channels])), count)))
        table = np.broadcast_to(table, (channels, count))
        layer = replace(layer, thresholds=table, base=otype.max - count * otype.step, otype=otype)
    folding = draw(st.sampled_from(list(layer.foldings())))
    frames = draw(st.integers(1, 3))
    return Case(layer, folding, (draw_values(random, layer.xtype, (frames, *layer.tiles.image)),))
