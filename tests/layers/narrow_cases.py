"""Random MVAUs with rows of small weights at equal distances, so that whole lanes have fewer bits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from levada.draw import draw_thresholds, draw_type, draw_values, seeded
from levada.layer import Case, registered


@st.composite
def cases(draw):
    """MVAUs of which some lanes have fewer bits than their type, some of these lanes in slices."""
    cls, random = registered()["mvau"], seeded(draw)
    period = draw(st.sampled_from([2, 4]))
    mh, mw = period * draw(st.integers(1, 3)), draw(st.sampled_from([4, 6, 9, 16]))
    wtype = draw_type(draw, 8, unsigned=False)
    assume(wtype.bits > 2)
    atype = draw_type(draw, 8)
    weights = draw_values(random, wtype, (mh, mw))
    weights[0, 0] = wtype.min
    for place in range(draw(st.integers(1, period - 1)), period):
        bound = 1 << (draw(st.integers(2, wtype.bits - 1)) - 1)
        weights[place::period] = np.clip(weights[place::period], -bound, bound - 1)
    layer = cls(weights, wtype, atype, draw(st.sampled_from([(), (2, 3)])))
    layer = draw(st.sampled_from([layer, replace(layer, **_fused(draw, random, layer))]))
    folded = [folding for folding in layer.foldings() if folding.memory != "constant"]
    narrow = [folding for folding in folded if len(set(layer._dot.lane_bits(folding.pe))) > 1]
    assume(narrow)
    mixed = [folding for folding in narrow if 0 < folding.dsp_pe < folding.pe]
    folding = draw(st.sampled_from(draw(st.sampled_from([narrow, mixed or narrow]))))
    return Case(layer, folding, (draw_values(random, atype, (3, *layer.pixels, mw)),))


def _fused(draw, random, layer):
    low, high = layer.row_range
    table = draw_thresholds(draw, random, (int(low.min()), int(high.max())), layer.mh, alike=False)
    return dict(zip(("thresholds", "base", "otype"), table, strict=True))
