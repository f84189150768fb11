"""Bit widths that can be chosen, and parameters of other widths that stand for unknown trained ones.

What a layer would cost at other widths depends on numbers that only training tells: ranges of sums, tables
of thresholds, constants. So they are made from the numbers that the layer has. Weights keep their place in
the range of their type, thresholds theirs in the range of the sums: the same network, quantized in other
steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from levada_driver.datatype import BIPOLAR, IntArray, IntType

FloatArray = npt.NDArray[np.float64]
#: Smallest and largest of the values that thresholds are compared with, of all channels or of each, [C].
Range = tuple[int | IntArray, int | IntArray]

#: Of a distribution of weights, the part of the mean magnitude below which ternary weights are 0: Li et al.,
#: "Ternary Weight Networks", 2016, equation 6.
TERNARY = 0.7

# A lone threshold does not tell how far its neighbours would be. Thresholds from the lowest to the highest
# then share a quarter of the range.
_LONE = 1 / 8
# What rounding up and float32 may move a threshold of a uniform quantizer off its line.
_OFF = 1.0


@dataclass(frozen=True, order=True)
class Precision:
    """Bits of weights and of results; None where there are no trained weights, or no quantizer."""

    weight: int | None = None
    activation: int | None = None

    def __iter__(self) -> Iterator[int | None]:
        return iter((self.weight, self.activation))

    def __str__(self) -> str:
        """For example "w4a2", "w8" or "a4"."""
        weight = "" if self.weight is None else f"w{self.weight}"
        return weight + ("" if self.activation is None else f"a{self.activation}")


def resized(dtype: IntType, bits: int) -> IntType:
    """The type of the same kind with so many bits: one bit with a sign is BIPOLAR."""
    return BIPOLAR if dtype.signed and bits == 1 else IntType(bits, dtype.signed)


def rescaled(weights: IntArray, wtype: IntType, bits: int | None) -> tuple[IntArray, IntType]:
    """Weights of so many bits, and their type; the same ones for None or the width that they have.

    Each is drawn from the numbers that a weight of `wtype` stands for, always the same, and rounded in the
    steps of the new type. The largest number is the largest value of both, as where it sets a scale; two bits
    with a sign would leave hardly any other value than 0 then, so they are those of `TERNARY`.
    """
    if bits is None or bits == wtype.bits:
        return weights, wtype
    dtype = resized(wtype, bits)
    random = np.random.default_rng([bits, *weights.shape])
    numbers = weights + wtype.step * (random.random(weights.shape) - 0.5)
    beyond = np.maximum(np.abs(numbers) - wtype.max, 0)
    numbers -= 2 * np.sign(numbers) * beyond  # from beyond the largest value to as far before it
    if dtype.bipolar:
        return np.where(numbers < 0, -1, 1), dtype
    if dtype.signed and dtype.max == 1:
        magnitude = np.abs(numbers)
        return (np.sign(numbers) * (magnitude > TERNARY * magnitude.mean())).astype(np.int64), dtype
    codes = np.rint(numbers * dtype.max / wtype.max)
    return np.clip(codes, -dtype.max * dtype.signed, dtype.max).astype(np.int64), dtype


def moved(values: IntArray, old: IntType, new: IntType) -> IntArray:
    """The values of a new type next to the numbers that values of an old one stand for."""
    numbers = values / max(1, old.max)
    if new.bipolar:
        return np.where(numbers < 0, -1, 1)
    return np.clip(np.rint(numbers * new.max), new.min, new.max).astype(np.int64)


def respaced(
    thresholds: IntArray | None,
    base: int,
    otype: IntType | None,
    before: Range,
    after: Range,
    bits: int | None,
) -> dict[str, Any]:
    """The fields thresholds, base and otype of a layer for values of another range, with results of `bits`.

    The values had the range `before` and get the range `after`. Thresholds [C, N] on a line, as those of a
    uniform quantizer, get a line again; others go where the curve through them is. None keeps the width of
    the results; without thresholds nothing changes.
    """
    if thresholds is None or otype is None:
        return {"thresholds": thresholds, "base": base, "otype": otype}
    dtype = resized(otype, bits or otype.bits)
    ranges = [[np.asarray(end, np.int64).reshape(-1, 1) for end in ends] for ends in (before, after)]
    if dtype == otype and all(np.array_equal(*ends) for ends in zip(*ranges, strict=True)):
        return {"thresholds": thresholds, "base": base, "otype": otype}
    (low, high), (new_low, new_high) = ranges
    lowest, count = _levels(base, base + otype.step * thresholds.shape[1], otype, dtype)
    borders, wanted = _borders(base, otype, thresholds.shape[1]), _borders(lowest, dtype, count)
    shares = _curves((thresholds - low) / (high - low + 1), high - low + 1, borders, wanted)
    table = np.ceil(new_low + shares * (new_high - new_low + 1))
    made = np.clip(table, new_low, new_high + 1).astype(np.int64)
    return {"thresholds": made, "base": lowest, "otype": dtype}


def _reach(dtype: IntType) -> float:
    """Up to where numbers are rounded to the largest value of a type."""
    return dtype.max + dtype.step / 2


def _levels(lowest: int, highest: int, old: IntType, new: IntType) -> tuple[int, int]:
    """The lowest result of a new type, and how many thresholds it takes to the highest one."""
    if new.bipolar:
        return new.min, 1
    first, last = moved(np.array([lowest, highest]), old, new).tolist()
    return first, max(1, last - first)


def _borders(lowest: int, dtype: IntType, count: int) -> FloatArray:
    """The numbers between neighbouring results [count], in the unit of the type's reach."""
    return (lowest + dtype.step * (np.arange(count, dtype=np.float64) + 0.5)) / _reach(dtype)


def _curves(shares: FloatArray, spans: IntArray, at: FloatArray, wanted: FloatArray) -> FloatArray:
    """Curves through the `shares` [C, N] of a channel's range at the numbers `at` [N], at `wanted` [K].

    `spans` [1 or C, 1] are the sizes of the ranges. Thresholds at the ends of a range may have been cut off
    there and tell nothing of the line, unless there are no others.
    """
    inside = (shares > 0) & (shares < 1)
    inside |= inside.sum(axis=1, keepdims=True) < 2
    weights = inside / inside.sum(axis=1, keepdims=True)
    center, middle = ((weights * values).sum(axis=1, keepdims=True) for values in (at, shares))
    variance = (weights * (at - center) ** 2).sum(axis=1, keepdims=True)
    covariance = (weights * (at - center) * (shares - middle)).sum(axis=1, keepdims=True)
    slopes = covariance / variance if len(at) > 1 else np.full_like(center, _LONE)
    lines: FloatArray = middle + slopes * (wanted - center)
    misses = np.abs(middle + slopes * (at - center) - shares) * spans * inside
    for row in np.flatnonzero(misses.max(axis=1) > _OFF):
        lines[row] = np.interp(wanted, at, shares[row])
    return lines
