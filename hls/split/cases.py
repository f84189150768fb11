"""Random cuts in two for the tests every layer must pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from levada.draw import draw_folding, draw_type, draw_values, seeded
from levada.layer import Case, Tensor

if TYPE_CHECKING:
    from .split import Split


@st.composite
def cases(draw: st.DrawFn, cls: type[Split]) -> Case:
    """Cuts along any axis, at any place."""
    rank = draw(st.integers(1, 3))
    axis = draw(st.integers(0, rank - 1))
    unit = draw(st.sampled_from([1, 2, 4]))
    shape = [draw(st.integers(1, 4)) for _ in range(rank)]
    shape[axis] = draw(st.integers(2, 6))
    count = draw(st.integers(1, shape[axis] - 1)) * (unit if axis == rank - 1 else 1)
    shape[-1] *= unit
    layer = cls(Tensor("x", tuple(shape), draw_type(draw, 9)), axis, count)
    folding = draw_folding(draw, layer)
    frames = draw(st.integers(1, 4))
    return Case(layer, folding, (draw_values(seeded(draw), layer.tensor.dtype, (frames, *shape)),))
