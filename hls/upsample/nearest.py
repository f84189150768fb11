"""When ONNX's Resize repeats every pixel the same integer number of times.

Output pixel y of an axis reads input pixel round(coordinate(y)). Which roundings and coordinates repeat
pixels evenly is not looked up: the indices are computed as the standard defines them, and compared.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor
from typing import Any

from levada.errors import LevadaError
from levada.onnxutil import attribute, channels_last

_REMEDY = "export a nearest-neighbour Upsample by an integer factor"


def factors(node: Any, model: Any) -> tuple[int, int]:  # noqa: ANN401 - untyped onnx objects
    """How often rows and columns are repeated; LevadaError where the node does anything else."""
    mode = attribute(node, "mode", "nearest")
    if mode != "nearest":
        raise LevadaError(f"{node.name}: {node.op_type} of mode {mode!r}; {_REMEDY}")
    before, after = (list(model.get_tensor_shape(name)) for name in (node.input[0], node.output[0]))
    if len(before) != 4 or channels_last(node.input[0], model):
        raise LevadaError(f"{node.name}: {node.op_type} of shape {before}; only images [1, C, H, W]")
    for axis in range(4):
        _check_axis(node, axis, int(before[axis]), int(after[axis]))
    return int(after[2] // before[2]), int(after[3] // before[3])


def _check_axis(node: Any, axis: int, before: int, after: int) -> None:  # noqa: ANN401
    if after % before or (axis < 2 and after != before):
        raise LevadaError(f"{node.name}: {node.op_type} of axis {axis} from {before} to {after}; {_REMEDY}")
    wanted = [place // (after // before) for place in range(after)]
    if node.op_type != "Upsample" and indices(node, before, after) != wanted:
        how = attribute(node, "coordinate_transformation_mode", "half_pixel")
        rounding = attribute(node, "nearest_mode", "round_prefer_floor")
        raise LevadaError(
            f"{node.name}: Resize with {how} and {rounding} does not repeat pixels evenly; {_REMEDY}"
        )


def indices(node: Any, before: int, after: int) -> list[int]:  # noqa: ANN401
    """Which of `before` pixels each of the `after` pixels of an axis is."""
    how = attribute(node, "coordinate_transformation_mode", "half_pixel")
    rounding = attribute(node, "nearest_mode", "round_prefer_floor")
    if how == "tf_crop_and_resize":
        raise LevadaError(f"{node.name}: Resize of a part of the image; cut with Slice first")
    places = (_round(_coordinate(how, place, before, after), rounding) for place in range(after))
    return [min(max(place, 0), before - 1) for place in places]


def _coordinate(how: str, place: int, before: int, after: int) -> Fraction:
    scale = Fraction(after, before)
    if how == "align_corners":
        return Fraction(place * (before - 1), after - 1) if after > 1 else Fraction(0)
    if how == "asymmetric":
        return place / scale
    if how == "tf_half_pixel_for_nn":
        return (place + Fraction(1, 2)) / scale
    if how == "pytorch_half_pixel" and after == 1:
        return Fraction(0)
    return (place + Fraction(1, 2)) / scale - Fraction(1, 2)


def _round(value: Fraction, how: str) -> int:
    if how == "floor":
        return floor(value)
    if how == "ceil":
        return ceil(value)
    if how == "round_prefer_ceil":
        return floor(value + Fraction(1, 2))
    return ceil(value - Fraction(1, 2))
