"""Random pools for the tests every layer must pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from levada.draw import draw_folding, draw_type, draw_values, seeded
from levada.layer import Case
from levada.pooling import draw_tiles

if TYPE_CHECKING:
    from .maxpool import MaxPool


@st.composite
def cases(draw: st.DrawFn, cls: type[MaxPool]) -> Case:
    """Tiles of every shape over every type, folded in every way."""
    tiles = draw_tiles(draw)
    layer = cls(tiles, draw_type(draw, 9))
    folding = draw_folding(draw, layer)
    frames = draw(st.integers(1, 3))
    return Case(layer, folding, (draw_values(seeded(draw), layer.xtype, (frames, *tiles.image)),))
