"""Fork: what every layer's tests cannot see."""

from __future__ import annotations

import pytest

from levada.layer import Tensor, fork, registered
from tests.unit import graphs
from tests.unit.one_node import check_foldings

Fork = registered()["fork"]


def test_it_is_what_the_compiler_forks_with():
    tensor = Tensor("x", (2, 2, 6), graphs.UINT4)
    layer = fork()(tensor, 2)
    assert isinstance(layer, Fork)
    assert layer.outputs == (tensor, tensor)


def test_more_than_two_copies_are_forks_of_forks():
    with pytest.raises(ValueError, match="a fork makes 2 copies, not 3; chain forks for more"):
        Fork(Tensor("x", (4,), graphs.UINT4), 3)


@pytest.mark.parametrize("shape", [(), (12,), (416, 416, 16)])
def test_beats_are_pixels_or_parts_of_them(shape):
    layer = Fork(Tensor("x", shape, graphs.UINT4))
    check_foldings(layer)
    assert max(folding.pe for folding in layer.foldings()) == (shape[-1] if shape else 1)
