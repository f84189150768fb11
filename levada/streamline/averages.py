"""Averages become sums: depthwise convolutions with ones, and a division behind.

    AveragePool(x) = Conv(x, ones) / (kh * kw),    one group a channel

likewise for GlobalAveragePool and for ReduceMean over both spatial axes. The sum of integers is one; the
division is a scale like any other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import helper

from levada.onnxutil import attribute
from levada.streamline.rewrite import constant, new_tensor, replace_node, shape_of

AVERAGES = frozenset({"AveragePool", "GlobalAveragePool", "ReduceMean"})


def averages_to_sums(model: Any) -> Any:
    """Replaces every average over windows of an image."""
    for node in list(model.graph.node):
        if node.op_type in AVERAGES and len(shape_of(node.input[0], model)) == 4:
            _replace(model, node)
    return model


def mean_axes(node: Any, model: Any) -> list[int]:
    """Axes of a ReduceMean, counted from the front; as an attribute before opset 18, then as an input."""
    rank = len(shape_of(node.input[0], model))
    axes = attribute(node, "axes", list(range(rank)))
    if len(node.input) > 1 and node.input[1]:
        axes = model.get_initializer(node.input[1]).tolist()
    return sorted(int(axis) % rank for axis in axes)


def _replace(model: Any, node: Any) -> None:
    source = shape_of(node.input[0], model)
    channels, size = source[1], source[2:]
    windows = {"strides": list(size), "pads": [0, 0, 0, 0]}
    if node.op_type == "AveragePool":
        size = tuple(attribute(node, "kernel_shape", [1, 1]))
        windows["strides"] = attribute(node, "strides", [1, 1])
        windows["pads"] = attribute(node, "pads", [0, 0, 0, 0])
    ones = constant(model, np.ones((channels, 1, *size)))
    sums, result = _tensors(model, node, (source[0], channels))
    conv = helper.make_node(
        "Conv", [node.input[0], ones], [sums], name=f"{node.name}_sum", group=channels, **windows
    )
    conv.attribute.append(helper.make_attribute("kernel_shape", list(size)))
    divide = helper.make_node(
        "Div", [sums, constant(model, np.float32(np.prod(size)))], [result], name=f"{node.name}_div"
    )
    nodes = [conv, divide]
    if result != node.output[0]:
        shape = constant(model, np.array([0, *shape_of(node.output[0], model)[1:]]), np.int64)
        nodes.append(helper.make_node("Reshape", [result, shape], [node.output[0]], name=f"{node.name}_flat"))
    replace_node(model, node, nodes)


def _tensors(model: Any, node: Any, front: tuple[int, int]) -> tuple[str, str]:
    """Names for the sums and their quotient; the latter is the node's own output if that is an image, too."""
    shape = shape_of(node.output[0], model)
    image = shape if len(shape) == 4 else (*front, 1, 1)
    sums = new_tensor(model, image)
    return sums, node.output[0] if len(shape) == 4 else new_tensor(model, image)
