"""The sliding window unit beyond what every layer is tested for: references, errors, large images, costs."""

from __future__ import annotations

import time

import numpy as np
import onnxruntime
import pytest
import torch
from levada_driver.datatype import BIPOLAR, IntType
from onnx import TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.basic import qonnx_make_model

from levada.errors import LevadaError
from levada.layer import Folding, Tensor, registered, window
from levada.window import Window
from tests.unit import graphs

UINT4, INT4 = IntType(4, signed=False), IntType(4, signed=True)
SAME = Window((3, 3), pads=(1, 1, 1, 1))


def unit(shape, geometry, dtype=INT4, fill=0):
    return window()(Tensor("x", shape, dtype), geometry, fill)


def values(shape, dtype=INT4):
    return np.random.default_rng(1).integers(dtype.min, dtype.max + 1, shape)


def space_to_depth(shape, block):
    """A model of one SpaceToDepth of x [N, C, H, W]."""
    n, c, h, w = shape
    node = helper.make_node("SpaceToDepth", ["x"], ["y"], name="SpaceToDepth_0", blocksize=block)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, (n, c * block**2, h // block, w // block))
    model = ModelWrapper(qonnx_make_model(helper.make_graph([node], "net", [x], [y])))
    model.set_tensor_datatype("x", DataType["INT4"])
    return model


@pytest.mark.parametrize(
    "geometry",
    [
        Window((3, 3), (2, 1), (1, 2), (1, 2, 1, 2)),
        Window((2, 4), (1, 3), (2, 1), (0, 0, 0, 0)),
        Window((1, 1), (3, 2), (1, 1), (2, 1, 2, 1)),
    ],
)
def test_windows_are_those_of_torch(geometry):
    layer, x = unit((7, 9, 3), geometry), values((2, 7, 9, 3))
    top, left, _, _ = geometry.pads
    images = torch.from_numpy(x.transpose(0, 3, 1, 2).astype(np.float64))
    found = torch.nn.functional.unfold(
        images, geometry.kernel, geometry.dilation, (top, left), geometry.stride
    )
    # Torch has the channels first: [N, C, taps, OH, OW].
    want = found.numpy().reshape(2, 3, geometry.taps, *layer.pixels).transpose(0, 3, 4, 2, 1)
    (y,) = layer.golden(x)
    assert np.array_equal(y, want.reshape(y.shape))


def test_padding_may_be_uneven_and_of_any_value():
    layer, x = unit((3, 4, 2), Window((2, 3), pads=(2, 0, 0, 3)), fill=-8), values((1, 3, 4, 2))
    (y,) = layer.golden(x)
    assert y.shape == (1, 4, 5, 12)
    assert np.all(y[0, 0] == -8)
    assert y[0, 1, 4].tolist() == [-8] * 12
    assert y[0, 3, 0].tolist() == x[0, 1:3, 0:3].ravel().tolist()


def test_space_to_depth_is_a_window_unit():
    model = space_to_depth((1, 3, 4, 6), 2)
    ((part,), nodes) = (
        (match := registered()["swu"].match(model.graph.node[0], model)).parts,
        match.nodes,
    )
    assert (nodes, part.inputs, part.outputs) == (("SpaceToDepth_0",), ("x",), ("y",))
    assert part.layer.window == Window((2, 2), (2, 2))
    assert (part.layer.image, part.layer.channels, part.layer.tensor.dtype) == ((4, 6), 3, INT4)
    x = values((1, 3, 4, 6))
    model.model.ir_version = 10
    session = onnxruntime.InferenceSession(model.model.SerializeToString())
    (want,) = session.run(None, {"x": x.astype(np.float32)})
    (y,) = part.layer.golden(x.transpose(0, 2, 3, 1))
    assert np.array_equal(y, want.transpose(0, 2, 3, 1))


def test_blocks_must_tile_the_image():
    model = space_to_depth((1, 3, 4, 6), 4)
    with pytest.raises(LevadaError) as error:
        registered()["swu"].match(model.graph.node[0], model)
    assert str(error.value) == "SpaceToDepth_0: blocks of 4x4 do not tile 4x6; choose another size"


@pytest.mark.parametrize(
    ("shape", "geometry", "dtype", "fill", "text"),
    [
        (
            (4, 4, 1),
            SAME,
            BIPOLAR,
            0,
            "x: a bipolar input has no zero to pad with; quantize it to 2 bits or more",
        ),
        (
            (4, 4, 1),
            SAME,
            UINT4,
            -1,
            "x: padding with -1 is no UINT4; quantize it to more bits",
        ),
        (
            (4, 2, 1),
            Window((3, 3)),
            UINT4,
            0,
            "x: windows of 3x3 do not fit an image of 4x2 padded by (0, 0, 0, 0); "
            "make it or the padding larger",
        ),
    ],
)
def test_what_cannot_be_is_refused(shape, geometry, dtype, fill, text):
    with pytest.raises(LevadaError) as error:
        unit(shape, geometry, dtype, fill)
    assert str(error.value) == text


LARGE = [
    ((416, 416, 2), SAME),
    ((416, 416, 2), Window((2, 2), (2, 2))),
    ((224, 224, 3), Window((7, 7), (2, 2), pads=(3, 3, 3, 3))),
    ((128, 96, 4), Window((1, 1), (2, 2))),
    ((60, 64, 2), Window((3, 3), (1, 2), (3, 2), (3, 0, 3, 1))),
    ((1, 1000, 4), Window((1, 9), pads=(0, 4, 0, 4))),
    ((50, 3, 2), Window((10, 1), (7, 5), pads=(20, 3, 20, 0))),
]


@pytest.mark.parametrize(("shape", "geometry"), LARGE)
def test_cycles_are_the_steps_of_the_schedule(shape, geometry):
    layer = unit(shape, geometry)
    foldings = list(layer.foldings())
    assert len(set(foldings)) == len(foldings)
    for folding in foldings:
        schedule, ((taken,), (given,)) = layer.schedule(folding), layer.streams(folding)
        assert schedule.steps == layer.cycles(folding)
        assert (schedule.reads[0].sum(), schedule.writes[0].sum()) == (taken.beats, given.beats)
        # No frame begins before its first pixel is there.
        assert schedule.reads[0].argmax() <= schedule.writes[0].argmax()


def test_the_serial_unit_is_as_fast_as_its_output_and_holds_few_rows():
    layer = unit((416, 416, 1), SAME)
    serial = Folding(1, 1, memory="block")
    windows = 416 * 416 * 9
    assert windows <= layer.cycles(serial) <= 1.001 * windows
    assert layer.buffer(serial)[0] <= 2 * 416 + 4
    # Here as many elements come as go, and a row of windows needs two rows of pixels.
    halved = unit((416, 416, 1), Window((2, 2), (2, 2)))
    assert halved.cycles(serial) <= 1.01 * 416 * 416
    assert halved.buffer(serial)[0] <= 2 * 416 + 4


def test_a_window_of_one_pixel_stores_no_rows():
    layer = unit((64, 64, 8), Window((1, 1), (2, 2)))
    folding = Folding(8, 8, memory="lut")
    assert folding in layer.foldings()
    assert layer.buffer(folding)[0] == 2
    assert layer.cycles(folding) == 64 * 64


@pytest.mark.parametrize("mmv", [1, 2, 4])
def test_the_parallel_unit_takes_about_a_cycle_for_mmv_pixels(mmv):
    layer = unit((64, 64, 2), SAME)
    folding = Folding(18, 18, mmv, memory="lut")
    assert folding in layer.foldings()
    assert layer.cycles(folding) <= 65 * (64 // mmv + 1) + 1


def test_queries_about_large_images_are_quick():
    layer = unit((416, 416, 3), Window((3, 3), pads=(1, 1, 1, 2)))
    for folding in layer.foldings():
        layer.cycles(folding)
    start = time.perf_counter()
    for folding in layer.foldings():
        layer.cycles(folding)
        layer.resources(folding, graphs.DEVICE)
    assert time.perf_counter() - start < 0.2
