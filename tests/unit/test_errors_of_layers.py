"""What layers refuse of a streamlined network, word for word, and what they take of it."""

from __future__ import annotations

import numpy as np
import pytest
from levada_driver.datatype import BIPOLAR, IntType
from onnx import TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.basic import qonnx_make_model

from levada.errors import LevadaError
from levada.layer import Tensor, registered
from levada.onnxutil import integer_tensor, narrowest, thresholds_after
from levada.streamline.flatten import layouts
from tests.unit import graphs

SHAPE = (1, 2, 4)


def network(nodes, outputs, constants, types):
    """A model of `nodes` behind the integer tensor x [1, 2, 4]; every other shape as in `outputs`."""
    infos = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", SHAPE), *outputs)
    ]
    graph = helper.make_graph(nodes, "net", infos[:1], infos[-1:], value_info=infos[1:-1])
    model = ModelWrapper(qonnx_make_model(graph))
    for name, value in constants.items():
        model.set_initializer(name, value)
    for name, dtype in types.items():
        model.set_tensor_datatype(name, DataType[dtype])
    return layouts(model) if nodes[0].op_type == "MatMul" else _channels_last(model)


def _channels_last(model):
    for info in (*model.graph.input, *model.graph.value_info, *model.graph.output):
        model.set_tensor_layout(info.name, ["N", "W", "C"])
    return model


def matmul(weights):
    node = helper.make_node("MatMul", ["x", "w"], ["y"], name="MatMul_0")
    return network([node], [("y", (1, 2, 3))], {"w": weights.astype(np.float32)}, {"x": "UINT4"})


def threshold_node(source="x", result="y", **attributes):
    known = {"out_dtype": "UINT2", "out_scale": 1.0, "out_bias": 0.0, "data_layout": "NC"}
    return helper.make_node(
        "MultiThreshold",
        [source, "t"],
        [result],
        name="MultiThreshold_0",
        domain="qonnx.custom_op.general",
        **{**known, **attributes},
    )


def threshold(table, **attributes):
    constants = {"t": np.asarray(table, np.float32)}
    return network([threshold_node(**attributes)], [("y", SHAPE)], constants, {"x": "INT8"})


def top_k(k=2, values="v", **attributes):
    node = helper.make_node("TopK", ["x", "k"], [values, "y"], name="TopK_0", **attributes)
    shape = (1, 2, k)
    return network([node], [("v", shape), ("y", shape)], {"k": np.array([k])}, {"x": "INT8"})


def arg_max(**attributes):
    node = helper.make_node("ArgMax", ["x"], ["y"], name="ArgMax_0", **attributes)
    return network([node], [("y", (1, 2, 1))], {}, {"x": "INT8"})


def matched(model):
    """The layer that takes the first node."""
    node = model.graph.node[0]
    kinds = [cls for cls in registered().values() if node.op_type in cls.operators]
    return kinds[0].match(node, model)


def test_a_matmul_of_integers_is_an_mvau():
    weights = np.arange(-6, 6).reshape(4, 3)
    match = matched(matmul(weights))
    (part,) = match.parts
    assert (part.inputs, part.outputs, match.nodes) == (("x",), ("y",), ("MatMul_0",))
    assert np.array_equal(part.layer.weights, weights.T)
    assert (part.layer.wtype, part.layer.atype) == (IntType(4, signed=True), graphs.UINT4)
    assert part.layer.pixels == (2,)
    assert part.layer.thresholds is None


def test_a_matmul_takes_the_thresholds_behind_it_along():
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["m"], name="MatMul_0"),
        threshold_node("m", out_dtype="INT2", out_bias=-2.0),
    ]
    constants = {
        "w": np.eye(4, 3, dtype=np.float32),
        "t": np.array([[-0.5, 1.0, 2.25]], np.float32),
    }
    shapes = [("m", (1, 2, 3)), ("y", (1, 2, 3))]
    match = matched(network(nodes, shapes, constants, {"x": "UINT4"}))
    assert match.nodes == ("MatMul_0", "MultiThreshold_0")
    (part,) = match.parts
    assert part.outputs == ("y",)
    # Sums are integers, so thresholds are too: the next one above.
    assert part.layer.thresholds.tolist() == [[0, 1, 3]] * 3
    assert (part.layer.base, part.layer.otype) == (-2, graphs.INT2)


