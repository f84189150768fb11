"""What the early check asks of operators over images: convolutions, pools, and what moves pixels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from levada.frontend.elementwise import dynamic
from levada.onnxutil import attribute
from levada.streamline.averages import mean_axes

CONVOLUTIONS = ("Conv", "ConvTranspose")
POOLS = ("AveragePool", "MaxPool")
MOVES = (
    "Concat",
    "DepthToSpace",
    "Pad",
    "ReduceMean",
    "Resize",
    "Slice",
    "SpaceToDepth",
    "Split",
    "Transpose",
    "Upsample",
)

_Problems = Iterator[tuple[str, str]]


def convolution_problems(node: Any, model: Any) -> _Problems:
    """Reasons why a convolution cannot be built, each with what to do."""
    rank = len(model.get_tensor_shape(node.input[0]))
    yield from _spatial(node, rank)
    if node.op_type == "Conv":
        return
    strides, dilations = (attribute(node, key, [1] * (rank - 2)) for key in ("strides", "dilations"))
    if len(set(strides)) > 1:
        yield f"has strides {strides}, not all equal", "use one stride"
    if any(step != 1 for step in dilations):
        yield f"has dilations {dilations}", "use 1"
    if attribute(node, "group", 1) != 1:
        yield f"has {attribute(node, 'group', 1)} groups", "use one, or upsample and a grouped convolution"
    if attribute(node, "output_shape", []):
        yield "gives its output_shape", "give output_padding instead"


def pool_problems(node: Any, model: Any) -> _Problems:
    """Reasons why a pool cannot be built, each with what to do."""
    yield from _spatial(node, len(model.get_tensor_shape(node.input[0])))
    outputs = {info.name for info in model.graph.output}
    if len(node.output) > 1 and (model.find_consumers(node.output[1]) or node.output[1] in outputs):
        yield "gives indices, too", "use its values only"
    if node.op_type != "AveragePool":
        return
    if any(attribute(node, "pads", [0])) and not attribute(node, "count_include_pad", 0):
        yield "divides by fewer pixels at the border", "use count_include_pad=True, or no padding"
    if attribute(node, "ceil_mode", 0) and _partial(node, model):
        yield "has windows that lie partly outside (ceil_mode)", "use ceil_mode=False"
    if any(step != 1 for step in attribute(node, "dilations", [1])):
        yield "is dilated", "use dilation 1"


def _spatial(node: Any, rank: int) -> _Problems:
    if rank not in (3, 4):
        yield f"works on {rank - 2} spatial axes", "use one or two"
    if attribute(node, "auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        yield f"pads by {attribute(node, 'auto_pad', 'NOTSET')}", "export it with explicit pads"
    if any(pad < 0 for pad in attribute(node, "pads", [0])):
        yield f"has negative pads {attribute(node, 'pads', [0])}", "crop with a Slice"


def _partial(node: Any, model: Any) -> bool:
    kernel = attribute(node, "kernel_shape", [1])
    strides, pads = (
        attribute(node, "strides", [1] * len(kernel)),
        attribute(node, "pads", [0] * 2 * len(kernel)),
    )
    sizes = model.get_tensor_shape(node.input[0])[2:]
    return any(
        (size + pads[i] + pads[i + len(kernel)] - kernel[i]) % strides[i] for i, size in enumerate(sizes)
    )


def move_problems(node: Any, model: Any) -> _Problems:
    """Reasons why an operator that moves pixels or channels cannot be built, each with what to do."""
    rule = {
        "Concat": _concat,
        "Pad": _pad,
        "ReduceMean": _mean,
        "Resize": _resize,
        "Slice": _slice,
        "Split": _split,
        "Transpose": _transpose,
        "Upsample": _resize,
    }.get(node.op_type)
    if rule is not None:
        yield from rule(node, model)


def _concat(node: Any, model: Any) -> _Problems:
    if len(dynamic(node, model)) != len(node.input):
        yield "joins a constant", "use inputs of the network's own"
    if attribute(node, "axis", 1) % len(model.get_tensor_shape(node.output[0])) != 1:
        yield f"is over axis {attribute(node, 'axis', 1)}", "concatenate channels (axis 1)"


def _pad(node: Any, model: Any) -> _Problems:
    readers = model.find_consumers(node.output[0]) or []
    amounts = model.get_initializer(node.input[1]) if len(node.input) > 1 else None
    value = model.get_initializer(node.input[2]) if len(node.input) > 2 and node.input[2] else np.zeros(1)
    if amounts is None or value is None or np.any(value) or attribute(node, "mode", "constant") != "constant":
        yield "does not pad with zeros", "pad with constant zeros"
    elif np.any(amounts < 0) or amounts.reshape(2, -1)[:, :2].any():
        yield f"pads by {amounts.tolist()}", "pad the height and width only"
    elif not readers or any(reader.op_type != "Conv" for reader in readers):
        yield "stands before no convolution", "put the padding into the layer behind it"


def _mean(node: Any, model: Any) -> _Problems:
    rank = len(model.get_tensor_shape(node.input[0]))
    if rank != 4 or mean_axes(node, model) != [2, 3]:
        yield f"is over axes {mean_axes(node, model)}", "average over height and width, both"


def _resize(node: Any, model: Any) -> _Problems:
    if attribute(node, "mode", "nearest") != "nearest":
        yield f"interpolates ({attribute(node, 'mode', 'nearest')})", "use mode nearest"
    before, after = (model.get_tensor_shape(name) for name in (node.input[0], node.output[0]))
    if before[:2] != after[:2] or any(new % old for old, new in zip(before[2:], after[2:], strict=True)):
        yield f"makes {list(after)} of {list(before)}", "use whole factors, for height and width"
    elif not _repeats(node, before, after):
        yield (
            "rounds in a way that does not repeat each pixel equally",
            'use coordinates "asymmetric" and "floor"',
        )


def _repeats(node: Any, before: Any, after: Any) -> bool:
    """Whether nearest neighbours are the pixels in order, each as often as the factor says."""
    if node.op_type == "Upsample":
        return True
    transformation = attribute(node, "coordinate_transformation_mode", "half_pixel")
    rounding = attribute(node, "nearest_mode", "round_prefer_floor")
    if transformation == "half_pixel":
        return rounding in ("round_prefer_floor", "round_prefer_ceil")
    return (transformation, rounding) == ("asymmetric", "floor") or list(before) == list(after)


def _slice(node: Any, model: Any) -> _Problems:
    names = list(node.input[1:])
    if any(name and model.get_initializer(name) is None for name in names):
        yield "its limits are not constant", "use constant limits"
    elif len(names) > 3 and names[3] and np.any(model.get_initializer(names[3]) != 1):
        yield f"takes steps of {model.get_initializer(names[3]).tolist()}", "use steps of 1"
    elif len(names) > 2 and names[2] and 0 in model.get_initializer(names[2]):
        yield "cuts the batch", "cut channels, rows or columns"


def _split(node: Any, model: Any) -> _Problems:
    if attribute(node, "axis", 0) % len(model.get_tensor_shape(node.input[0])) != 1:
        yield f"is over axis {attribute(node, 'axis', 0)}", "split channels (axis 1)"


def _transpose(node: Any, model: Any) -> _Problems:
    rank = len(model.get_tensor_shape(node.input[0]))
    perm = attribute(node, "perm", list(range(rank))[::-1])
    allowed = ([0, *range(2, rank), 1], [0, rank - 1, *range(1, rank - 1)], list(range(rank)))
    if perm not in allowed:
        yield f"permutes by {perm}", "only channels first to channels last and back can be built"
