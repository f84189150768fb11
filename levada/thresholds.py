"""Thresholds as hardware takes them: complete, clipped to the range of what they are compared with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from levada_driver.datatype import IntArray, IntType

from levada.layer import Bits


def apply(x: IntArray, thresholds: IntArray, base: int, step: int) -> IntArray:
    """Gives base + step * (number of thresholds reached): x [..., C], thresholds [C, N], result [..., C]."""
    count = np.zeros(x.shape, np.int64)
    for level in range(thresholds.shape[1]):
        count += x >= thresholds[:, level]
    return base + step * count


@dataclass(frozen=True)
class Search:
    """Parameters of a `threshold_search` for C channels: a table of 2^levels - 1 thresholds each.

    `table` [C, 2^levels - 1] holds values of `width` signed bits; a threshold that nothing reaches is
    `high + 1`, one that everything reaches is `low`.
    """

    table: IntArray
    width: int
    levels: int
    offset: int

    def lanes(self, pe: int) -> Bits:
        """The table as the modules take it: by lane, then by fold of `pe` channels, then by threshold."""
        folds = self.table.shape[0] // pe
        return Bits(self.table.reshape(folds, pe, -1).transpose(1, 0, 2).reshape(-1), self.width)


def search(thresholds: IntArray, base: int, otype: IntType, low: int, high: int) -> Search:
    """The search that gives codes of `otype` for thresholds [C, N] over values in low..high."""
    channels, count = thresholds.shape
    full = (1 << otype.bits) - 1
    table = np.full((channels, full), high + 1, np.int64)
    table[:, :count] = np.clip(thresholds, low, high + 1)
    width = IntType.covering(min(low, -1), high + 1).bits
    offset = int(otype.encode(np.array(base)))
    return Search(table, width, otype.bits, offset)


def luts(levels: int, width: int, folds: int, lanes: int) -> int:
    """Estimated LUTs of `lanes` searches: a comparator and a small memory for each level."""
    memory = sum(-(-(folds << level) // 64) for level in range(levels)) * width
    return lanes * (levels * (width // 2 + 2) + (memory if folds > 1 or levels > 1 else 0) + levels)
