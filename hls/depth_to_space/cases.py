"""Random images with blocks in their channels for the tests every layer must pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from levada.draw import draw_folding, draw_type, draw_values, seeded
from levada.layer import Case, Tensor

if TYPE_CHECKING:
    from .depth_to_space import DepthToSpace


@st.composite
def cases(draw: st.DrawFn, cls: type[DepthToSpace]) -> Case:
    """Images of every kind, now and then so wide that block RAM is offered."""
    if draw(st.integers(0, 4)) == 4:
        block, height, width, channels = 2, 1, draw(st.integers(34, 36)), 1
    else:
        block, channels = draw(st.sampled_from([1, 2, 2, 3])), draw(st.integers(1, 3))
        height, width = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    shape = (height, width, block**2 * channels)
    layer = cls(Tensor("x", shape, draw_type(draw, 9)), block)
    folding = draw_folding(draw, layer)
    frames = draw(st.integers(1, 4))
    return Case(layer, folding, (draw_values(seeded(draw), layer.tensor.dtype, (frames, *shape)),))
