"""ONNX models of one operator over an image, run by onnxruntime and by the layers that take it."""

from __future__ import annotations

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, shape_inference
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.basic import qonnx_make_model

from levada.layer import registered


def image_model(op, shape, dtype, weights=None, outputs=("y",), **attributes):
    """`op` over x [N, C, H, W] of an integer type, a constant as its second input if there are `weights`."""
    inputs = ["x"] if weights is None else ["x", "w"]
    node = helper.make_node(op, inputs, list(outputs), name=f"{op}_0", **attributes)
    infos = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    results = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    constants = []
    if weights is not None:
        constants = [helper.make_tensor("w", TensorProto.FLOAT, weights.shape, weights.astype(np.float32))]
    graph = helper.make_graph([node], "image", infos, results, initializer=constants)
    model = qonnx_make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    wrapper = ModelWrapper(shape_inference.infer_shapes(model))
    wrapper.set_tensor_datatype("x", DataType[dtype])
    return wrapper


def with_thresholds(model, table, out_dtype="UINT2", bias=0.0):
    """The model with a MultiThreshold over its result."""
    shape = model.get_tensor_shape("y")
    node = helper.make_node(
        "MultiThreshold",
        ["y", "t"],
        ["z"],
        name="MultiThreshold_0",
        domain="qonnx.custom_op.general",
        out_dtype=out_dtype,
        out_scale=1.0,
        out_bias=bias,
    )
    model.graph.node.append(node)
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, shape))
    model.set_tensor_shape("y", shape)
    model.set_initializer("t", np.asarray(table, np.float32))
    return model


def taken(model):
    """The match of the first node, by the first kind that takes it, as lowering asks them."""
    node = model.graph.node[0]
    asked = (cls for cls in registered().values() if node.op_type in cls.operators)
    return next((match for cls in asked if (match := cls.match(node, model)) is not None), None)


def kinds(match):
    """The kinds of a match's parts."""
    return [part.layer.kind for part in match.parts]


def run_layers(match, x):
    """Frames [N, C, H, W] through the parts, the result in the same order of axes."""
    values = {"x": np.moveaxis(x, 1, -1)}
    for part in match.parts:
        ports = zip(part.inputs, part.layer.inputs, strict=True)
        args = [values[name].reshape(-1, *port.shape) for name, port in ports]
        values.update(zip(part.outputs, part.layer.golden(*args), strict=True))
    return np.moveaxis(values[match.parts[-1].outputs[0]], -1, 1)


def run_onnx(model, x):
    """The same frames through onnxruntime."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.model.SerializeToString(), options)
    return session.run(["y"], {"x": x.astype(np.float32)})[0]


def most_writes(schedule):
    """The most results that are under way at once when a layer runs without waiting, at least 2."""
    writes = np.tile(schedule.writes[0], 2 + (schedule.latency + 1) // schedule.steps)
    counts = np.concatenate([[0], np.cumsum(writes)])
    span = schedule.latency + 1
    return max(2, int((counts[span:] - counts[:-span]).max()))