def test_top_k_and_arg_max_rank_channels():
    assert matched(top_k(3)).parts[0].layer.k == 3
    layer = matched(arg_max(axis=2)).parts[0].layer
    assert (layer.k, layer.channels, layer.pixels, layer.xtype) == (1, 4, (2,), graphs.INT8)
    assert matched(arg_max(axis=-1)).parts[0].outputs == ("y",)


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (
            matmul(np.full((4, 3), 0.5)),
            "MatMul_0: the weights are not integers; quantize them with a Quant node",
        ),
        (
            threshold([[1, 2, 3]], out_scale=0.5),
            "MultiThreshold_0: scale 0.5 and bias 0.0 do not give UINT2",
        ),
        (
            threshold([[1, 2, 3]], out_bias=0.5),
            "MultiThreshold_0: scale 1.0 and bias 0.5 do not give UINT2",
        ),
        (
            threshold([[1]], out_dtype="BIPOLAR"),
            "MultiThreshold_0: scale 1.0 and bias 0.0 do not give BIPOLAR",
        ),
        (
            threshold([[1, np.nan, 3]]),
            "MultiThreshold_0: a threshold is not a number; check the scales of its quantizer",
        ),
        (
            threshold([[1, 2, np.inf]]),
            "MultiThreshold_0: a threshold is not a number; check the scales of its quantizer",
        ),
        (top_k(axis=1), "TopK_0: TopK over axis 1; only the channels can be ranked"),
        (arg_max(axis=1), "ArgMax_0: ArgMax over axis 1; only the channels can be ranked"),
        (arg_max(), "ArgMax_0: ArgMax over axis 0; only the channels can be ranked"),
        (
            arg_max(axis=2, select_last_index=1),
            "ArgMax_0: select_last_index is not possible; ties go to the lower index",
        ),
        (top_k(largest=0), "TopK_0: TopK of the smallest is not possible; negate its input"),
    ],
)
def test_what_breaks_a_rule_of_the_hardware_is_refused(model, text):
    with pytest.raises(LevadaError) as error:
        matched(model)
    assert str(error.value) == text


def test_values_of_a_top_k_are_not_to_be_had():
    nodes = [
        helper.make_node("TopK", ["x", "k"], ["v", "y"], name="TopK_0"),
        helper.make_node("Relu", ["v"], ["z"], name="Relu_0"),
    ]
    shapes = [(name, (1, 2, 2)) for name in ("v", "y", "z")]
    with pytest.raises(LevadaError) as error:
        matched(network(nodes, shapes, {"k": np.array([2])}, {"x": "INT8"}))
    assert str(error.value) == "TopK_0: only the indices of a TopK can be used, not its values"


def test_a_matmul_of_two_inputs_is_left_to_others():
    node = helper.make_node("MatMul", ["x", "w"], ["y"], name="MatMul_0")
    assert matched(network([node], [("w", (4, 3)), ("y", (1, 2, 3))], {}, {"x": "UINT4"})) is None


def test_thresholds_that_others_read_too_are_not_taken_along():
    nodes = [threshold_node(), helper.make_node("Relu", ["x"], ["z"], name="Relu_0")]
    model = network(nodes, [("y", SHAPE), ("z", SHAPE)], {"t": np.array([[1.0]], np.float32)}, {"x": "INT8"})
    assert thresholds_after("x", model) is None
    assert thresholds_after("y", model) is None


def test_tensors_of_a_model():
    assert integer_tensor("x", matmul(np.ones((4, 3)))) == Tensor("x", (2, 4), graphs.UINT4)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([-1, 1], BIPOLAR),
        ([1], BIPOLAR),
        ([0], IntType(2, signed=True)),
        ([-1, 0, 1], IntType(2, signed=True)),
        ([2], IntType(3, signed=True)),
        ([-8, 7], IntType(4, signed=True)),
        ([-9], IntType(5, signed=True)),
        ([], IntType(2, signed=True)),
    ],
)
def test_the_narrowest_type_of_weights(values, dtype):
    assert narrowest(np.array(values, np.int64)) == dtype
