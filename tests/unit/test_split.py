"""Split: what it takes of a network and what it refuses; its results beside those of ONNX."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from levada.errors import LevadaError
from levada.layer import Tensor, registered
from tests.unit import graphs
from tests.unit.one_node import assert_same, check_foldings, matched, network

Split = registered()["split"]


def cut(shape, axis, sizes, explicit=True, dtype="INT4"):
    names = [f"y{index}" for index in range(len(sizes))]
    attributes = {"axis": axis} | ({} if explicit else {"num_outputs": len(sizes)})
    node = helper.make_node("Split", ["x", "s"] if explicit else ["x"], names, name="Split_0", **attributes)
    shapes = [
        tuple(size if place == axis % len(shape) else n for place, n in enumerate(shape)) for size in sizes
    ]
    outputs = {name: (part, dtype) for name, part in zip(names, shapes, strict=True)}
    constants = {"s": np.array(sizes, np.int64)} if explicit else {}
    return network([node], {"x": (shape, dtype)}, outputs, constants)


@pytest.mark.parametrize(
    ("shape", "axis", "sizes", "explicit"),
    [
        ((1, 6, 3, 2), 1, [2, 4], True),
        ((1, 6, 3, 2), 1, [2, 2, 2], False),
        ((1, 6, 3, 2), 1, [1, 2, 1, 2], True),
        ((1, 6, 3, 2), 2, [1, 2], True),
        ((1, 6, 3, 3), -1, [2, 1], True),
        ((1, 6), 1, [2, 4], True),
    ],
)
def test_results_are_those_of_onnx(shape, axis, sizes, explicit):
    model = cut(shape, axis, sizes, explicit)
    match = matched(model, "split")
    assert len(match.parts) == len(sizes) - 1
    assert_same(model, match)


def test_one_output_is_left_to_others():
    assert matched(cut((1, 6), 1, [6]), "split") is None


def test_foldings_cut_no_beat():
    layer = Split(Tensor("x", (416, 416, 12), graphs.UINT4), 2, 8)
    check_foldings(layer)
    assert {folding.pe for folding in layer.foldings()} == {1, 2, 4}


@pytest.mark.parametrize("count", [0, 12])
def test_both_outputs_get_something(count):
    with pytest.raises(ValueError, match=f"cannot cut {count} of 12 elements off"):
        Split(Tensor("x", (12,), graphs.UINT4), 0, count)


def test_along_frames_nothing_is_cut():
    with pytest.raises(LevadaError) as error:
        matched(cut((2, 4), 0, [1, 1]), "split")
    assert str(error.value) == "Split_0: Split along axis 0, over frames; use another axis"


def test_an_output_that_nothing_reads_is_refused():
    model = cut((1, 6), 1, [2, 4])
    del model.graph.output[1]
    with pytest.raises(LevadaError) as error:
        matched(model, "split")
    assert str(error.value) == "Split_0: nothing reads y1; cut with Slice instead"
