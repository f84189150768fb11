"""What the early check asks of elementwise operators: one dynamic input, monotone, constants by channel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from levada.onnxutil import attribute
from levada.streamline.operators import ELEMENTWISE, QUANTIZERS, WHOLE


def dynamic(node: Any, model: Any) -> list[str]:
    """The inputs of a node that are not constant."""
    return [name for name in node.input if name and model.get_initializer(name) is None]


def problems(node: Any, model: Any) -> Iterator[tuple[str, str]]:
    """Reasons why an elementwise operator cannot be built, each with what to do."""
    inputs = dynamic(node, model)
    if node.op_type == "Add" and len(inputs) == 2:
        first, second = (list(model.get_tensor_shape(name)) for name in inputs)
        if first != second:
            yield f"adds {first} and {second}", "add branches of the same shape"
        return
    if len(inputs) != 1:
        yield "joins two branches, and no layer does that", "use Add or Concat"
        return
    constants = [model.get_initializer(name) for name in node.input if name and name not in inputs]
    if node.op_type == "Div" and node.input[0] != inputs[0]:
        yield "divides a constant by its input, which is not monotone", "use another function"
    elif node.op_type == "Div" and np.any(constants[0] == 0):
        yield "divides by 0", "use another constant"
    if _turns(node, constants):
        yield "falls below 0 and rises above, or the other way round", "use slopes of 0 or more"
    if node.op_type == "BatchNormalization":
        yield from _norm(node, constants)
        if len(model.get_tensor_shape(inputs[0])) == 3 and _behind_matmul(inputs[0], model):
            yield "stands between vectors of 3 axes", "reshape them to [1, channels]"
    elif node.op_type not in WHOLE and any(
        not _by_channel(value, tuple(model.get_tensor_shape(inputs[0]))) for value in constants
    ):
        shapes = ", ".join(str(list(value.shape)) for value in constants)
        yield f"its constant {shapes} is not one number or one a channel (axis 1)", "use one of the two"


def _behind_matmul(tensor: str, model: Any) -> bool:
    """Whether a tensor comes from a MatMul, whose channels are last, through elementwise operators."""
    producer = model.find_producer(tensor)
    while producer is not None and producer.op_type in ELEMENTWISE | QUANTIZERS:
        producer = model.find_producer(next(iter(dynamic(producer, model)), ""))
    return producer is not None and producer.op_type == "MatMul"


def _turns(node: Any, constants: list[Any]) -> bool:
    """Whether an activation function with a slope is not monotone."""
    if node.op_type == "PRelu":
        return bool(np.any(constants[0] < 0))
    return node.op_type in ("LeakyRelu", "Selu") and bool(attribute(node, "alpha", 1.0) < 0)


def _norm(node: Any, constants: list[Any]) -> Iterator[tuple[str, str]]:
    if attribute(node, "training_mode", 0):
        yield "is in training mode", "export the network in eval mode"
    if np.any(constants[3] < 0):
        yield "has a negative variance", "train it again"


def _by_channel(value: Any, shape: tuple[int, ...]) -> bool:
    """Whether a constant is one number, or one for each channel."""
    if value.size == 1:
        return bool(value.ndim <= len(shape))
    aligned = (1,) * (len(shape) - value.ndim) + tuple(value.shape)
    wanted = tuple(size if axis == 1 else 1 for axis, size in enumerate(shape))
    return bool(aligned == wanted)
