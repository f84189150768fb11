"""MaxPool: what of ONNX it takes, against onnxruntime; what it refuses; its cycles in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from levada_driver.datatype import BIPOLAR, IntType

from levada.draw import draw_values
from levada.errors import LevadaError
from levada.layer import Folding, registered
from levada.pooling import Tiles, draw_tiles
from tests.unit.images import image_model, kinds, most_writes, run_layers, run_onnx, taken

MaxPool = registered()["maxpool"]
SHAPE = (1, 3, 6, 8)


def frames(shape, dtype, seed=0):
    random = np.random.default_rng(seed)
    return draw_values(random, IntType.parse(dtype), (2, *shape[1:]))


def check(shape, dtype, **attributes):
    model = image_model("MaxPool", ("n", *shape[1:]), dtype, **attributes)
    model.set_tensor_shape("x", shape)
    match = taken(model)
    x = frames(shape, dtype)
    want = run_onnx(image_model("MaxPool", (2, *shape[1:]), dtype, **attributes), x)
    assert np.array_equal(run_layers(match, x), want)
    return kinds(match)


@pytest.mark.parametrize("dtype", ["UINT4", "INT3", "BIPOLAR"])
def test_a_pool_that_tiles_the_image_needs_no_window_unit(dtype):
    assert check(SHAPE, dtype, kernel_shape=[2, 4], strides=[2, 4]) == ["maxpool"]
    assert check(SHAPE, dtype, kernel_shape=[1, 2], strides=[1, 2], dilations=[3, 1]) == ["maxpool"]
    assert check(SHAPE, dtype, kernel_shape=[6, 8]) == ["maxpool"]
    assert check(SHAPE, dtype, kernel_shape=[6, 4], strides=[1, 4]) == ["maxpool"]


@pytest.mark.parametrize(
    "attributes",
    [
        {"kernel_shape": [2, 2]},
        {"kernel_shape": [3, 3], "strides": [2, 2]},
        {"kernel_shape": [2, 3], "strides": [2, 3]},  # two columns are left over
        {"kernel_shape": [2, 2], "strides": [2, 2], "pads": [0, 0, 0, 1]},
        {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]},
        {"kernel_shape": [2, 2], "strides": [2, 2], "dilations": [2, 2]},
        {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1},
        {"kernel_shape": [4, 5], "strides": [4, 5], "ceil_mode": 1},
    ],
)
@pytest.mark.parametrize("dtype", ["UINT4", "INT3"])
def test_any_other_pool_takes_windows(dtype, attributes):
    assert check(SHAPE, dtype, **attributes) == ["swu", "maxpool"]


@given(st.data())
def test_random_pools_equal_onnxruntime(data):
    size = [data.draw(st.integers(1, 9)) for _ in range(2)]
    kernel = [data.draw(st.integers(1, 3)) for _ in range(2)]
    begins, ends = ([data.draw(st.integers(0, k - 1)) for k in kernel] for _ in range(2))
    strides, dilations = ([data.draw(st.integers(1, 3)) for _ in range(2)] for _ in range(2))
    extents = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    assume(all(n + b + e >= x for n, b, e, x in zip(size, begins, ends, extents, strict=True)))
    # A window of padding alone is the smallest value to us, and the smallest float to onnxruntime.
    assume(all(b + e == 0 or d == 1 for b, e, d in zip(begins, ends, dilations, strict=True)))
    check(
        (1, 2, *size),
        "INT4",
        kernel_shape=kernel,
        strides=strides,
        dilations=dilations,
        pads=[*begins, *ends],
        ceil_mode=data.draw(st.integers(0, 1)),
    )


def test_the_smallest_value_pads():
    match = taken(image_model("MaxPool", SHAPE, "INT4", kernel_shape=[2, 2], pads=[1, 0, 0, 0]))
    windows, pool = match.parts
    assert windows.layer.fill == -8
    assert (windows.inputs, windows.outputs, pool.inputs) == (("x",), ("windows",), ("windows",))
    assert pool.layer.tiles == Tiles(6, 7, 1, 4, 3)
    assert pool.layer.outputs[0].shape == (6, 7, 3)


@pytest.mark.parametrize(
    ("attributes", "text"),
    [
        (
            {"outputs": ("y", "i")},
            "MaxPool_0: only the values of a MaxPool can be used, not their indices",
        ),
        (
            {"auto_pad": "SAME_UPPER"},
            "MaxPool_0: auto_pad=SAME_UPPER is not possible; give the padding as pads",
        ),
        (
            {"storage_order": 1},
            "MaxPool_0: storage_order=1 is not possible; export it with storage_order=0",
        ),
    ],
)
def test_what_is_not_possible_is_refused(attributes, text):
    with pytest.raises(LevadaError) as error:
        taken(image_model("MaxPool", SHAPE, "INT4", kernel_shape=[2, 2], **attributes))
    assert str(error.value) == text


def test_only_images_are_pooled():
    with pytest.raises(LevadaError) as error:
        taken(image_model("MaxPool", (1, 2, 4, 4, 4), "INT4", kernel_shape=[2, 2, 2]))
    assert str(error.value) == "MaxPool_0: a MaxPool over 3 axes; pool images, over height and width"


def test_a_bipolar_image_is_not_padded():
    with pytest.raises(LevadaError, match="bipolar input has no zero to pad with"):
        taken(image_model("MaxPool", SHAPE, "BIPOLAR", kernel_shape=[2, 2], pads=[1, 1, 0, 0]))


@given(st.data())
def test_cycles_and_slots_are_those_of_the_schedule(data):
    layer = MaxPool(draw_tiles(data.draw), BIPOLAR)
    for folding in layer.foldings():
        schedule = layer.schedule(folding)
        assert layer.cycles(folding) == schedule.steps == schedule.reads[0].sum()
        (taken_, given_) = layer.streams(folding)
        assert (taken_[0].beats, given_[0].beats) == (schedule.reads[0].sum(), schedule.writes[0].sum())
        assert schedule.slots == most_writes(schedule)


def test_a_large_image():
    layer = MaxPool(Tiles(208, 208, 2, 2, 64), IntType(4, signed=False))
    for folding, cycles in ((Folding(1, 1), 416 * 416 * 64), (Folding(64, 64, 4), 416 * 104)):
        assert layer.cycles(folding) == cycles
    assert layer.schedule(Folding(64, 64, 4)).steps == 416 * 104
    assert {f.mmv for f in layer.foldings()} == {1, 2, 4, 8}
    assert {f.memory for f in layer.foldings()} == {"lut", "block"}
