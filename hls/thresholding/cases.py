"""Random threshold tables for the tests every layer must pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st

from levada.draw import draw_folding, draw_result_type, draw_table, draw_type, draw_values, seeded
from levada.layer import Case

if TYPE_CHECKING:
    from .thresholding import Thresholding


@st.composite
def cases(draw: st.DrawFn, cls: type[Thresholding]) -> Case:
    """Tables with thresholds below, within and above the range of their input."""
    random = seeded(draw)
    xtype = draw_type(draw, draw(st.sampled_from([2, 8, 16])))
    otype = draw_result_type(draw, 5)
    channels = draw(st.integers(8 if otype.bits == 8 else 1, 12))
    pixels = draw(st.sampled_from([(), (3,), (2, 2), (3, 4)]))
    full = (otype.max - otype.min) // otype.step
    count = draw(st.integers(max(1, full - 2), full))
    rows = draw(st.sampled_from([1, channels]))
    table = draw_table(draw, random, (xtype.min, xtype.max), (rows, count))
    table = np.broadcast_to(table, (channels, count))
    layer = cls(table, otype.max - count * otype.step, xtype, otype, pixels)
    folding = draw_folding(draw, layer)
    x = draw_values(random, xtype, (draw(st.integers(1, 4)), *pixels, channels))
    return Case(layer, folding, (x,))
