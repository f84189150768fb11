"""Thresholds as hardware takes them: complete, clipped to the range of what they are compared with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from levada_driver.datatype import IntArray, IntType

from levada.layer import Bits, Memory

#: Candidates of a level of a search from which they may be in block RAM (hls/common/threshold_search.sv).
DEEP = 1024


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
        """The table as the modules take it: by lane, level of the search, fold of `pe` channels."""
        folds = self.table.shape[0] // pe
        lanes = self.table.reshape(folds, pe, -1).transpose(1, 0, 2)
        strides = [1 << (self.levels - level) for level in range(self.levels)]
        parts = [lanes[:, :, stride // 2 - 1 :: stride].reshape(pe, -1) for stride in strides]
        return Bits(np.concatenate(parts, axis=1).reshape(-1), self.width)

    def deep(self, folds: int) -> list[int]:
        """Candidates of those levels, of so many folds, that may be in block RAM."""
        return [folds << level for level in range(self.levels) if folds << level >= DEEP]

    def places(self, folds: int) -> tuple[Memory, ...]:
        """Where the candidates of so many folds may live."""
        return ("lut", "block") if self.deep(folds) else ("lut",)


def search(thresholds: IntArray, base: int, otype: IntType, low: int, high: int) -> Search:
    """The search that gives codes of `otype` for thresholds [C, N] over values in low..high."""
    channels, count = thresholds.shape
    full = (1 << otype.bits) - 1
    table = np.full((channels, full), high + 1, np.int64)
    table[:, :count] = np.clip(thresholds, low, high + 1)
    width = IntType.covering(min(low, -1), high + 1).bits
    offset = int(otype.encode(np.array(base)))
    return Search(table, width, otype.bits, offset)


@dataclass(frozen=True, eq=False)
class Fused:
    """What a layer makes of its values low..high of C channels: thresholds behind them, or nothing.

    With `thresholds` [C, N] the result is base + step * (number of channel c's thresholds that the value
    reaches), of `otype`; without, the value itself.
    """

    low: int
    high: int
    thresholds: IntArray | None = None
    base: int = 0
    otype: IntType | None = None

    @property
    def result_type(self) -> IntType:
        """`otype`, or the narrowest type that holds every value."""
        return self.otype if self.otype is not None else IntType.covering(self.low, self.high)

    @property
    def levels(self) -> int:
        """Steps of the search; 0 without."""
        return 0 if self.thresholds is None else self.result_type.bits

    @property
    def width(self) -> int:
        """Bits of a value as the hardware has it."""
        return self.result_type.bits if self.thresholds is None else self.search.width

    @cached_property
    def uniform(self) -> bool:
        """Whether all channels are alike: then one row serves them all."""
        return self.thresholds is None or bool(np.all(self.thresholds == self.thresholds[0]))

    @property
    def rows(self) -> IntArray:
        """The thresholds [1 or C, N] that must be told apart."""
        assert self.thresholds is not None
        return self.thresholds[:1] if self.uniform else self.thresholds

    def apply(self, values: IntArray) -> IntArray:
        """Results of values [..., C]."""
        if self.thresholds is None:
            return values
        return apply(values, self.thresholds, self.base, self.result_type.step)

    @cached_property
    def search(self) -> Search:
        """The thresholds as a search."""
        assert self.thresholds is not None
        return search(self.thresholds, self.base, self.result_type, self.low, self.high)

    def params(self, channels: int, pe: int) -> dict[str, int | Bits]:
        """Parameters of a module that has `channels` rows, `pe` at a time; none without thresholds."""
        if self.thresholds is None:
            return {}
        kept = replace(self.search, table=self.search.table[:channels])
        return {"LEVELS": kept.levels, "OFFSET": kept.offset, "THRESHOLDS": kept.lanes(pe)}

    def cpp(self) -> tuple[tuple[int, ...], dict[str, tuple[IntArray, IntType]]]:
        """Template arguments ROWS, LEVELS and BASE and the table; nothing where there are none."""
        if self.thresholds is None:
            return (), {}
        kept = np.clip(self.rows, self.low, self.high + 1)
        width = IntType.covering(min(-1, self.low), self.high + 1)
        return (*kept.shape, self.base), {"thresholds": (kept, width)}

    @property
    def cpp_type(self) -> IntType:
        """Type of the values in C++: signed, whatever they are."""
        return IntType.covering(min(-1, self.low), self.high)

    @property
    def bits(self) -> int:
        """Bits that the thresholds take."""
        return 0 if self.thresholds is None else int(self.rows.size) * self.search.width


def luts(levels: int, width: int, folds: int, lanes: int) -> int:
    """Estimated LUTs of `lanes` searches: a comparator and a small memory for each level."""
    memory = sum(-(-(folds << level) // 64) for level in range(levels)) * width
    return lanes * (levels * (width // 2 + 2) + (memory if folds > 1 or levels > 1 else 0) + levels)
