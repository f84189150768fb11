"""Random tables for the tests every layer must pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from levada.draw import draw_folding, draw_type, draw_values, seeded
from levada.layer import Case

if TYPE_CHECKING:
    from .lookup import Lookup


@st.composite
def cases(draw: st.DrawFn, cls: type[Lookup]) -> Case:
    """Tables of all of a type's values or of some, the same for all channels or not."""
    random = seeded(draw)
    channels = draw(st.integers(1, 8))
    pixels = draw(st.sampled_from([(), (3,), (2, 2)]))
    xtype, otype = draw_type(draw, draw(st.sampled_from([3, 9]))), draw_type(draw, 9)
    first = draw(st.integers(xtype.min, xtype.max))
    first = draw(st.sampled_from([xtype.min, first]))
    last = draw(st.sampled_from([xtype.max, draw(st.integers(first, xtype.max))]))
    table = draw_values(random, otype, (draw(st.sampled_from([1, channels])), last - first + 1))
    layer = cls(table, first, channels, xtype, otype, pixels)
    folding = draw_folding(draw, layer)
    frames = draw(st.integers(1, 4))
    return Case(layer, folding, (draw_values(random, xtype, (frames, *pixels, channels)),))
