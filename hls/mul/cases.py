"""Random factors for the tests every layer must pass."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st

from levada.draw import draw_folding, draw_thresholds, draw_type, draw_values, seeded
from levada.layer import Case

if TYPE_CHECKING:
    from .mul import Mul


@st.composite
def cases(draw: st.DrawFn, cls: type[Mul]) -> Case:
    """One factor or many, of either sign, zero too; with and without thresholds."""
    random = seeded(draw)
    channels = draw(st.integers(1, 12))
    pixels = draw(st.sampled_from([(), (3,), (2, 2)]))
    xtype = draw_type(draw, draw(st.sampled_from([2, 8])))
    ftype = draw_type(draw, draw(st.sampled_from([2, 7])), unsigned=False)
    factors = draw_values(random, ftype, (draw(st.sampled_from([1, channels])),))
    layer = cls(np.broadcast_to(factors, channels).copy(), xtype, pixels)
    if draw(st.booleans()):
        table, base, otype = draw_thresholds(draw, random, layer.range, channels)
        layer = replace(layer, thresholds=table, base=base, otype=otype)
    folding = draw_folding(draw, layer)
    frames = draw(st.integers(1, 4))
    return Case(layer, folding, (draw_values(random, xtype, (frames, *pixels, channels)),))
