"""Random pairs of tensors for the tests every layer must pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from levada.draw import draw_folding, draw_type, draw_values, seeded
from levada.layer import Case, Tensor

if TYPE_CHECKING:
    from .concat import Concat


@st.composite
def cases(draw: st.DrawFn, cls: type[Concat]) -> Case:
    """Pairs along any axis, of one type or two."""
    random = seeded(draw)
    rank = draw(st.integers(1, 3))
    axis = draw(st.integers(0, rank - 1))
    unit = draw(st.sampled_from([1, 2, 4]))
    a = [draw(st.integers(1, 4)) for _ in range(rank)]
    a[-1] *= unit
    b = list(a)
    b[axis] = draw(st.integers(1, 4)) * (unit if axis == rank - 1 else 1)
    atype = draw_type(draw, 6)
    btype = draw(st.sampled_from([atype, draw_type(draw, 6)]))
    layer = cls(Tensor("a", tuple(a), atype), Tensor("b", tuple(b), btype), axis)
    folding = draw_folding(draw, layer)
    frames = draw(st.integers(1, 4))
    data = (draw_values(random, port.dtype, (frames, *port.shape)) for port in layer.inputs)
    return Case(layer, folding, tuple(data))
