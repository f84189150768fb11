"""Lookup: what it takes of a network and what it refuses; its results beside those of the operator."""

from __future__ import annotations

import numpy as np
import pytest
from levada_driver.datatype import BIPOLAR, IntType
from onnx import helper
from qonnx.core.onnx_exec import execute_onnx

from levada.draw import draw_values
from levada.errors import LevadaError
from levada.layer import Folding, registered
from tests.unit import graphs
from tests.unit.one_node import check_foldings, matched, network, of_layers

Lookup = registered()["lookup"]
SHAPE = (1, 4, 3, 2)


def looked_up(table, first, dtype="INT4", out="INT5", shape=SHAPE):
    node = helper.make_node(
        "Lookup", ["x", "t"], ["y"], name="Lookup_0", domain="levada.custom_op", out_dtype=out, first=first
    )
    constants = {"t": np.asarray(table, np.float32)}
    return network([node], {"x": (shape, dtype)}, {"y": (shape, out)}, constants)


@pytest.mark.parametrize("rows", [1, 4])
@pytest.mark.parametrize(
    ("dtype", "first", "entries"),
    [("INT4", -8, 16), ("UINT3", 0, 8), ("INT6", -5, 12), ("UINT14", 5000, 3000), ("BIPOLAR", -1, 3)],
)
def test_results_are_those_of_the_operator(dtype, first, entries, rows):
    random = np.random.default_rng(2)
    model = looked_up(random.integers(-16, 16, (rows, entries)), first, dtype)
    xtype = IntType.parse(dtype)
    x = first + xtype.step * random.integers(0, -(-entries // xtype.step), SHAPE)
    wanted = execute_onnx(model, {"x": x.astype(np.float32)})["y"]
    match = matched(model, "lookup")
    assert np.array_equal(of_layers(match, {"x": x})["y"], wanted)


def test_a_wide_input_is_looked_up_by_its_low_bits():
    layer = Lookup(np.arange(6)[None], 3, 1, IntType(14, signed=False), graphs.UINT4)
    assert layer.rows.tolist() == [[5, 5, 5, 0, 1, 2, 3, 4]]
    assert layer.weight_bits() == 8 * 4


def test_channels_that_are_alike_share_a_table():
    table = np.broadcast_to(draw_values(np.random.default_rng(0), graphs.INT4, (1, 16)), (4, 16))
    layer = Lookup(table, -8, 4, graphs.INT4, graphs.INT4)
    assert layer.rows.shape == (1, 16)


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (looked_up([[1, 40]], 0), "Lookup_0: the table of Lookup has values beyond INT5"),
        (
            looked_up(np.zeros((1, 5000)), 0, "UINT13"),
            "Lookup_0: Lookup in 5000 entries, 4096 are the most; quantize to fewer bits before it",
        ),
    ],
)
def test_what_breaks_a_rule_is_refused(model, text):
    with pytest.raises(LevadaError) as error:
        matched(model, "lookup")
    assert str(error.value) == text


def test_a_table_has_a_row_for_all_channels_or_for_each():
    with pytest.raises(ValueError, match="no table of 4 channels"):
        Lookup(np.zeros((3, 4), np.int64), 0, 4, graphs.UINT2, graphs.UINT2)


def test_foldings():
    random = np.random.default_rng(0)
    layer = Lookup(random.integers(0, 4, (12, 256)), 0, 12, graphs.UINT8, graphs.UINT2, (416, 416))
    check_foldings(layer)
    assert layer.cycles(Folding(4, 4, memory="block")) == 416 * 416 * 3
    small = Lookup(np.array([[1, -1]]), -1, 2, BIPOLAR, BIPOLAR)
    assert {folding.memory for folding in small.foldings()} == {"lut"}
