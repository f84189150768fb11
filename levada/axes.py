"""Axes of tensors: where the hardware, whose frames have their channels last, has an axis of ONNX."""

from __future__ import annotations

from math import gcd, prod
from typing import Any

from levada.errors import LevadaError
from levada.onnxutil import channels_last


def frame_axis(node: Any, axis: int, tensor: str, model: Any) -> int:  # noqa: ANN401 - untyped onnx objects
    """The axis of a frame (channels last, no batch) that ONNX axis `axis` of `tensor` is.

    Raises LevadaError for the batch axis: the hardware sees one frame after the other.
    """
    rank = len(model.get_tensor_shape(tensor))
    place = axis % rank
    if place == 0:
        raise LevadaError(f"{node.name}: {node.op_type} along axis 0, over frames; use another axis")
    if channels_last(tensor, model):
        return place - 1
    return rank - 2 if place == 1 else place - 2


def run_length(shape: tuple[int, ...], axis: int) -> int:
    """Elements that follow one another in a stream before an axis outside `axis` moves on."""
    return prod(shape[axis:])


def common_beat(shape: tuple[int, ...], axis: int, *cuts: int) -> int:
    """The largest number of channels a beat may hold so that no beat straddles a cut of `axis` at `cuts`."""
    return gcd(shape[-1], *cuts) if axis == len(shape) - 1 else shape[-1]
