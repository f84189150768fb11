"""Random forks for the tests every layer must pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from levada.draw import draw_folding, draw_type, draw_values, seeded
from levada.layer import Case, Tensor

if TYPE_CHECKING:
    from .fork import Fork


@st.composite
def cases(draw: st.DrawFn, cls: type[Fork]) -> Case:
    """Forks of vectors and images."""
    shape = (*draw(st.sampled_from([(), (3,), (2, 2)])), draw(st.integers(1, 16)))
    layer = cls(Tensor("x", shape, draw_type(draw, 9)))
    folding = draw_folding(draw, layer)
    frames = draw(st.integers(1, 4))
    return Case(layer, folding, (draw_values(seeded(draw), layer.tensor.dtype, (frames, *shape)),))
