"""Random sums for the tests every layer must pass."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from levada.draw import draw_folding, draw_thresholds, draw_type, draw_values, seeded
from levada.layer import Case, Tensor

if TYPE_CHECKING:
    from .add import Add


@st.composite
def cases(draw: st.DrawFn, cls: type[Add]) -> Case:
    """Sums of any two types, with and without thresholds, the same for all channels or not."""
    random = seeded(draw)
    channels = draw(st.integers(1, 12))
    shape = (*draw(st.sampled_from([(), (3,), (2, 2)])), channels)
    a, b = (Tensor(name, shape, draw_type(draw, draw(st.sampled_from([2, 8])))) for name in "ab")
    layer = cls(a, b)
    if draw(st.booleans()):
        table, base, otype = draw_thresholds(draw, random, (layer.sums.low, layer.sums.high), channels)
        layer = replace(layer, thresholds=table, base=base, otype=otype)
    folding = draw_folding(draw, layer)
    frames = draw(st.integers(1, 4))
    return Case(layer, folding, tuple(draw_values(random, port.dtype, (frames, *shape)) for port in (a, b)))
