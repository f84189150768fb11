"""Add: what it takes of a network and what it refuses; its sums beside those of ONNX."""

from __future__ import annotations

import numpy as np
import pytest
from levada_driver.datatype import BIPOLAR, IntType
from onnx import helper

from levada.errors import LevadaError
from levada.layer import Folding, Tensor, registered
from tests.unit import graphs
from tests.unit.one_node import assert_same, check_foldings, data, matched, network, of_layers, thresholds

Add = registered()["add"]
SHAPE = (1, 4, 3, 2)


def added(a="INT4", b="UINT3", shape=SHAPE, other=SHAPE, more=(), constants=None):
    node = helper.make_node("Add", ["a", "b"], ["y"], name="Add_0")
    inputs = {"a": (shape, a)} | ({} if "b" in (constants or {}) else {"b": (other, b)})
    inner = {"y": (shape, "INT32")} | ({"z": (shape, "UINT2")} if more else {})
    return network([node, *more], inputs, inner, constants)


@pytest.mark.parametrize(
    ("a", "b", "otype"),
    [("INT4", "UINT3", "INT5"), ("UINT4", "UINT4", "UINT5"), ("BIPOLAR", "BIPOLAR", "INT3")],
)
def test_sums_are_those_of_onnx(a, b, otype):
    model = added(a, b)
    match = matched(model, "add")
    (part,) = match.parts
    assert (match.nodes, part.inputs, part.outputs) == (("Add_0",), ("a", "b"), ("y",))
    assert part.layer.outputs[0] == Tensor("y", (3, 2, 4), IntType.parse(otype))
    assert_same(model, match)


@pytest.mark.parametrize("rows", [1, 4])
def test_thresholds_behind_are_taken_along(rows):
    table = np.sort(np.random.default_rng(1).integers(-9, 16, (rows, 3)), axis=1).astype(np.float32)
    model = added(more=[thresholds("y", "z", 3)], constants={"t": table})
    match = matched(model, "add")
    assert match.nodes == ("Add_0", "MultiThreshold_0")
    values = data(model)
    sums = values["a"] + values["b"]
    reached = (sums[..., None] >= table[:, None, None, :]).sum(-1)
    assert np.array_equal(of_layers(match, values)["z"], reached)


def test_a_constant_is_left_to_others():
    model = added(constants={"b": np.ones((1,), np.float32)})
    assert matched(model, "add") is None


def test_shapes_must_be_the_same():
    with pytest.raises(LevadaError) as error:
        matched(added(other=(1, 4, 1, 1)), "add")
    assert str(error.value) == (
        "Add_0: Add of shapes [3, 2, 4] and [1, 1, 4] (channels last); both must have one shape: expand the "
        "smaller one"
    )
    with pytest.raises(ValueError, match="differ"):
        Add(Tensor("a", (4,), graphs.INT4), Tensor("b", (2,), graphs.INT4))


def test_foldings():
    image = Tensor("a", (416, 416, 12), graphs.UINT4)
    layer = Add(image, image)
    check_foldings(layer)
    assert layer.cycles(Folding(4, 4)) == 416 * 416 * 3
    table = np.zeros((12, 1), np.int64)
    with_table = Add(image, image, table, -1, BIPOLAR)
    check_foldings(with_table)
    assert with_table.weight_bits() == IntType.covering(-1, 31).bits
