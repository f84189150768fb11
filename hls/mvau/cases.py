"""Random MVAUs for the tests every layer must pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from levada.draw import PLACE, draw_folding, draw_thresholds, draw_type, draw_values, seeded
from levada.layer import Case

if TYPE_CHECKING:
    from .mvau import Mvau


@st.composite
def cases(draw: st.DrawFn, cls: type[Mvau]) -> Case:
    """MVAUs of every operand coding, with and without thresholds, folded in every way, often not at all.

    Of large ones, with many rows to a search, often those whose sums take turns in it. Of some the parameters
    can be written.
    """
    random = seeded(draw)
    large = draw(st.integers(0, 2)) == 0
    mw = draw(st.sampled_from([12, 16, 18]) if large else st.integers(1, 20))
    mh = draw(st.sampled_from([8, 12, 16]) if large else st.integers(1, 10))
    wtype = draw_type(draw, 8, unsigned=False)
    atype = draw_type(draw, draw(st.sampled_from([2, 4, 8, 16])))
    pixels = draw(st.sampled_from([(), (2,), (2, 3), (4, 3)]))
    weights = draw_values(random, wtype, (mh, mw))
    layer = cls(weights, wtype, atype, pixels)
    if large or draw(st.booleans()):
        low, high = layer.row_range
        fused = draw_thresholds(draw, random, (int(low.min()), int(high.max())), mh, alike=False)
        layer = cls(weights, wtype, atype, pixels, *fused)
    if draw(st.integers(0, 3)) == 0:
        layer = layer.at(PLACE) or layer
    unrolled = [folding for folding in layer.foldings() if folding.memory == "constant"]
    turns = [
        folding
        for folding in layer.foldings()
        if folding.pe * folding.simd <= 64 and layer.share(folding) > 1
    ]
    some = draw(st.sampled_from([unrolled, turns, [], []]))
    folding = draw(st.sampled_from(some)) if some else draw_folding(draw, layer)
    frames = draw(st.integers(1, 4))
    return Case(layer, folding, (draw_values(random, atype, (frames, *pixels, mw)),))
