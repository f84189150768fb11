"""The serial sliding window unit: which pixels each window needs and frees, and so when each beat moves.

Everything here is in pixels, and steps of one pixel: with CF beats a pixel each step becomes CF steps, since
windows start and end with whole pixels.

Window j, in raster order, starts when `need[j]` pixels were taken, and gives `taps` pixels. Until its end, as
well as while it waits for its start, pixels below `base[j] + depth` are taken. The rest is taken after the
last window.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from levada_driver.datatype import IntArray

from levada.layer import BoolArray
from levada.window import Window

# A deeper buffer is worth it if it saves more than this share of the cycles.
_WORTH = 64


@dataclass(frozen=True)
class Serial:
    """Geometry of one serial unit: the image, its windows and the pixels that its buffer holds."""

    height: int
    width: int
    window: Window
    depth: int

    def takes(self) -> tuple[IntArray, IntArray]:
        """For each window the pixels taken before it starts, and while it is given."""
        rows = _walk(self.height, self.width, self.window, self.depth)
        return np.concatenate([row[0] for row in rows]), np.concatenate([row[1] for row in rows])

    @property
    def cycles(self) -> int:
        """Steps of a frame: one a tap, one a pixel that is taken between windows, and after the last one."""
        return _cycles(self.height, self.width, self.window, self.depth)

    def steps(self) -> tuple[BoolArray, BoolArray]:
        """Whether each step takes a pixel, and whether it gives one."""
        before, during = self.takes()
        taps = self.window.taps
        rest = self.height * self.width - int(before.sum() + during.sum())
        spans = np.stack([before, during, taps - during], axis=1).ravel()
        reads = np.repeat(np.tile([True, True, False], len(before)), spans)
        writes = np.repeat(np.tile([False, True, True], len(before)), spans)
        return np.append(reads, np.ones(rest, np.bool_)), np.append(writes, np.zeros(rest, np.bool_))

    @cached_property
    def room(self) -> int:
        """The most pixels that may be taken at any one time: `depth`, and what windows leave out."""
        need, base = _demand(self.height, self.width, self.window)
        taken = np.maximum.accumulate(need.ravel())
        return self.depth + max(0, int((base.ravel()[1:] - taken[:-1]).max(initial=0)))


@lru_cache(maxsize=256)
def plan(height: int, width: int, window: Window) -> Serial:
    """The serial unit of the least buffer that is (nearly) as fast as one that holds the whole image."""
    need, base = _demand(height, width, window)
    least = max(1, int((np.maximum.accumulate(need.ravel()) - base.ravel()).max()))
    pixels = height * width
    stride_h, stride_w = window.stride
    rows = [(stride_h - 1) * width, stride_h * width]
    # Room for what the next window needs in its row, and for rows that arrive while one is given.
    more = {0, 1, stride_w, *rows, *(row + stride_w for row in rows)}
    depths = sorted({min(pixels, least + extra) for extra in more})
    cycles = [_cycles(height, width, window, depth) for depth in depths]
    bound = min(cycles) * (_WORTH + 1) // _WORTH
    chosen = next(depth for depth, count in zip(depths, cycles, strict=True) if count <= bound)
    return Serial(height, width, window, chosen)


def freed(pad: int, stride: int, size: int) -> tuple[int, int]:
    """First index of a row (or column) of windows behind which pixels are free, and the first without more.

    Counted in whole strides: ceil(pad / stride) windows begin in the padding, and windows that begin behind
    the image free nothing.
    """
    first = -(-pad // stride)
    return first, first + size // stride


@lru_cache(maxsize=256)
def _demand(height: int, width: int, window: Window) -> tuple[IntArray, IntArray]:
    """Need and base of each window [OH, OW], both rounded to the safe side where windows lie in padding."""
    out_h, out_w = window.outputs(height, width)
    (stride_h, stride_w), (top, left, _, _) = window.stride, window.pads
    extent_h, extent_w = window.extent
    bottom = np.minimum(np.arange(out_h) * stride_h - top + extent_h - 1, height - 1)
    right = np.clip(np.arange(out_w) * stride_w - left + extent_w - 1, -1, width - 1)
    need = np.where(bottom[:, None] < 0, 0, bottom[:, None] * width + right + 1)
    (first_row, end_row), (first, end) = freed(top, stride_h, height), freed(left, stride_w, width)
    row = np.arange(out_h)
    inside = (row >= first_row) & (row < end_row)
    row_base = (np.clip(row, first_row, end_row) - first_row) * stride_h * width
    column_base = (np.clip(np.arange(out_w), first, end) - first) * stride_w
    return need, row_base[:, None] + inside[:, None] * column_base


@lru_cache(maxsize=64)
def _walk(height: int, width: int, window: Window, depth: int) -> list[tuple[IntArray, IntArray, int]]:
    """For each row of windows the pixels taken before and during each window, and their sum.

    Rows that start alike, relative to the pixels of their place in the image, are computed once.
    """
    need, base = _demand(height, width, window)
    pixels, taps = height * width, window.taps
    limit = np.minimum(base + depth, pixels)
    known: dict[tuple[bytes, bytes, int], tuple[IntArray, IntArray, int]] = {}
    rows = []
    taken = 0
    offset = np.arange(len(need))[:, None] * window.stride[0] * width
    for wanted, most, start in zip(need - offset, limit - offset, offset[:, 0].tolist(), strict=True):
        key = (wanted.tobytes(), most.tobytes(), taken - start)
        if key not in known:
            known[key] = _walk_row(wanted.tolist(), most.tolist(), taken - start, taps)
        rows.append(known[key])
        taken += known[key][2]
    return rows


def _walk_row(need: list[int], limit: list[int], taken: int, taps: int) -> tuple[IntArray, IntArray, int]:
    first = taken
    before, during = [], []
    for wanted, most in zip(need, limit, strict=True):
        ready = max(taken, wanted)
        end = min(ready + taps, most)
        before.append(ready - taken)
        during.append(end - ready)
        taken = end
    return np.array(before, np.int64), np.array(during, np.int64), taken - first


@lru_cache(maxsize=1024)
def _cycles(height: int, width: int, window: Window, depth: int) -> int:
    rows = _walk(height, width, window, depth)
    windows = sum(len(row[0]) for row in rows)
    during = sum(int(row[1].sum()) for row in rows)
    return windows * window.taps + height * width - during
