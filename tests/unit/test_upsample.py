"""Upsample: which Resize it takes of a network and what it refuses; its results beside those of ONNX."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from levada.errors import LevadaError
from levada.layer import Folding, Tensor, registered
from tests.unit import graphs
from tests.unit.one_node import assert_same, check_foldings, data, matched, network, of_layers, of_onnx

Upsample = registered()["upsample"]
SHAPE = (1, 3, 4, 2)


def resized(rows, columns, by_size=False, opset=18, shape=SHAPE, **attributes):
    height, width = int(shape[2] * rows), int(shape[3] * columns)
    names = ["x", "", "", "s"] if by_size else ["x", "", "s"]
    values = np.array([*shape[:2], height, width], np.int64)
    constants = {"s": values if by_size else np.array([1, 1, rows, columns], np.float32)}
    node = helper.make_node("Resize", names, ["y"], name="Resize_0", **attributes)
    inner = {"y": ((*shape[:2], height, width), "INT4")}
    return network([node], {"x": (shape, "INT4")}, inner, constants, opset)


@pytest.mark.parametrize("by_size", [False, True])
@pytest.mark.parametrize(("rows", "columns"), [(2, 2), (1, 3), (4, 1), (1, 1)])
def test_results_are_those_of_onnx(rows, columns, by_size):
    model = resized(rows, columns, by_size)
    match = matched(model, "upsample")
    (part,) = match.parts
    assert (part.layer.rows, part.layer.columns) == (rows, columns)
    assert_same(model, match)


@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("rounding", ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
@pytest.mark.parametrize(
    "how", ["half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners", "half_pixel_symmetric"]
)
def test_only_what_repeats_evenly_is_taken(how, rounding, factor):
    model = resized(factor, factor, nearest_mode=rounding, coordinate_transformation_mode=how, opset=19)
    values = data(model)
    wanted = of_onnx(model, values)["y"]
    even = values["x"].repeat(factor, axis=2).repeat(factor, axis=3)
    if np.array_equal(wanted, even):
        assert np.array_equal(of_layers(matched(model, "upsample"), values)["y"], even)
    else:
        with pytest.raises(LevadaError, match="does not repeat pixels evenly"):
            matched(model, "upsample")


def test_the_older_operator_is_taken_too():
    node = helper.make_node("Upsample", ["x", "s"], ["y"], name="Upsample_0", mode="nearest")
    constants = {"s": np.array([1, 1, 2, 3], np.float32)}
    model = network([node], {"x": (SHAPE, "INT4")}, {"y": ((1, 3, 8, 6), "INT4")}, constants, opset=9)
    assert_same(model, matched(model, "upsample"))


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (
            resized(2, 2, mode="linear"),
            "Resize_0: Resize of mode 'linear'; export a nearest-neighbour Upsample by an integer factor",
        ),
        (
            resized(1.5, 2),
            "Resize_0: Resize of axis 2 from 4 to 6; export a nearest-neighbour Upsample by an integer "
            "factor",
        ),
        (
            resized(2, 2, nearest_mode="floor"),
            "Resize_0: Resize with half_pixel and floor does not repeat pixels evenly; export a "
            "nearest-neighbour Upsample by an integer factor",
        ),
        (
            resized(2, 2, coordinate_transformation_mode="tf_crop_and_resize"),
            "Resize_0: Resize of a part of the image; cut with Slice first",
        ),
    ],
)
def test_what_breaks_a_rule_is_refused(model, text):
    with pytest.raises(LevadaError) as error:
        matched(model, "upsample")
    assert str(error.value) == text


def test_only_images_are_resized():
    node = helper.make_node("Resize", ["x", "", "s"], ["y"], name="Resize_0")
    constants = {"s": np.array([1, 1, 2], np.float32)}
    model = network([node], {"x": ((1, 3, 4), "INT4")}, {"y": ((1, 3, 8), "INT4")}, constants)
    with pytest.raises(LevadaError) as error:
        matched(model, "upsample")
    assert str(error.value) == "Resize_0: Resize of shape [1, 3, 4]; only images [1, C, H, W]"
    with pytest.raises(ValueError, match="cannot repeat"):
        Upsample(Tensor("x", (4, 3), graphs.INT4), 2, 2)


def test_foldings():
    layer = Upsample(Tensor("x", (208, 208, 12), graphs.UINT4), 2, 2)
    check_foldings(layer)
    assert layer.cycles(Folding(4, 4)) == 416 * 416 * 3
    assert {folding.memory for folding in layer.foldings()} == {"lut", "block"}
