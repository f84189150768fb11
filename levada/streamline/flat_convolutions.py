"""One-dimensional convolutions and pools become two-dimensional ones of a single row.

Conv1d(x, W[m, c, k]) = squeeze(Conv2d(unsqueeze(x), W[m, c, 1, k])),    the same for pools
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import helper

from levada.streamline.rewrite import constant, new_tensor, shape_of

_KINDS = ("AveragePool", "Conv", "ConvTranspose", "GlobalAveragePool", "MaxPool")
#: What an attribute holds for the added axis.
_ADDED = {"dilations": 1, "kernel_shape": 1, "output_padding": 0, "strides": 1}


def to_two_dimensions(model: Any) -> Any:
    """Gives every convolution and pool over [N, C, W] an axis of height 1."""
    for node in list(model.graph.node):
        if node.op_type in _KINDS and len(shape_of(node.input[0], model)) == 3:
            _unfold(model, node)
    return model


def _unfold(model: Any, node: Any) -> None:
    (n, c, w), (_, m, ow) = shape_of(node.input[0], model), shape_of(node.output[0], model)
    before, after = new_tensor(model, (n, c, 1, w)), new_tensor(model, (n, m, 1, ow))
    first = _reshape(model, node.input[0], before, (n, c, 1, w), f"{node.name}_2d")
    last = _reshape(model, after, node.output[0], (n, m, ow), f"{node.name}_1d")
    node.input[0], node.output[0] = before, after
    if len(node.input) > 1:
        weights = model.get_initializer(node.input[1])
        node.input[1] = constant(model, weights[:, :, None, :])
    for found in node.attribute:
        if found.name == "pads":
            begin, end = found.ints
            found.ints[:] = [0, begin, 0, end]
        elif found.name in _ADDED:
            found.ints.insert(0, _ADDED[found.name])
    at = list(model.graph.node).index(node)
    model.graph.node.insert(at, first)
    model.graph.node.insert(at + 2, last)


def _reshape(model: Any, source: str, target: str, shape: tuple[int, ...], name: str) -> Any:
    # The first axis as 0, "as it is": frames may be run many at a time.
    sizes = constant(model, np.array([0, *shape[1:]]), np.int64)
    return helper.make_node("Reshape", [source, sizes], [target], name=name)
