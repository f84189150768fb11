"""The parallel sliding window unit: the walk over rows and columns in which whole windows come out.

A step takes `mmv` pixels of a row. Before the pixels of each row lie `gap` steps of padding, which are the
padding to the right of the row above too; the rows of padding below the image are steps without input. Groups
of `mmv` windows leave in the step in which their last column arrives.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from levada.layer import BoolArray
from levada.window import Window


@dataclass(frozen=True)
class Parallel:
    """The walk: rows of `row` steps, `gap` of them before the pixels.

    It starts in step `first_step` of row 0, and gives the first group of windows `first_group` steps later.
    The next follows after as many steps as the stride, or `turn` where a row of windows ends.
    """

    gap: int
    row: int
    first_step: int
    first_group: int
    turn: int
    cycles: int


def possible(height: int, width: int, window: Window, mmv: int) -> bool:
    """Whether mmv divides rows of pixels and of windows, and no window comes before the first pixel."""
    _, columns = window.outputs(height, width)
    if width % mmv or columns % mmv:
        return False
    walk = plan(height, width, window, mmv)
    return walk.first_step + walk.first_group >= walk.gap


@lru_cache(maxsize=1024)
def plan(height: int, width: int, window: Window, mmv: int) -> Parallel:
    """The walk over an image whose width, and windows in a row, are multiples of mmv."""
    out_h, out_w = window.outputs(height, width)
    (stride_h, stride_w), (top, left, _, _) = window.stride, window.pads
    extent_h, extent_w = window.extent
    # Where groups end: rows of the first and last, columns of the first and last in a row.
    top_end = extent_h - 1 - top
    bottom_end = top_end + (out_h - 1) * stride_h
    left_end = (mmv - 1) * stride_w + extent_w - 1 - left
    right_end = left_end + (out_w - mmv) * stride_w
    # Padding on either side, and a step of its own for each group of consecutive rows.
    spread = -(-(right_end - left_end + mmv) // stride_h) - width
    gap = -(-max(left, right_end - width + 1, spread) // mmv)
    row = gap + width // mmv
    # Column x arrives in step x // mmv + gap of its row, or in the gap of the next row if it is padding.
    first_step = gap - -(-left // mmv)
    after = right_end // mmv - width // mmv
    tail = after + 1 if bottom_end >= height - 1 and after >= 0 else 0
    return Parallel(
        gap=gap,
        row=row,
        first_step=first_step,
        first_group=top_end * row + left_end // mmv + gap - first_step,
        turn=stride_h * row - (out_w // mmv - 1) * stride_w,
        cycles=max(height, bottom_end + 1) * row + tail - first_step,
    )


def steps(height: int, width: int, window: Window, mmv: int) -> tuple[BoolArray, BoolArray]:
    """Whether each step takes pixels, and whether it gives windows."""
    walk = plan(height, width, window, mmv)
    rows, columns = window.outputs(height, width)
    place = np.arange(walk.cycles) + walk.first_step
    reads = (place // walk.row < height) & (place % walk.row >= walk.gap)
    groups = np.arange(columns // mmv) * window.stride[1]
    turns = np.arange(rows) * window.stride[0] * walk.row
    writes = np.zeros(walk.cycles, np.bool_)
    writes[walk.first_group + turns[:, None] + groups] = True
    return reads, writes
