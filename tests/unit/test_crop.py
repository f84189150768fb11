"""Crop: what it takes of a network and what it refuses; its results beside those of ONNX."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from levada.errors import LevadaError
from levada.layer import Folding, Tensor, registered
from tests.unit import graphs
from tests.unit.one_node import assert_same, check_foldings, matched, network

Crop = registered()["crop"]
FAR = np.iinfo(np.int64).max


def sliced(shape, result, starts, ends, axes=None, steps=None, missing=False):
    limits = {"starts": starts, "ends": ends, "axes": axes, "steps": steps}
    given = [name for name, value in limits.items() if value is not None]
    inputs = {"x": (shape, "INT4")} | ({"starts": ((len(starts),), "INT32")} if missing else {})
    last = max(list(limits).index(name) for name in given)
    names = [name if name in given else "" for name in list(limits)[: last + 1]]
    node = helper.make_node("Slice", ["x", *names], ["y"], name="Slice_0")
    constants = {
        name: np.array(limits[name], np.int64) for name in given if not (missing and name == "starts")
    }
    return network([node], inputs, {"y": (result, "INT4")}, constants)


@pytest.mark.parametrize(
    ("model", "box"),
    [
        (sliced((1, 6, 4, 5), (1, 6, 2, 5), [1], [3], [2]), ((1, 0, 0), (3, 5, 6))),
        (sliced((1, 6, 4, 5), (1, 2, 4, 5), [2], [4], [1]), ((0, 0, 2), (4, 5, 4))),
        (sliced((1, 6, 4, 5), (1, 6, 3, 3), [1, 1], [FAR, -1], [-2, -1]), ((1, 1, 0), (4, 4, 6))),
        (sliced((1, 6, 4, 5), (1, 6, 2, 5), [-3], [-1], [2], [1]), ((1, 0, 0), (3, 5, 6))),
        (sliced((1, 6), (1, 3), [3], [9], [1]), ((3,), (6,))),
    ],
)
def test_results_are_those_of_onnx(model, box):
    match = matched(model, "crop")
    (part,) = match.parts
    assert (part.layer.starts, part.layer.stops) == box
    assert_same(model, match)


def test_limits_may_be_attributes_as_before_opset_10():
    node = helper.make_node("Slice", ["x"], ["y"], name="Slice_0", starts=[1, 0], ends=[3, 9], axes=[2, 1])
    model = network([node], {"x": ((1, 2, 4, 3), "INT4")}, {"y": ((1, 2, 2, 3), "INT4")}, opset=9)
    match = matched(model, "crop")
    assert match.parts[0].layer.starts == (1, 0, 0)
    assert_same(model, match)


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (
            sliced((1, 6, 4), (1, 3, 4), [0], [6], [1], [2]),
            "Slice_0: Slice with step 2; only step 1 is possible: use a strided layer",
        ),
        (
            sliced((1, 6, 4), (1, 6, 4), [3], [2], [1]),
            "Slice_0: Slice 3:2 of 6 elements keeps none of them",
        ),
        (
            sliced((2, 6, 4), (1, 6, 4), [1], [2]),
            "Slice_0: Slice along axis 0, over frames; use another axis",
        ),
        (
            sliced((1, 6, 4), (1, 3, 4), [0], [3], [1], missing=True),
            "Slice_0: Slice with the limits starts, which are not constant; export with fixed shapes",
        ),
        (
            sliced((1, 2, 3, 4, 5), (1, 2, 3, 4, 4), [0], [4], [4]),
            "Slice_0: Slice of 4 axes; images have 3 at most",
        ),
    ],
)
def test_what_breaks_a_rule_is_refused(model, text):
    with pytest.raises(LevadaError) as error:
        matched(model, "crop")
    assert str(error.value) == text


def test_a_box_lies_within_the_tensor():
    with pytest.raises(ValueError, match="no box within"):
        Crop(Tensor("x", (4,), graphs.UINT4), (2,), (5,))


def test_foldings_cut_no_beat():
    layer = Crop(Tensor("x", (416, 416, 12), graphs.UINT4), (1, 2, 4), (415, 416, 8))
    check_foldings(layer)
    assert {folding.pe for folding in layer.foldings()} == {1, 2, 4}
    assert layer.cycles(Folding(4, 4)) == 416 * 416 * 3
    assert layer.outputs[0].shape == (414, 414, 4)
