"""Batch normalisation that no quantizer follows becomes a scale and a bias, which can move.

    gamma * (x - mean) / sqrt(var + eps) + beta = x * a + b,    a = gamma / sqrt(var + eps), b = beta - mean *
    a

Before a quantizer it stays as it is: thresholds are found by executing it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import helper

from levada.onnxutil import attribute
from levada.streamline.hoist import leads_to_quantizers
from levada.streamline.rewrite import constant, new_tensor, replace_node, shape_of


def to_affine(model: Any) -> Any:
    """Replaces every BatchNormalization that does not lead to quantizers alone by Mul and Add."""
    for node in [node for node in model.graph.node if node.op_type == "BatchNormalization"]:
        if leads_to_quantizers(node, model):
            continue
        gamma, beta, mean, variance = (
            model.get_initializer(name).astype(np.float64) for name in node.input[1:5]
        )
        scale = gamma / np.sqrt(variance + attribute(node, "epsilon", 1e-5))
        bias = beta - mean * scale
        shape = shape_of(node.output[0], model)
        aligned = (1, -1) + (1,) * (len(shape) - 2)
        factor, shift = (constant(model, value.reshape(aligned)) for value in (scale, bias))
        inner = new_tensor(model, shape)
        nodes = [
            helper.make_node("Mul", [node.input[0], factor], [inner], name=f"{node.name}_scale"),
            helper.make_node("Add", [inner, shift], [node.output[0]], name=f"{node.name}_bias"),
        ]
        replace_node(model, node, nodes)
    return model
