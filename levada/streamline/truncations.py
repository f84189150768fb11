"""Truncations become a division and a quantizer that rounds as they do.

    Trunc(x; s, t) = s * t * round_mode(clip(round(x / s) / t)),    t = 2^(bits dropped)

as QONNX computes it (versions 1 and 2 of the operator), for a zero point of 0. Brevitas writes one behind an
average pool.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import helper

from levada.errors import LevadaError
from levada.onnxutil import attribute
from levada.streamline.rewrite import constant, new_tensor, replace_node, shape_of


def to_quantizers(model: Any) -> Any:
    """Replaces every Trunc."""
    for node in [node for node in model.graph.node if node.op_type == "Trunc"]:
        _replace(model, node)
    return model


def _replace(model: Any, node: Any) -> None:
    values = [model.get_initializer(name) for name in node.input[1:]]
    if any(value is None or value.size != 1 for value in values) or values[1].item() != 0:
        raise LevadaError(f"{node.name}: Trunc needs one constant scale and a zero point of 0; export it so")
    scale, _, bits_in, *rest = (float(value.item()) for value in values)
    if len(rest) == 2:  # version 2: the scale of the result is given
        step, bits = float(2.0 ** np.round(np.log2(rest[0] / scale))), rest[1]
        factor, signed, narrow = rest[0], attribute(node, "signed", 1), attribute(node, "narrow", 0)
    else:  # version 1 does not clip, and keeps the scale: one more bit than asked for holds either sign
        step, bits, signed, narrow = 2.0 ** (bits_in - rest[0]), rest[0] + 1, 1, 0
        factor = scale
    shape = shape_of(node.input[0], model)
    operations: tuple[tuple[str, tuple[float, ...]], ...] = (
        ("Div", (scale,)),
        ("Round", ()),
        ("Div", (step,)),
        ("Quant", (1.0, 0.0, bits)),
        ("Mul", (factor,)),
    )
    tensor, nodes = node.input[0], []
    for index, (operator, constants) in enumerate(operations):
        result = node.output[0] if index == len(operations) - 1 else new_tensor(model, shape)
        inputs = [tensor, *(constant(model, np.float32(value)) for value in constants)]
        new = helper.make_node(operator, inputs, [result], name=f"{node.name}_{index}_{operator}")
        if operator == "Quant":
            new.domain = node.domain
            mode = attribute(node, "rounding_mode", "FLOOR")
            for key, value in (("signed", signed), ("narrow", narrow), ("rounding_mode", mode)):
                new.attribute.append(helper.make_attribute(key, value))
        nodes.append(new)
        tensor = result
    replace_node(model, node, nodes)
