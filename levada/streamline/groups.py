"""Grouped convolutions become one convolution a group.

    Conv(x, W; g groups) = Concat_i Conv(x_i, W_i),    x_i, W_i the i-th g-th of the channels, of the rows

Depthwise convolutions (one channel a group) stay: they have a layer of their own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import helper

from levada.onnxutil import attribute
from levada.streamline.rewrite import constant, new_tensor, replace_node, set_integer, shape_of


def split_groups(model: Any) -> Any:
    """Replaces every Conv with more than one group and more than one channel in each."""
    for node in list(model.graph.node):
        groups = attribute(node, "group", 1) if node.op_type == "Conv" else 1
        if 1 < groups < shape_of(node.input[0], model)[1]:
            _replace(model, node, groups)
    return model


def _replace(model: Any, node: Any, groups: int) -> None:
    source, result = shape_of(node.input[0], model), shape_of(node.output[0], model)
    channels, rows = source[1] // groups, result[1] // groups
    weights = model.get_initializer(node.input[1])
    dtype = model.get_tensor_datatype(node.input[1]).name
    parts = [new_tensor(model, (source[0], channels, *source[2:])) for _ in range(groups)]
    sizes = constant(model, np.full(groups, channels), np.int64)
    nodes = [helper.make_node("Split", [node.input[0], sizes], parts, name=f"{node.name}_split", axis=1)]
    sums = []
    for index, part in enumerate(parts):
        own = constant(model, weights[index * rows : (index + 1) * rows])
        set_integer(model, own, dtype) if dtype != "FLOAT32" else None
        sums.append(new_tensor(model, (result[0], rows, *result[2:])))
        conv = helper.make_node("Conv", [part, own], [sums[-1]], name=f"{node.name}_group{index}")
        conv.attribute.extend(found for found in node.attribute if found.name != "group")
        nodes.append(conv)
    nodes.append(helper.make_node("Concat", sums, [node.output[0]], name=f"{node.name}_concat", axis=1))
    replace_node(model, node, nodes)
