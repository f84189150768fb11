"""Mul: what it takes of a network and what it refuses; its products beside those of ONNX."""

from __future__ import annotations

import numpy as np
import pytest
from levada_driver.datatype import BIPOLAR, IntType
from onnx import helper

from levada.errors import LevadaError
from levada.layer import Folding, registered
from tests.unit import graphs
from tests.unit.one_node import assert_same, check_foldings, data, matched, network, of_layers, thresholds

Mul = registered()["mul"]
SHAPE = (1, 4, 3, 2)


def multiplied(factor, dtype="INT4", shape=SHAPE, names=("x", "f"), more=(), constants=None):
    node = helper.make_node("Mul", list(names), ["y"], name="Mul_0")
    inner = {"y": (shape, "INT32")} | ({"z": (shape, "UINT2")} if more else {})
    known = {"f": np.asarray(factor, np.float32)} if factor is not None else {}
    inputs = {"x": (shape, dtype)} | ({} if known else {"f": (shape, dtype)})
    return network([node, *more], inputs, inner, known | (constants or {}))


@pytest.mark.parametrize(
    ("factor", "dtype", "otype"),
    [
        (3.0, "INT4", "INT6"),
        ([5.0], "UINT4", "UINT7"),
        (np.array([1, -2, 0, 7]).reshape(1, 4, 1, 1), "UINT3", "INT7"),
        (np.array([1, -1, 1, 1]).reshape(4, 1, 1), "BIPOLAR", "INT2"),
        (-1.0, "UINT4", "INT5"),
    ],
)
def test_products_are_those_of_onnx(factor, dtype, otype):
    model = multiplied(factor, dtype)
    if np.ndim(factor) == 3:  # ONNX lines constants up from the last axis on; streamlining gives them four
        model.set_initializer("f", np.asarray(factor, np.float32)[None])
    match = matched(model, "mul")
    assert match.parts[0].layer.result_type == IntType.parse(otype)
    assert_same(model, match)


def test_a_vector_and_a_constant_in_front():
    model = multiplied(np.arange(1, 5)[None], shape=(1, 4), names=("f", "x"))
    match = matched(model, "mul")
    assert match.parts[0].inputs == ("x",)
    assert_same(model, match)


@pytest.mark.parametrize("factor", [3.0, np.array([1, -2, 0, 7]).reshape(1, 4, 1, 1)])
def test_thresholds_behind_are_taken_along(factor):
    table = np.array([[-4, 1, 6]], np.float32)
    model = multiplied(factor, more=[thresholds("y", "z", 3)], constants={"t": table})
    match = matched(model, "mul")
    assert match.nodes == ("Mul_0", "MultiThreshold_0")
    values = data(model)
    reached = ((values["x"] * factor)[..., None] >= table[0]).sum(-1)
    assert np.array_equal(of_layers(match, values)["z"], reached)


def test_two_tensors_are_left_to_others():
    assert matched(multiplied(None), "mul") is None


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (multiplied(0.5), "Mul_0: Mul by 0.5; only integers can be multiplied with"),
        (
            multiplied(np.ones((1, 1, 3, 1))),
            "Mul_0: Mul by constants of shape [1, 1, 3, 1]; give one, or one for each channel",
        ),
    ],
)
def test_what_breaks_a_rule_is_refused(model, text):
    with pytest.raises(LevadaError) as error:
        matched(model, "mul")
    assert str(error.value) == text


def test_foldings():
    layer = Mul(np.arange(1, 13), graphs.INT4, (416, 416))
    check_foldings(layer)
    assert layer.cycles(Folding(4, 4, memory="lut")) == 416 * 416 * 3
    alike = Mul(np.full(12, 5), BIPOLAR, (2,))
    assert {folding.memory for folding in alike.foldings()} == {"constant"}
    assert (layer.weight_bits(), alike.weight_bits()) == (12 * 5, 4)
