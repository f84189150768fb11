"""Smallest arguments at which monotone step functions reach their levels, by bisection on exact values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from levada_driver.datatype import IntArray

from levada.reference import FloatArray

Function = Callable[[npt.NDArray[Any]], FloatArray]


def first_integers(function: Function, levels: IntArray, low: IntArray, high: IntArray) -> IntArray:
    """Smallest integer x in low..high with function(x) >= level, for each channel and level.

    `function` maps [B, C] to [B, C] and is non-decreasing in each channel; `low` and `high` are [C]. The
    result is [C, len(levels)]; high + 1 where no x in the range reaches the level.
    """
    shape = (len(levels), len(low))
    below = np.broadcast_to(low - 1, shape).astype(np.int64)  # function(below) < level, or outside
    reached = np.broadcast_to(high + 1, shape).astype(np.int64)
    while np.any(reached - below > 1):
        middle = below + (reached - below) // 2
        hit = function(middle) >= levels[:, None]
        open_ = reached - below > 1
        reached = np.where(open_ & hit, middle, reached)
        below = np.where(open_ & ~hit, middle, below)
    return reached.T.copy()


def first_floats(function: Function, levels: IntArray, channels: int) -> FloatArray:
    """Smallest float32 x with function(x) >= level, for each channel and level; +inf where there is none.

    As `first_integers`, over all finite float32 in their order.
    """
    largest = np.float32(np.finfo(np.float32).max)
    ends = _order(np.array([-largest, largest], np.float32))
    low, high = (np.full(channels, end) for end in ends)
    found = first_integers(lambda index: function(_float(index)), levels, low, high)
    return np.where(found > ends[1], np.float32(np.inf), _float(np.minimum(found, ends[1])))


def _order(values: FloatArray) -> IntArray:
    """float32 to integers of the same order: IEEE 754 magnitudes, mirrored for negative numbers."""
    bits = values.view(np.int32).astype(np.int64)
    return np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)


def _float(index: IntArray) -> FloatArray:
    magnitude = np.abs(index).astype(np.int32).view(np.float32)
    return np.where(index < 0, -magnitude, magnitude).astype(np.float32)
