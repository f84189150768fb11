"""Thresholds that lie close to a line, as those of a uniform quantizer do (hls/common/threshold_line.sv).

A quantizer behind scales and biases has thresholds T[k] = ceil(a k + b), but for ties, which QONNX rounds to
even, and for the float32 arithmetic of the network. So instead of T a lane may keep a line and, for each k,
one bit:

    T[k] = ceil((slope k + start) / 2^fraction) + late[k],     late[k] in 0, 1

With c thresholds in reach, a division finds the last k that an x reaches on the line; if late[k] and x is
where the line has its threshold k, it is one less. That is the same function only where that x reaches
T[k - 1]; `fitted` checks the result at every x at which either could change.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from levada_driver.datatype import IntArray, IntType

#: Bits of a result from which a division is as short as a search.
LEAST_LEVELS = 4
# Bits of fraction beyond the levels: more do not make fewer bits late.
_FINEST = 4
# Steps of the search for a slope; each leaves 62 % of the interval.
_STEPS = 100
_GOLDEN = (5**0.5 - 1) / 2

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Lines:
    """Lines for C channels: `slopes` and `starts` [C], `late` [C, 2^levels], of which k = 0 is never used.

    The distance (x << fraction) - slope k - start of any value from any tested point fits `bits` signed bits.
    """

    slopes: IntArray
    starts: IntArray
    late: IntArray
    fraction: int
    bits: int
    count: int

    @property
    def levels(self) -> int:
        """Bits of a result."""
        return int(self.late.shape[1]).bit_length() - 1

    @property
    def slope_bits(self) -> int:
        """Bits of a slope."""
        return self.bits - self.levels

    def lane(self, rows: IntArray) -> IntArray:
        """The bits that describe the channels `rows` of a lane, in the module's order."""
        middles = self.starts[rows] + (self.slopes[rows] << (self.levels - 1))
        parts = (_bits(self.slopes[rows], self.slope_bits), _bits(middles, self.bits), self.late[rows])
        return np.concatenate([part.reshape(-1) for part in parts])


def _bits(values: IntArray, width: int) -> IntArray:
    """Two's complement, the lowest bit first, [..., width]."""
    return (values[..., None] >> np.arange(width)) & 1


def fitted(thresholds: IntArray, low: IntArray, high: IntArray, levels: int) -> Lines | None:
    """Lines for ascending thresholds [C, N] of values in low..high [C]; None if they bend.

    Of fractions that leave about the fewest thresholds late, the shortest.
    """
    thresholds = np.clip(thresholds, low[:, None], high[:, None] + 1)
    upper = np.where(thresholds > high[:, None], np.inf, thresholds).astype(np.float64)
    lower = np.where(thresholds <= low[:, None], -np.inf, thresholds - 1).astype(np.float64)
    slopes = _slopes(lower, upper, (high - low + 2).astype(np.float64))
    best: Lines | None = None
    for fraction in range(levels + _FINEST, -1, -1):
        found = _with_fraction(thresholds, upper, slopes, fraction, low, high, levels)
        if found is None:
            break
        if best is not None and found.late.sum() > best.late.sum() * 1.1:
            break
        best = found
    if best is None or not _exact(best, thresholds, low, high):
        return None
    return best


def _slopes(lower: FloatArray, upper: FloatArray, most: FloatArray) -> FloatArray:
    """For each channel the slope at which the band between `lower` and `upper` is the widest, in 0..most.

    The width is a concave function of the slope, so that sections shrink to its maximum. A band without an
    end on one side is met by a slope of 0.
    """
    left, right = np.zeros(len(lower)), most
    for _ in range(_STEPS):
        first, second = right - _GOLDEN * (right - left), left + _GOLDEN * (right - left)
        keep = _width(lower, upper, first) >= _width(lower, upper, second)
        left, right = np.where(keep, left, first), np.where(keep, second, right)
    open_ended = np.isinf(_width(lower, upper, np.zeros(len(lower))))
    return np.where(open_ended, 0.0, (left + right) / 2)


def _width(lower: FloatArray, upper: FloatArray, slopes: FloatArray) -> FloatArray:
    rise = slopes[:, None] * np.arange(1, lower.shape[1] + 1)
    return np.asarray((upper - rise).min(axis=1) - (lower - rise).max(axis=1))


def _with_fraction(
    thresholds: IntArray,
    upper: FloatArray,
    slopes: FloatArray,
    fraction: int,
    low: IntArray,
    high: IntArray,
    levels: int,
) -> Lines | None:
    """The highest lines of these slopes that pass no threshold; None where one is more than 1 below."""
    channels, count = thresholds.shape
    k = np.arange(1, 1 << levels)
    rounded = np.rint(slopes * 2**fraction).astype(np.int64)
    ends = (upper * 2**fraction - rounded[:, None] * k[:count]).min(axis=1)
    starts = np.where(np.isinf(ends), (high + 1) << fraction, ends).astype(np.int64)
    heights = rounded[:, None] * k + starts[:, None]
    line = -(-heights >> fraction)[:, :count]
    reachable = (thresholds > low[:, None]) & (thresholds <= high[:, None])
    late = np.where(reachable, thresholds - line, 0)
    if late.min() < 0 or late.max() > 1:
        return None
    every = np.zeros((channels, 1 << levels), np.int64)
    every[:, 1 : count + 1] = late
    least = int(((low << fraction) - heights.max(axis=1)).min())
    most = int(((high << fraction) - heights.min(axis=1)).max())
    bits = IntType.covering(min(-1, least), max(1, most)).bits
    bits = max(bits, levels + int(rounded.max()).bit_length(), fraction + 2)
    return Lines(rounded, starts, every, fraction, bits, count)


def _exact(lines: Lines, thresholds: IntArray, low: IntArray, high: IntArray) -> bool:
    """Whether every value in low..high [C] gets the number of thresholds that it reaches."""
    k = np.arange(1, 1 << lines.levels)
    for channel, row in enumerate(thresholds):
        line = -(-(lines.slopes[channel] * k + lines.starts[channel]) >> lines.fraction)
        ends = low[channel], high[channel]
        values = np.unique(np.clip(np.concatenate([line, line + 1, row, ends]), *ends))
        reached = np.searchsorted(line, values, side="right")
        met = values == line[np.maximum(reached, 1) - 1]
        found = np.where(
            reached > lines.count, lines.count, reached - (met & (lines.late[channel][reached] > 0))
        )
        if not np.array_equal(found, np.searchsorted(row, values, side="right")):
            return False
    return True
