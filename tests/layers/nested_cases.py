"""Random layers with several settings, made of those that the layers' own strategies draw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from levada import nested
from levada.draw import draw_folding, draw_table, seeded
from levada.layer import Case

#: Kinds that take several settings.
KINDS = ("mvau", "vvau")
# No power of two, so that they leave a gap wherever they are a number.
_SETTINGS = 3


@st.composite
def cases(draw, cls):
    """Layers of a kind that drop planes of their weights, have other thresholds, or both."""
    case = draw(cls.strategy())
    random = seeded(draw)
    plain = replace(case.layer, place=0)
    layer = plain.joined([_other(draw, random, plain) for _ in range(_SETTINGS - 1)])
    assume(not isinstance(layer, str) and layer.settings > 1)
    return Case(layer, draw_folding(draw, layer), case.inputs)


def _other(draw, random, layer):
    planes = 0 if layer.wtype.bipolar else draw(st.integers(0, layer.wtype.bits - 1))
    changed = {"weights": nested.cut(layer.weights, planes)}
    if layer.thresholds is not None:
        low, high = layer.row_range
        ends = int(low.min()), int(high.max())
        if draw(st.booleans()):
            changed["thresholds"] = draw_table(draw, random, ends, layer.thresholds.shape)
        else:  # those of the widest setting, moved
            changed["thresholds"] = layer.thresholds + np.int64(draw(st.integers(-3, 3)))
    return replace(layer, **changed)
