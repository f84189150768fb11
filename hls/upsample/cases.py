"""Random images to enlarge for the tests every layer must pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from levada.draw import draw_folding, draw_type, draw_values, seeded
from levada.layer import Case, Tensor

if TYPE_CHECKING:
    from .upsample import Upsample


@st.composite
def cases(draw: st.DrawFn, cls: type[Upsample]) -> Case:
    """Images of every kind, now and then with rows so long that block RAM is offered."""
    if draw(st.integers(0, 4)) == 4:
        shape = (draw(st.integers(1, 2)), draw(st.integers(65, 70)), 1)
        rows, columns = 2, 1
    else:
        shape = (draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(1, 6)))
        rows, columns = (draw(st.integers(1, 3)) for _ in range(2))
    layer = cls(Tensor("x", shape, draw_type(draw, 9)), rows, columns)
    folding = draw_folding(draw, layer)
    frames = draw(st.integers(1, 3))
    return Case(layer, folding, (draw_values(seeded(draw), layer.tensor.dtype, (frames, *shape)),))
