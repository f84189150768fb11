"""The border of the chip at the output: what is left of scale, bias and softmax goes to the host."""

from __future__ import annotations

from typing import Any

import numpy as np
from levada_driver.datatype import IntType
from levada_driver.host import HostOutput

from levada.errors import LevadaError
from levada.reference import FloatArray
from levada.streamline.operators import AFFINE, FINAL, RANKING, SHAPE
from levada.streamline.rewrite import remove, set_integer


def absorb_into_ranking(model: Any) -> Any:
    """Removes before an ArgMax or TopK what does not change the order: softmax, scale > 0, common bias."""
    while True:
        found = [
            (node, model.find_producer(node.input[0])) for node in model.graph.node if node.op_type in RANKING
        ]
        gone = [
            (node, before) for node, before in found if before is not None and _keeps_order(before, model)
        ]
        if not gone:
            _refuse_floats(found, model)
            return model
        for node, before in gone:
            node.input[0] = before.input[0]
            model.graph.node.remove(before)


def _refuse_floats(rankings: list[Any], model: Any) -> None:
    for node, before in rankings:
        if not model.get_tensor_datatype(node.input[0]).is_integer():
            what = f"{before.op_type} before it" if before is not None else "its input"
            raise LevadaError(
                f"{node.name}: {what} is float and may change the order; quantize before the {node.op_type}, "
                "or use one positive scale and one bias for all channels"
            )


def _keeps_order(node: Any, model: Any) -> bool:
    if node.op_type == "Softmax":
        return True
    value = model.get_initializer(node.input[1]) if len(node.input) > 1 else None
    if value is None or value.size != 1:
        return False
    return node.op_type in ("Add", "Sub") or (node.op_type in ("Mul", "Div") and float(value.item()) > 0)


def finish_on_host(model: Any) -> tuple[Any, tuple[HostOutput, ...]]:
    """The graph up to its last integers, and for each output the affine function and softmax behind them."""
    found = [_finish(model, info.name) for info in model.graph.output]
    ends = [(model.find_producer(tensor), tensor, host) for tensor, host, _ in found]
    remove(model, [node for _, _, nodes in found for node in nodes])
    _set_outputs(model, ends)
    return model, tuple(host for _, host, _ in found)


def _finish(model: Any, name: str) -> tuple[str, HostOutput, list[Any]]:
    """Back from an output of the network: the last integers, what the host does with them, as which nodes."""
    nodes: list[Any] = []
    shape = tuple(int(size) for size in model.get_tensor_shape(name))[1:]
    tensor = name
    while (node := model.find_producer(tensor)) is not None:
        readers = model.find_consumers(tensor) or []
        if (
            node.op_type not in AFFINE | SHAPE | FINAL
            or _joins(node, model)
            or len(readers) > (tensor != name)
        ):
            break
        nodes.append(node)
        tensor = node.input[0]
    if node is None:
        raise LevadaError("nothing of the network is left to build but what the host does; add a layer")
    affine = [node for node in reversed(nodes) if node.op_type in AFFINE]
    scale, bias = _affine(affine, model)
    if not np.all(scale):
        raise LevadaError("an output of the network is multiplied by 0; take that output away")
    _check_renamed(nodes, max(scale.size, bias.size), shape)
    producer = model.find_producer(tensor)
    indices = producer is not None and producer.op_type in RANKING
    dtype = _integers(tensor, producer, model)
    softmax = any(node.op_type in FINAL for node in nodes)
    return tensor, HostOutput(shape, dtype, scale, bias, indices, softmax), nodes


def _joins(node: Any, model: Any) -> bool:
    """Whether a node has several inputs that are not constant."""
    return len([name for name in node.input if name and model.get_initializer(name) is None]) > 1


def _check_renamed(nodes: list[Any], channels: int, shape: tuple[int, ...]) -> None:
    """What the host does to channels must see them as the last axis of the network's output."""
    shapes = [node for node in nodes if node.op_type in SHAPE]
    if shapes and channels > 1 and (not shape or shape[-1] != channels):
        raise LevadaError(
            f"{shapes[0].name}: {shapes[0].op_type} after a scale or bias for each channel; move it before"
        )


def _affine(nodes: list[Any], model: Any) -> tuple[FloatArray, FloatArray]:
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


def _integers(tensor: str, producer: Any, model: Any) -> IntType:
    if producer is not None and producer.op_type in RANKING:
        return IntType.covering(0, int(model.get_tensor_shape(producer.input[0])[-1]) - 1)
    datatype = model.get_tensor_datatype(tensor)
    if not datatype.is_integer():
        name = producer.name if producer is not None else "the input"
        raise LevadaError(
            f"{name}: what leaves it is float and cannot be left to the host; quantize before it, such as "
            "by a QuantIdentity"
        )
    return IntType.parse(datatype.name)


def _set_outputs(model: Any, ends: list[tuple[Any, str, HostOutput]]) -> None:
    """Makes some tensors the graph's outputs."""
    import onnx

    shapes = [model.get_tensor_shape(tensor) for _, tensor, _ in ends]
    for info in [info for info in model.graph.value_info if info.name in {tensor for _, tensor, _ in ends}]:
        model.graph.value_info.remove(info)
    while len(model.graph.output):
        model.graph.output.pop()
    for (producer, tensor, host), shape in zip(ends, shapes, strict=True):
        whole_numbers = producer is not None and producer.op_type in RANKING
        kind = onnx.TensorProto.INT64 if whole_numbers else onnx.TensorProto.FLOAT
        model.graph.output.append(onnx.helper.make_tensor_value_info(tensor, kind, shape))
        set_integer(model, tensor, host.dtype.name)
