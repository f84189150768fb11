"""Thresholds as hardware takes them: complete, clipped to the range of what they are compared with."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from math import ceil

import numpy as np
from levada_driver.datatype import IntArray, IntType

from levada import lines, memory
from levada.layer import Bits, Places
from levada.lines import Lines
from levada.terms import Terms, rounded, total

#: Candidates of a level of a search from which they may be in block RAM (hls/common/threshold_search.sv).
DEEP = 1024
# LUTs that are worth as much as a block RAM: about what chips have of them for each block.
_BLOCK_LUTS = 190
# The family by whose prices values are made to take turns, so that hardware is the same on all.
_PRICED = "xc7"


def apply(x: IntArray, thresholds: IntArray, base: int, step: int) -> IntArray:
    """Gives base + step * (number of thresholds reached): x [..., C], thresholds [C, N], result [..., C]."""
    count = np.zeros(x.shape, np.int64)
    for level in range(thresholds.shape[1]):
        count += x >= thresholds[:, level]
    return base + step * count


@dataclass(frozen=True)
class Search:
    """Parameters of a `threshold_search` for C channels: a table of 2^levels - 1 thresholds each.

    `table` [C, 2^levels - 1] holds values of `width` signed bits; a threshold of a channel that nothing
    reaches is its `high` + 1, one that everything reaches its `low`, both [C]. Those after the first `count`
    are never reached. Where it is `writable` others may take the place of these thresholds.
    """

    table: IntArray
    width: int
    levels: int
    offset: int
    count: int
    low: IntArray
    high: IntArray
    writable: bool = False
    known: dict[tuple[int, int, Places], Terms] = field(default_factory=dict, init=False, compare=False)

    @cached_property
    def lines(self) -> Lines | None:
        """The thresholds as lines; None where they are none, or too few for that to be shorter."""
        if self.levels < lines.LEAST_LEVELS or self.writable:
            return None
        return lines.fitted(self.table[:, : self.count], self.low, self.high, self.levels)

    @cached_property
    def columns(self) -> tuple[int, ...]:
        """For each level the bits of its candidates but constants, copies, and those already found."""
        return tuple(_columns(self._candidates(level), self.width, level) for level in range(self.levels))

    @cached_property
    def functions(self) -> tuple[float, ...]:
        """For each level the different functions in 64 of its candidates, on the average: a LUT each."""
        return tuple(_functions(self._candidates(level), self.width) for level in range(self.levels))

    @cached_property
    def first_bits(self) -> int:
        """Bits from the top down to the lowest one that any first candidate has."""
        if self.writable:
            return self.width
        bits = int(np.bitwise_or.reduce(self._candidates(0)))
        return self.width + 1 - (bits & -bits).bit_length() if bits else 0

    def _candidates(self, level: int) -> IntArray:
        """What a level compares with, of all channels."""
        return self._level(self.table, level).reshape(-1)

    def _level(self, table: IntArray, level: int) -> IntArray:
        """The candidates [..., 2^level] of a level, of thresholds [..., N]."""
        stride = 1 << (self.levels - level)
        return table[..., stride // 2 - 1 :: stride]

    def params(self, rows: int, pe: int, place: Places) -> dict[str, int | Bits]:
        """Parameters of a module that has the first `rows` channels, `pe` at a time."""
        own: dict[str, int | Bits] = {"LEVELS": self.levels, "OFFSET": self.offset}
        if place != "line":
            table = self._lanes(self.table[:rows], pe)
            return own | ({"T_BLOCK": 1} if place == "block" else {}) | {"THRESHOLDS": table}
        found = self.lined
        lanes = [found.lane(np.arange(lane, rows, pe)) for lane in range(pe)]
        line = {"T_LINE": found.bits, "T_FRACTION": found.fraction, "T_COUNT": found.count}
        # A 1 is the only bit of -1.
        return own | line | {"THRESHOLDS": Bits(-np.concatenate(lanes), 1)}

    def _lanes(self, table: IntArray, pe: int) -> Bits:
        """The table as the modules take it: by lane, level of the search, fold of `pe` channels."""
        return Bits(np.concatenate(self._by_level(table, pe), axis=1).reshape(-1), self.width)

    def _by_level(self, table: IntArray, pe: int) -> list[IntArray]:
        """The candidates [pe, folds of `pe` channels * 2^level] of each level."""
        lanes = table.reshape(len(table) // pe, pe, -1).transpose(1, 0, 2)
        return [self._level(lanes, level).reshape(pe, -1) for level in range(self.levels)]

    def words(self, rows: int, pe: int, place: int) -> IntArray:
        """What writes the first `rows` channels, `pe` at a time, from `place` on: [words, (address, data)].

        The addresses are those of threshold_pkg.sv: lane, level, candidate.
        """
        levels = self._by_level(self.table[:rows], pe)
        entry_width = (levels[-1].shape[1] - 1).bit_length()
        lane_width = entry_width + (self.levels - 1).bit_length()
        mask = (1 << min(self.width, 32)) - 1
        found = []
        for level, candidates in enumerate(levels):
            lanes, entries = np.indices(candidates.shape)
            address = place + (lanes << lane_width) + (level << entry_width) + entries
            found.append(np.stack([address.reshape(-1), candidates.reshape(-1) & mask], axis=1))
        return np.concatenate(found)

    @property
    def lined(self) -> Lines:
        """The thresholds as lines, where they are kept as such."""
        assert self.lines is not None, "thresholds that bend lie on no line"
        return self.lines

    def deep(self, folds: int) -> list[int]:
        """Candidates of those levels, of so many folds, that may be in block RAM."""
        return [folds << level for level in range(self.levels) if folds << level >= DEEP]

    def places(self, folds: int) -> tuple[Places, ...]:
        """How the thresholds of so many folds may be kept."""
        block: tuple[Places, ...] = ("block",) if self.deep(folds) else ()
        line: tuple[Places, ...] = ("line",) if self.lines is not None else ()
        return ("lut", *block, *line)


def _columns(values: IntArray, width: int, level: int) -> int:
    """Bits of the candidates of a level that have to be stored, equal ones counted once."""
    bits = (values[:, None] >> np.arange(width)) & 1
    found = (np.arange(len(values))[:, None] >> np.arange(level)) & 1
    known = np.concatenate([np.zeros((len(values), 1), np.int64), found], axis=1)
    return len(_packed(bits) - _packed(known) - _packed(1 - known))


def _functions(values: IntArray, width: int) -> float:
    """Different columns, but constant ones, of all blocks of 64 words, by the number of blocks."""
    blocks = -(-len(values) // memory.LUT_WORDS)
    filled = np.resize(values, blocks * memory.LUT_WORDS).reshape(blocks, memory.LUT_WORDS, 1)
    columns = ((filled >> np.arange(width)) & 1).transpose(1, 0, 2).reshape(memory.LUT_WORDS, -1)
    constants = {bytes(memory.LUT_WORDS // 8), b"\xff" * (memory.LUT_WORDS // 8)}
    return len(_packed(columns) - constants) / blocks


def _packed(bits: IntArray) -> set[bytes]:
    return {column.tobytes() for column in np.packbits(bits, axis=0).T}


def search(
    thresholds: IntArray,
    base: int,
    otype: IntType,
    low: int | IntArray,
    high: int | IntArray,
    *,
    writable: bool = False,
) -> Search:
    """The search that gives codes of `otype` for thresholds [C, N] over values in low..high, maybe [C]."""
    channels, count = thresholds.shape
    low, high = (np.broadcast_to(np.asarray(end, np.int64), channels) for end in (low, high))
    full = (1 << otype.bits) - 1
    table = np.repeat(high[:, None] + 1, full, axis=1)
    table[:, :count] = np.clip(thresholds, low[:, None], high[:, None] + 1)
    width = IntType.covering(min(int(low.min()), -1), int(high.max()) + 1).bits
    offset = int(otype.encode(np.array(base)))
    return Search(table, width, otype.bits, offset, count, low, high, writable)


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

    def params(self, channels: int, pe: int, place: Places = "lut") -> dict[str, int | Bits]:
        """Parameters of a module that has `channels` rows, `pe` at a time; none without thresholds."""
        return {} if self.thresholds is None else self.search.params(channels, pe, place)

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


def activation(
    search: Search | None,
    folds: int,
    lanes: int,
    slots: int,
    bits: int,
    x_bits: int | None = None,
    place: Places = "lut",
    share: int = 1,
) -> Terms:
    """An activation.sv of `lanes` values: searches over `folds` rows each, if any, and the output fifo.

    `bits` are those of a result; `x_bits` those of a value, where they are fewer than the search's width.
    `place` is how the thresholds are kept; `share` values take turns in a search.
    """
    out = memory.credit_fifo(slots, lanes * bits)
    if search is None:
        return out
    steps = Terms(ff={"valid": 2 * search.levels})
    return total((out, steps, searches(search, folds, lanes, x_bits or search.width, place, share)))


def searches(search: Search, folds: int, lanes: int, x_bits: int, place: Places, share: int) -> Terms:
    """The searches of an activation.sv, and what lets values take turns in them."""
    key = (folds * share, x_bits, place)
    if key not in search.known:
        search.known[key] = (line_terms if place == "line" else search_terms)(search, *key)
    own = memory.counters(folds * share) + search.known[key] * (lanes // share)
    if share == 1:
        return own
    mux = lanes // share * x_bits * memory.chosen(share)
    waiting = lanes * x_bits + (lanes - lanes // share) * search.levels
    return total((own, memory.counters(share), Terms({"share": mux + 2}, {"share": waiting + 1})))


def best_share(search: Search, folds: int, lanes: int, apart: int, place: Places) -> int:
    """How many of `lanes` values should take turns in a search if they come at least `apart` cycles apart."""
    most = max(share for share in range(1, min(lanes, apart) + 1) if lanes % share == 0)

    def price(share: int) -> int:
        used = searches(search, folds, lanes, search.width, place, share)
        lut, ff = map(rounded, used.weights(_PRICED))
        return 2 * lut + ff + 2 * _BLOCK_LUTS * used.bram18

    return min((1, most), key=price)


def line_terms(search: Search, folds: int, x_bits: int, place: Places = "line") -> Terms:  # noqa: ARG001
    """One threshold_line.sv over `folds` rows of values of `x_bits`.

    A level adds a slope to what lies above its lowest bits; with a single row it is a constant. Of the bits
    that tell late thresholds, blocks of 64 that are all alike take nothing.
    """
    found = search.lined
    levels, bits = found.levels, found.bits
    slope = int(found.slopes.max()).bit_length()
    sums = sum(bits - shift for shift in range(levels - 1))
    rest = bits if found.late.any() else 0
    own = Terms(
        {
            "line": x_bits + found.fraction + sums + rest + rest // 5 + levels,
            "delay": levels if levels > lines.LEAST_LEVELS + 2 else 0,
            "late": _late_luts(found, folds),
        },
        {"line": x_bits + sums + (slope * (levels - 1) if folds > 1 else 0) + rest + 3 * levels},
    )
    address = memory.delay(levels + 2, (folds - 1).bit_length()) if rest else Terms()
    tables = memory.rom("lut", folds, slope + bits) if folds > 1 else Terms()
    return total((own, address, tables))


def _late_luts(found: Lines, folds: int) -> int:
    """LUTs that tell which thresholds are late, of one lane on the average: a LUT for each block with any."""
    blocks = found.late.reshape(len(found.late), -1, min(memory.LUT_WORDS, found.late.shape[1]))
    return ceil(int(blocks.any(axis=2).sum()) / len(found.late) * folds * 4 / 3)


def search_terms(search: Search, folds: int, x_bits: int, place: Places = "lut") -> Terms:
    """One threshold_search.sv over `folds` rows of values of `x_bits`.

    A level compares about a bit and a third a LUT. It keeps the value and the fold twice, and the bits that
    were found; candidates with the level's address. A single row makes the first candidate a constant: bits
    of the value below its lowest one are first looked at in the next level, and wait in shift registers.
    """
    levels, above = search.levels, search.width - x_bits
    first = x_bits if folds > 1 else max(0, search.first_bits - above)
    compares = [first // 2 + 1 if folds == 1 else x_bits * 3 // 4 + 1] + [x_bits * 3 // 4 + 1] * (levels - 1)
    values = first + (2 * first + 2 * x_bits * (levels - 2) if levels > 1 else 0)
    address = 2 * (levels - 1) * (folds - 1).bit_length()
    waiting = x_bits - first if levels > 1 else 0
    own = Terms({"search": sum(compares), "delay": waiting}, {"search": values + address + levels * levels})
    if search.writable:
        return total((own, *(_written(folds << level, search.width, place) for level in range(levels))))
    found = zip(search.columns, search.functions, strict=True)
    tables = (_candidates(folds << level, search.width, *kept, place) for level, kept in enumerate(found))
    return total((own, *tables))


def _written(words: int, width: int, place: Places) -> Terms:
    """The candidates of a level, a param_memory.sv."""
    return memory.writable("block" if place == "block" and words >= DEEP else "lut", words, width)


def _candidates(words: int, width: int, columns: int, functions: float, place: Places) -> Terms:
    """The candidates of a level, a packed_rom.sv. They ascend, so they are simpler than random contents."""
    if place == "block" and words >= DEEP:
        return memory.block_rom(words, width)
    kept = memory.distinct(words, columns)
    if words <= 4:
        return Terms({"candidates": kept // 4}, {"candidates": kept})
    blocks = -(-words // memory.LUT_WORDS)
    if blocks == 1:
        return Terms({"candidates": kept}, {"candidates": kept})
    banks, joined = memory.banked(words, kept)
    return joined + Terms({"candidates": round(blocks * functions)}, {"candidates": kept * banks})
