"""Concat: what it takes of a network and what it refuses; its results beside those of ONNX."""

from __future__ import annotations

import numpy as np
import pytest
from levada_driver.datatype import BIPOLAR, IntType
from onnx import helper

from levada.errors import LevadaError
from levada.layer import Tensor, registered
from tests.unit import graphs
from tests.unit.one_node import assert_same, check_foldings, matched, network

Concat = registered()["concat"]


def joined(shapes, axis, dtypes, constants=None):
    names = [f"x{index}" for index in range(len(shapes))]
    node = helper.make_node("Concat", names, ["y"], name="Concat_0", axis=axis)
    inputs = {
        name: (shape, dtype)
        for name, shape, dtype in zip(names, shapes, dtypes, strict=True)
        if name not in (constants or {})
    }
    result = list(shapes[0])
    result[axis] = sum(shape[axis] for shape in shapes)
    return network([node], inputs, {"y": (tuple(result), "INT32")}, constants)


@pytest.mark.parametrize(
    ("shapes", "axis", "dtypes"),
    [
        ([(1, 4, 3, 2), (1, 6, 3, 2)], 1, ["INT4", "INT4"]),
        ([(1, 4, 3, 2), (1, 6, 3, 2)], -3, ["INT4", "UINT6"]),
        ([(1, 4, 3, 2), (1, 4, 5, 2)], 2, ["UINT4", "UINT2"]),
        ([(1, 4, 3, 2), (1, 4, 3, 3)], 3, ["BIPOLAR", "BIPOLAR"]),
        ([(1, 4), (1, 3)], 1, ["BIPOLAR", "UINT3"]),
        ([(1, 2, 3, 2), (1, 4, 3, 2), (1, 6, 3, 2), (1, 1, 3, 2)], 1, ["INT4", "INT2", "UINT5", "INT3"]),
    ],
)
def test_results_are_those_of_onnx(shapes, axis, dtypes):
    model = joined(shapes, axis, dtypes)
    match = matched(model, "concat")
    assert len(match.parts) == len(shapes) - 1
    assert match.parts[-1].outputs == ("y",)
    assert_same(model, match)


@pytest.mark.parametrize(
    ("a", "b", "otype"),
    [
        (graphs.INT4, graphs.INT4, graphs.INT4),
        (BIPOLAR, BIPOLAR, BIPOLAR),
        (BIPOLAR, graphs.UINT2, IntType(3, signed=True)),
        (graphs.INT2, graphs.UINT8, IntType(9, signed=True)),
        (graphs.UINT2, graphs.UINT8, graphs.UINT8),
    ],
)
def test_the_type_holds_what_both_hold(a, b, otype):
    assert Concat(Tensor("a", (2,), a), Tensor("b", (3,), b), 0).otype == otype


def test_foldings_cut_no_beat():
    a, b = Tensor("a", (416, 416, 12), graphs.UINT4), Tensor("b", (416, 416, 8), graphs.UINT4)
    channels = Concat(a, b, 2)
    check_foldings(channels)
    assert {folding.pe for folding in channels.foldings()} == {1, 2, 4}
    rows = Concat(a, a, 0)
    check_foldings(rows)
    assert max(folding.pe for folding in rows.foldings()) == 12


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (
            joined([(1, 4, 3, 2), (1, 4, 3, 2)], 0, ["INT4", "INT4"]),
            "Concat_0: Concat along axis 0, over frames; use another axis",
        ),
        (
            joined([(1, 4), (1, 4)], 1, ["INT4", "INT4"], {"x1": np.zeros((1, 4), np.float32)}),
            "Concat_0: Concat with the constant x1; only tensors that layers make can be joined",
        ),
    ],
)
def test_what_breaks_a_rule_is_refused(model, text):
    with pytest.raises(LevadaError) as error:
        matched(model, "concat")
    assert str(error.value) == text
