"""Random windows of random images for the tests every layer must pass."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import assume
from hypothesis import strategies as st
from levada_driver.datatype import IntType

from levada.draw import draw_type, draw_values, seeded
from levada.layer import Case, Folding, Tensor
from levada.pipelining import Pipelining
from levada.window import Window

if TYPE_CHECKING:
    from .swu import Swu

# Elements of the windows of a frame: what keeps a case small.
MOST = 1000


@st.composite
def cases(draw: st.DrawFn, cls: type[Swu]) -> Case:
    """Images of one row, one column, neither, or with rows that fill block RAM, folded in every way."""
    window = draw(windows())
    narrow = st.tuples(st.integers(1, 9), st.sampled_from([1, 2, 3, 4, 5, 6, 7, 8, 12]))
    wide = st.tuples(st.integers(0, 2).map(window.extent[0].__add__), st.sampled_from([34, 66, 68, 72]))
    height, width = draw(narrow | wide)
    rows, columns = window.outputs(height, width)
    assume(rows >= 1 and columns >= 1)
    most = MOST // (rows * columns * window.taps)
    assume(most >= 1)
    channels = draw(st.sampled_from([c for c in (1, 2, 3, 4, 6) if c <= most]))
    dtype = draw_type(draw, 9)
    if dtype.bipolar and any(window.pads):
        dtype = IntType(2, signed=True)
    fill = draw(st.sampled_from(sorted({0, dtype.min, dtype.max} if any(window.pads) else {0})))
    layer = cls(Tensor("x", (height, width, channels), dtype), window, fill)
    folding = draw(foldings(layer))
    random = seeded(draw)
    data = draw_values(random, dtype, (draw(st.integers(1, 4)), *layer.tensor.shape))
    # What pipelining changes is no draw of its own: the same layers are drawn as for slow clocks.
    layer = replace(layer, pipelining=Pipelining(ahead=bool(random.integers(2))))
    return Case(layer, folding, (data,))


def foldings(layer: Swu) -> st.SearchStrategy[Folding]:
    """Each form, number of pixels and place of the memory as often as the others."""
    groups: dict[tuple[int, bool, str], list[Folding]] = {}
    for folding in layer.foldings():
        groups.setdefault((folding.mmv, folding.simd > layer.channels, folding.memory), []).append(folding)
    return st.sampled_from(list(groups.values())).flatmap(st.sampled_from)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """Windows with strides above and below their kernels, dilated, and padded beyond their own size."""
    kernel = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    stride = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    dilation = draw(st.sampled_from([1, 1, 2, 3])), draw(st.sampled_from([1, 1, 2, 3]))
    pads = draw(st.sampled_from([0, 0, 1, 2]))
    if draw(st.booleans()):
        return Window(kernel, stride, dilation, (pads, pads, pads, pads))
    sides = st.integers(0, 2 * pads + 1)
    return Window(kernel, stride, dilation, (draw(sides), draw(sides), draw(sides), draw(sides)))
