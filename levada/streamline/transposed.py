"""Transposed convolutions become convolutions of more channels, rearranged to more pixels.

With stride s, y[q*s + r - pad] = sum over j of W[r + s*j] * x[q - j] for each phase r < s (in each
direction):
an ordinary convolution with J = ceil(k / s) taps computes the phases as channels, DepthToSpace makes pixels
of them, and a Slice takes the padding off. No product with an inserted zero is ever computed, which padding
the image with zeros between its pixels would need s*s - 1 times out of s*s.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import helper

from levada.onnxutil import attribute
from levada.reference import FloatArray
from levada.streamline.rewrite import constant, new_tensor, replace_node, shape_of


def to_subpixels(model: Any) -> Any:
    """Replaces every ConvTranspose with equal strides and one group."""
    for node in [node for node in model.graph.node if node.op_type == "ConvTranspose"]:
        _replace(model, node)
    return model


def _replace(model: Any, node: Any) -> None:
    weights = model.get_initializer(node.input[1])
    (_, _, height, width), shape = (shape_of(node.input[0], model), shape_of(node.output[0], model))
    (stride, _), pads = attribute(node, "strides", [1, 1]), attribute(node, "pads", [0, 0, 0, 0])
    taps = [-(-size // stride) for size in weights.shape[2:]]
    rows = [-(-(size + pad) // stride) for size, pad in zip(shape[2:], pads[:2], strict=True)]
    beyond = [max(0, count - size) for count, size in zip(rows, (height, width), strict=True)]
    conv_pads = [taps[0] - 1, taps[1] - 1, *beyond]
    made = [height + beyond[0], width + beyond[1]]
    channels = shape[1] * stride * stride
    phases, pixels = (
        new_tensor(model, (1, channels, *made)),
        new_tensor(model, (1, shape[1], made[0] * stride, made[1] * stride)),
    )
    kernel = constant(model, phase_weights(weights, stride))
    nodes = [
        helper.make_node(
            "Conv",
            [node.input[0], kernel],
            [phases],
            name=f"{node.name}_phases",
            pads=conv_pads,
            kernel_shape=taps,
        ),
        helper.make_node(
            "DepthToSpace", [phases], [pixels], name=f"{node.name}_pixels", blocksize=stride, mode="DCR"
        ),
    ]
    if (made[0] * stride, made[1] * stride) == shape[2:]:
        nodes[-1].output[0] = node.output[0]
    else:
        nodes.append(_crop(model, node, pixels, pads[:2], shape[2:]))
    if stride == 1:
        nodes[0].output[0] = nodes[1].output[0]
        del nodes[1]
    replace_node(model, node, nodes)


def _crop(model: Any, node: Any, pixels: str, begins: list[int], sizes: tuple[int, ...]) -> Any:
    ends = [begin + size for begin, size in zip(begins, sizes, strict=True)]
    limits = [constant(model, np.array(values), np.int64) for values in (begins, ends, [2, 3])]
    return helper.make_node("Slice", [pixels, *limits], [node.output[0]], name=f"{node.name}_crop")


def phase_weights(weights: FloatArray, stride: int) -> FloatArray:
    """Weights [C, M, kh, kw] of the transposed convolution to those [stride^2 * M, C, J, J] of the phases."""
    _, outputs, *size = weights.shape
    taps = [-(-k // stride) for k in size]
    full = np.zeros((*weights.shape[:2], taps[0] * stride, taps[1] * stride), weights.dtype)
    full[:, :, : size[0], : size[1]] = weights
    # [C, M, j, r, j', r'] to [r, r', M, C, j, j'], the taps in the order of the window: x[q - j] is tap
    # J-1-j.
    split = full.reshape(weights.shape[0], outputs, taps[0], stride, taps[1], stride)
    phases = split.transpose(3, 5, 1, 0, 2, 4)[..., ::-1, ::-1]
    return np.ascontiguousarray(phases.reshape(stride * stride * outputs, -1, *taps))
