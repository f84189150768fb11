"""Ties: where float rounding alone decides, it is seen, counted and not taken for an error."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.basic import qonnx_make_model
from qonnx.util.cleanup import cleanup_model

from levada.streamline import InputSpec, streamline
from levada.streamline.ties import near_ties

SCALE = 0.1  # not a binary fraction: acc * 0.1 * 0.1 / 0.1 is only nearly acc * 0.1


def network(weights):
    """8-bit Quant, MatMul(weights * SCALE), 4-bit Quant(SCALE); ties at every odd multiple of 5."""
    constants = {
        "w": weights.astype(np.float32) * np.float32(SCALE),
        "scale": np.float32(SCALE),
        "zero": np.float32(0),
        "bits4": np.float32(4),
        "bits8": np.float32(8),
    }
    quant = {"domain": "qonnx.custom_op.general", "narrow": 0, "signed": 1, "rounding_mode": "ROUND"}
    nodes = [
        helper.make_node("Quant", ["x", "scale", "zero", "bits8"], ["a"], **quant),
        helper.make_node("Quant", ["w", "scale", "zero", "bits4"], ["wq"], **quant),
        helper.make_node("MatMul", ["a", "wq"], ["m"]),
        helper.make_node("Quant", ["m", "scale", "zero", "bits4"], ["y"], **quant),
    ]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "ties",
        [info("x", TensorProto.FLOAT, [1, len(weights)])],
        [info("y", TensorProto.FLOAT, [1, weights.shape[1]])],
    )
    model = ModelWrapper(qonnx_make_model(graph))
    for name, value in constants.items():
        model.set_initializer(name, np.asarray(value))
    return cleanup_model(model)


def test_frames_at_a_boundary_are_found():
    model = network(np.array([[1], [1]]))
    # The sum of the integers, times 0.1, is the quantizer's argument: 25 and -5 are ties, 24 and 26 are not.
    frames = np.array([[12, 13], [12, 12], [13, 13], [-2, -3]], np.float32) * np.float32(SCALE)
    assert near_ties(model, frames).tolist() == [True, False, False, True]


def test_no_frames_have_no_ties():
    assert near_ties(network(np.array([[1]])), np.zeros((0, 1), np.float32)).shape == (0,)


@pytest.mark.parametrize("seed", range(5))
def test_a_network_full_of_ties_streamlines(seed):
    random = np.random.default_rng(seed)
    model = network(random.integers(-7, 8, (12, 6)))
    samples = random.integers(-128, 128, (200, 12)).astype(np.float32) * np.float32(SCALE)
    streamlined = streamline(model, None, samples)
    assert [node.op_type for node in streamlined.model.graph.node] == ["MatMul", "MultiThreshold"]


def test_input_spec_is_part_of_the_samples():
    spec = InputSpec.parse("int8/10")
    random = np.random.default_rng(0)
    samples = random.integers(-128, 128, (50, 4))
    streamlined = streamline(network(random.integers(-7, 8, (4, 3))), spec, samples)
    assert streamlined.host_input.dtype.name == "INT8"
