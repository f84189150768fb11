"""Thresholds: counting them, and the table that the hardware searches in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from levada_driver.datatype import BIPOLAR, IntType

from levada import thresholds as th
from levada.draw import draw_type, seeded


@st.composite
def tables(draw):
    """(thresholds [C, N] with some out of range, base, otype, low, high)."""
    random = seeded(draw)
    otype = draw_type(draw, 4)
    full = (otype.max - otype.min) // otype.step
    count = draw(st.integers(1, full))
    low = draw(st.integers(-40, 20))
    high = low + draw(st.integers(0, 60))
    shape = (draw(st.integers(1, 6)), count)
    table = np.sort(random.integers(low - 5, high + 7, shape), axis=1)
    base = otype.min + otype.step * draw(st.integers(0, full - count))
    return table, base, otype, low, high


def naive(value, thresholds, base, step):
    return base + step * sum(1 for threshold in thresholds if value >= threshold)


def searched(value, search, channel):
    """What a `threshold_search` gives: it finds the count bit by bit, from the highest down."""
    row, count = search.table[channel], 0
    for level in reversed(range(search.levels)):
        probe = count + (1 << level)
        count = probe if value >= row[probe - 1] else count
    return (count + search.offset) % (1 << search.levels)


@given(tables())
def test_apply_counts(drawn):
    table, base, otype, low, high = drawn
    x = np.arange(low, high + 1)[:, None, None] + np.zeros((2, len(table)), np.int64)
    got = th.apply(x, table, base, otype.step)
    for at in np.ndindex(x.shape):
        assert got[at] == naive(x[at], table[at[-1]], base, otype.step)
    assert otype.holds(got)


@given(tables())
def test_the_table_is_complete_clipped_and_gives_the_same_codes(drawn):
    table, base, otype, low, high = drawn
    search = th.search(table, base, otype, low, high)
    assert search.levels == otype.bits
    assert search.table.shape == (len(table), 2**otype.bits - 1)
    assert (np.diff(search.table, axis=1) >= 0).all()
    assert low <= search.table.min()
    assert search.table.max() <= high + 1
    assert IntType(search.width, signed=True).holds(np.concatenate([search.table.ravel(), [low, high]]))
    for channel, row in enumerate(table):
        for value in range(low, high + 1):
            code = searched(value, search, channel)
            want = naive(value, row, base, otype.step)
            assert otype.decode(np.array([code], np.uint64))[0] == want, (channel, value)


@given(tables(), st.integers(-1000, 1000))
def test_thresholds_beyond_the_range_make_no_difference(drawn, far):
    table, base, otype, low, high = drawn
    moved = table.copy()
    moved[table > high] += abs(far)
    moved[table <= low] -= abs(far)
    one, other = (th.search(t, base, otype, low, high) for t in (table, moved))
    assert np.array_equal(one.table, other.table)
    assert (one.width, one.offset) == (other.width, other.offset)


@pytest.mark.parametrize(
    ("otype", "base", "offset"),
    [(IntType(2, signed=False), 1, 1), (IntType(2, signed=True), -2, 2), (BIPOLAR, -1, 0), (BIPOLAR, 1, 1)],
)
def test_offsets(otype, base, offset):
    assert th.search(np.array([[3]]), base, otype, 0, 10).offset == offset


@pytest.mark.parametrize("pe", [1, 2, 3, 6])
def test_lanes_are_ordered_by_lane_then_level_then_fold(pe):
    table = np.arange(6 * 3).reshape(6, 3)
    search = th.search(table, 0, IntType(2, signed=False), 0, 20)
    lanes = search.params(6, pe, "lut")["THRESHOLDS"]
    want = [
        search.table[fold * pe + lane][threshold]
        for lane in range(pe)
        for level in ([1], [0, 2])
        for fold in range(6 // pe)
        for threshold in level
    ]
    assert lanes.values.tolist() == want
    assert lanes.width == search.width == 6


def test_more_folds_levels_or_lanes_never_cost_less():
    def luts(levels, folds, lanes):
        table = np.random.default_rng(0).integers(-120, 120, (256, (1 << levels) - 1))
        search = th.search(np.sort(table, axis=1), 0, IntType(levels, signed=False), -128, 127)
        return sum((th.search_terms(search, folds, search.width) * lanes).lut.values())

    assert luts(1, 4, 1) < luts(2, 4, 1) < luts(2, 200, 1)
    assert 3 * luts(2, 4, 1) == luts(2, 4, 3)
