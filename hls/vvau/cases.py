"""Random VVAUs for the tests every layer must pass."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from levada.draw import PLACE, draw_folding, draw_thresholds, draw_type, draw_values, seeded
from levada.layer import Case

if TYPE_CHECKING:
    from .vvau import Vvau


@st.composite
def cases(draw: st.DrawFn, cls: type[Vvau]) -> Case:
    """VVAUs of every operand coding, with and without thresholds, folded in every way.

    Of some the parameters can be written.
    """
    random = seeded(draw)
    channels, taps = draw(st.sampled_from([1, 2, 3, 4, 6, 8])), draw(st.sampled_from([1, 2, 3, 4, 6, 9]))
    multiplier = draw(st.sampled_from([1, 1, 2, 3]))
    wtype = draw_type(draw, 8, unsigned=False)
    atype = draw_type(draw, draw(st.sampled_from([2, 4, 8])))
    pixels = draw(st.sampled_from([(1, 1), (1, 3), (2, 2)]))
    layer = cls(draw_values(random, wtype, (channels * multiplier, taps)), wtype, atype, pixels, channels)
    if draw(st.booleans()):
        low, high = layer.row_range
        ends = int(low.min()), int(high.max())
        table, base, otype = draw_thresholds(draw, random, ends, layer.mh, alike=False)
        layer = replace(layer, thresholds=table, base=base, otype=otype)
    if draw(st.integers(0, 3)) == 0:
        layer = layer.at(PLACE) or layer
    folding = draw_folding(draw, layer)
    frames = draw(st.integers(1, 3))
    return Case(layer, folding, (draw_values(random, atype, (frames, *layer.inputs[0].shape)),))
