"""Random boxes for the tests every layer must pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from levada.draw import draw_folding, draw_type, draw_values, seeded
from levada.layer import Case, Tensor

if TYPE_CHECKING:
    from .crop import Crop


@st.composite
def cases(draw: st.DrawFn, cls: type[Crop]) -> Case:
    """Boxes in vectors, rows and images, at their edges and within."""
    shape = [draw(st.integers(1, 6)) for _ in range(draw(st.integers(1, 3)))]
    starts = [draw(st.integers(0, size - 1)) for size in shape]
    stops = [draw(st.integers(start + 1, size)) for start, size in zip(starts, shape, strict=True)]
    unit = draw(st.sampled_from([1, 2, 4]))
    for ends in (shape, starts, stops):
        ends[-1] *= unit
    layer = cls(Tensor("x", tuple(shape), draw_type(draw, 9)), tuple(starts), tuple(stops))
    folding = draw_folding(draw, layer)
    frames = draw(st.integers(1, 4))
    return Case(layer, folding, (draw_values(seeded(draw), layer.tensor.dtype, (frames, *shape)),))
