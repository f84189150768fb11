"""AvgPool: which convolutions it takes, against onnxruntime; thresholds behind; its cycles in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from levada_driver.datatype import IntType

from levada import thresholds as th
from levada.draw import draw_values
from levada.layer import Folding, registered
from levada.pooling import Tiles, draw_tiles
from tests.unit.images import (
    image_model,
    kinds,
    most_writes,
    run_layers,
    run_onnx,
    taken,
    with_thresholds,
)

AvgPool = registered()["avgpool"]
SHAPE = (1, 4, 6, 8)


def sum_pool(dtype, kernel, frames=1, channels=4, **attributes):
    ones = np.ones((channels, 1, *kernel))
    shape = (frames, channels, *SHAPE[2:])
    return image_model("Conv", shape, dtype, ones, group=channels, kernel_shape=kernel, **attributes)


@pytest.mark.parametrize(
    ("kernel", "attributes", "parts"),
    [
        ((6, 8), {}, ["avgpool"]),
        ((2, 2), {"strides": [2, 2]}, ["avgpool"]),
        ((3, 1), {"strides": [3, 1]}, ["avgpool"]),
        ((3, 3), {}, ["swu", "avgpool"]),
        ((3, 3), {"strides": [2, 1], "pads": [1, 0, 2, 1]}, ["swu", "avgpool"]),
        ((4, 3), {"strides": [4, 3]}, ["swu", "avgpool"]),
    ],
)
@pytest.mark.parametrize("dtype", ["UINT4", "INT3", "BIPOLAR"])
def test_depthwise_convolutions_with_ones_are_sums(dtype, kernel, attributes, parts):
    if dtype == "BIPOLAR":
        attributes = {key: value for key, value in attributes.items() if key != "pads"}
    match = taken(sum_pool(dtype, kernel, **attributes))
    assert kinds(match) == parts
    x = draw_values(np.random.default_rng(0), IntType.parse(dtype), (2, *SHAPE[1:]))
    assert np.array_equal(run_layers(match, x), run_onnx(sum_pool(dtype, kernel, 2, **attributes), x))


def test_one_channel_is_a_pool_too():
    assert kinds(taken(sum_pool("UINT4", (6, 8), channels=1))) == ["avgpool"]


def test_the_narrowest_type_holds_every_sum():
    assert taken(sum_pool("UINT4", (6, 8))).parts[0].layer.result_type.name == "UINT10"
    assert taken(sum_pool("INT3", (6, 8))).parts[0].layer.result_type.name == "INT9"
    assert taken(sum_pool("BIPOLAR", (2, 2))).parts[1].layer.result_type.name == "INT4"


@pytest.mark.parametrize("rows", [1, 4])
def test_thresholds_behind_are_taken_along(rows):
    table = np.sort(np.random.default_rng(1).integers(20, 180, (rows, 3)), axis=1)
    match = taken(with_thresholds(sum_pool("UINT4", (3, 4), strides=[3, 4]), table, "INT2", -2.0))
    assert (match.nodes, match.parts[-1].outputs) == (("Conv_0", "MultiThreshold_0"), ("z",))
    layer = match.parts[-1].layer
    assert (layer.sums.uniform, layer.levels) == (rows == 1, 2)
    x = draw_values(np.random.default_rng(2), IntType.parse("UINT4"), (2, *SHAPE[1:]))
    sums = run_onnx(sum_pool("UINT4", (3, 4), 2, strides=[3, 4]), x).astype(np.int64)
    want = th.apply(np.moveaxis(sums, 1, -1), np.broadcast_to(table, (4, 3)), -2, 1)
    assert np.array_equal(np.moveaxis(run_layers(match, x), 1, -1), want)


@pytest.mark.parametrize(
    ("weights", "groups"),
    [
        (np.full((4, 1, 2, 2), -1), 4),
        (np.ones((4, 4, 2, 2)), 1),
        (np.ones((8, 1, 2, 2)), 4),
        (np.ones((4, 2, 2, 2)), 2),
    ],
)
def test_other_convolutions_are_left_to_others(weights, groups):
    model = image_model("Conv", SHAPE, "UINT4", weights, group=groups)
    assert AvgPool.match(model.graph.node[0], model) is None


@given(st.data())
def test_cycles_and_slots_are_those_of_the_schedule(data):
    layer = AvgPool(draw_tiles(data.draw), IntType(3, signed=True))
    for folding in layer.foldings():
        schedule = layer.schedule(folding)
        assert layer.cycles(folding) == schedule.steps
        assert schedule.slots == most_writes(schedule)


def test_a_global_pool_of_a_large_image():
    layer = AvgPool(Tiles(1, 1, 416, 416, 32), IntType(4, signed=False))
    assert layer.cycles(Folding(4, 4)) == layer.schedule(Folding(4, 4)).steps == 416 * 416 * 8
    assert layer.result_type.bits == 22


def test_thresholds_are_the_bits_it_stores():
    tiles, xtype = Tiles(1, 1, 2, 2, 3), IntType(2, signed=False)
    table = np.array([[2, 5, 8]]).repeat(3, axis=0)
    activation = {"base": 0, "otype": IntType(2, signed=False)}
    assert AvgPool(tiles, xtype).weight_bits() == 0
    assert AvgPool(tiles, xtype, table, **activation).weight_bits() == 3 * 5
    assert AvgPool(tiles, xtype, table + np.arange(3)[:, None], **activation).weight_bits() == 9 * 5
