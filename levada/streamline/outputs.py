"""The border of the chip at the output: what is left of scale, bias and softmax goes to the host."""

from __future__ import annotations

from typing import Any

import numpy as np
from levada_driver.datatype import IntArray, IntType
from levada_driver.host import HostOutput

from levada.errors import LevadaError
from levada.onnxutil import quantized_matmul
from levada.reference import FloatArray, output_shape
from levada.streamline.operators import AFFINE
from levada.streamline.rewrite import remove, set_integer

_RANKING = frozenset({"ArgMax", "TopK"})


def absorb_into_ranking(model: Any) -> Any:  # noqa: ANN401 - qonnx ModelWrapper in and out
    """Removes before an ArgMax or TopK what does not change the order: softmax, scale > 0, common bias."""
    while True:
        found = [(node, model.find_producer(node.input[0])) for node in model.graph.node if node.op_type in _RANKING]
        gone = [(node, before) for node, before in found if before is not None and _keeps_order(before, model)]
        if not gone:
            return model
        for node, before in gone:
            node.input[0] = before.input[0]
            model.graph.node.remove(before)


def _keeps_order(node: Any, model: Any) -> bool:  # noqa: ANN401
    if node.op_type == "Softmax":
        return True
    value = model.get_initializer(node.input[1]) if len(node.input) > 1 else None
    if value is None or value.size != 1:
        return False
    return node.op_type in ("Add", "Sub") or (node.op_type in ("Mul", "Div") and float(value.item()) > 0)


def finish_on_host(model: Any) -> tuple[Any, HostOutput]:  # noqa: ANN401
    """The graph up to its last integers, and the affine function and softmax that the host does after it."""
    nodes: list[Any] = []
    tensor = model.graph.output[0].name
    softmax = False
    while (node := model.find_producer(tensor)) is not None:
        if node.op_type == "Softmax" and not nodes:
            softmax = True
        elif node.op_type not in AFFINE:
            break
        nodes.append(node)
        tensor = node.input[0]
    shape = output_shape(model)
    affine = [node for node in reversed(nodes) if node.op_type != "Softmax"]
    scale, bias = _affine(affine, model)
    producer = model.find_producer(tensor)
    indices = producer is not None and producer.op_type in _RANKING
    dtype = _integers(tensor, producer, model)
    remove(model, nodes)
    _set_output(model, tensor, dtype)
    return model, HostOutput(shape, dtype, scale, bias, indices, softmax)


def _affine(nodes: list[Any], model: Any) -> tuple[FloatArray, FloatArray]:  # noqa: ANN401
    """Scale and bias (of one or of C elements) of a chain of affine nodes, composed in float64."""
    scale, bias = np.ones(1), np.zeros(1)
    for node in nodes:
        value = model.get_initializer(node.input[1]).astype(np.float64).reshape(-1)
        if node.op_type == "BatchNormalization":
            raise LevadaError(f"{node.name}: BatchNormalization was not turned into scale and bias")
        if node.op_type in ("Mul", "Div"):
            factor = value if node.op_type == "Mul" else 1 / value
            scale, bias = scale * factor, bias * factor
        else:
            bias = bias + (value if node.op_type == "Add" else -value)
    return scale.astype(np.float32), bias.astype(np.float32)


def _integers(tensor: str, producer: Any, model: Any) -> IntType:  # noqa: ANN401
    if producer is not None and producer.op_type == "MatMul":
        found = quantized_matmul(producer, model)
        if found is not None and model.get_tensor_datatype(producer.input[0]).is_integer():
            ends = np.stack([found.weights * found.atype.min, found.weights * found.atype.max])
            low, high = ends.min(0).sum(1), ends.max(0).sum(1)
            return _covering(low, high)
    if producer is not None and producer.op_type in _RANKING:
        return IntType.covering(0, int(model.get_tensor_shape(producer.input[0])[-1]) - 1)
    datatype = model.get_tensor_datatype(tensor)
    if not datatype.is_integer():
        name = producer.name if producer is not None else "the input"
        raise LevadaError(
            f"{name}: what leaves it is float and cannot be left to the host; quantize before it (QuantIdentity)"
        )
    return IntType.parse(datatype.name)


def _covering(low: IntArray, high: IntArray) -> IntType:
    return IntType.covering(int(low.min()), int(high.max()))


def _set_output(model: Any, tensor: str, dtype: IntType) -> None:  # noqa: ANN401
    """Makes a tensor the graph's one output."""
    import onnx

    shape = model.get_tensor_shape(tensor)
    for info in [info for info in model.graph.value_info if info.name == tensor]:
        model.graph.value_info.remove(info)
    while len(model.graph.output):
        model.graph.output.pop()
    producer = model.find_producer(tensor)
    whole_numbers = producer is not None and producer.op_type in _RANKING
    kind = onnx.TensorProto.INT64 if whole_numbers else onnx.TensorProto.FLOAT
    model.graph.output.append(onnx.helper.make_tensor_value_info(tensor, kind, shape))
    set_integer(model, tensor, dtype.name)
