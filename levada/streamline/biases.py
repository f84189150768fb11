"""Biases of convolutions become Adds, and paddings of their own go into them.

Conv(x, W, b) = Conv(x, W) + b            Conv(Pad(x, p), W; q) = Conv(x, W; p + q), Pad with zeros
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import helper

from levada.onnxutil import attribute
from levada.streamline.rewrite import constant, insert_after, new_tensor, shape_of

_CONVOLUTIONS = ("Conv", "ConvTranspose")


def biases_behind(model: Any) -> Any:
    """Takes the bias out of every convolution."""
    for node in list(model.graph.node):
        if node.op_type in _CONVOLUTIONS and len(node.input) > 2:
            name = node.input[2]
            del node.input[2]
            if name:
                shape = shape_of(node.output[0], model)
                bias = model.get_initializer(name).reshape((1, -1) + (1,) * (len(shape) - 2))
                end, inner = node.output[0], new_tensor(model, shape)
                node.output[0] = inner
                add = helper.make_node("Add", [inner, constant(model, bias)], [end], name=f"{node.name}_bias")
                insert_after(model, node, [add])
    return model


def pads_into_convolutions(model: Any) -> Any:
    """Merges a Pad by zeros of the spatial axes into the convolution behind it."""
    for pad in [node for node in model.graph.node if node.op_type == "Pad"]:
        amounts = _zero_padding(pad, model)
        readers = model.find_consumers(pad.output[0]) or []
        if amounts is None or any(reader.op_type != "Conv" for reader in readers) or not readers:
            continue
        for reader in readers:
            own = np.array(attribute(reader, "pads", [0] * len(amounts)))
            for old in [found for found in reader.attribute if found.name == "pads"]:
                reader.attribute.remove(old)
            reader.attribute.append(helper.make_attribute("pads", (own + amounts).tolist()))
            reader.input[0] = pad.input[0]
        model.graph.node.remove(pad)
    return model


def _zero_padding(pad: Any, model: Any) -> Any | None:
    """Begins and ends of the spatial axes if a Pad adds zeros there and nothing elsewhere."""
    amounts = model.get_initializer(pad.input[1]) if len(pad.input) > 1 else None
    value = model.get_initializer(pad.input[2]) if len(pad.input) > 2 and pad.input[2] else np.zeros(1)
    if amounts is None or value is None or np.any(value) or attribute(pad, "mode", "constant") != "constant":
        return None
    begins, ends = amounts.reshape(2, -1).astype(np.int64)
    if np.any(begins < 0) or np.any(ends < 0) or begins[:2].any() or ends[:2].any():
        return None
    return np.concatenate([begins[2:], ends[2:]])
