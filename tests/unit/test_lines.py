"""Lines that stand for thresholds: the same function, for every value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from levada import lines
from levada.draw import draw_table, seeded

LOW, HIGH = -300, 900


def fitted(table, low, high, levels):
    """Lines for channels of one range."""
    return lines.fitted(table, np.full(len(table), low), np.full(len(table), high), levels)


@st.composite
def tables(draw):
    """Thresholds [C, N] as a search has them, and the levels that count to N."""
    random, levels = seeded(draw), draw(st.integers(4, 8))
    count = draw(st.integers((1 << levels) - 3, (1 << levels) - 1))
    return np.clip(draw_table(draw, random, (LOW, HIGH), (3, count)), LOW, HIGH + 1), levels


def divided(x, found, channel):
    """What threshold_line.sv gives for x, step by step, each number as wide as there."""
    slope, wrap = int(found.slopes[channel]), 1 << found.bits
    assert slope < 1 << found.slope_bits
    d = (x << found.fraction) - int(found.starts[channel]) - (slope << (found.levels - 1))
    reached = 0
    for level in range(found.levels):
        assert -wrap // 2 <= d < wrap // 2
        reached = 2 * reached + (d >= 0)
        last, half = d, slope << max(0, found.levels - 2 - level)
        d += -half if d >= 0 else half
    rest = last if last >= 0 else last + slope
    if reached > found.count:
        return found.count
    return reached - (found.late[channel, reached] and rest >> found.fraction == 0)


@given(tables())
def test_lines_count_the_thresholds_that_every_value_reaches(drawn):
    table, levels = drawn
    found = fitted(table, LOW, HIGH, levels)
    assume(found is not None)
    assert found.levels == levels
    for channel, row in enumerate(table):
        for x in range(LOW, HIGH + 1, 7):
            assert divided(x, found, channel) == (row <= x).sum(), (channel, x)
        for x in {int(t) + by for t in row for by in (-1, 0, 1) if LOW <= t + by <= HIGH}:
            assert divided(x, found, channel) == (row <= x).sum(), (channel, x)


@pytest.mark.parametrize("levels", [4, 6, 8])
@pytest.mark.parametrize("rise", [1.0, 1.3, 40.7, 512.0])
@pytest.mark.parametrize("ties", ["none", "to even", "to odd"])
def test_uniform_quantizers_are_lines(levels, rise, ties):
    k = np.arange(1, 1 << levels)
    late = {"none": 0, "to even": k % 2, "to odd": 1 - k % 2}[ties]
    row = np.ceil(rise * (k - 0.5)).astype(np.int64) + late * (rise > 1)
    high = int(row[-1]) + 100
    found = fitted(np.stack([row, row - 50]).clip(-20), -20, high, levels)
    assert found is not None
    assert found.fraction <= levels + 4


def test_a_line_that_needs_no_fraction_has_none():
    found = fitted(np.arange(1, 256)[None] * 16, 0, 5000, 8)
    assert found is not None
    assert found.fraction == 0
    assert not found.late.any()


def test_thresholds_that_bend_are_no_line():
    k = np.arange(1, 256)
    assert fitted((k * k)[None], 0, 255 * 255, 8) is None
    assert fitted(np.sort([[*[5] * 100, *range(1000, 1155)]]), 0, 2000, 8) is None


@pytest.mark.parametrize("row", [[901] * 255, [-300] * 255, [-300] * 100 + [901] * 155])
def test_a_channel_that_is_constant_or_a_step_is_a_line(row):
    found = fitted(np.array([row]), LOW, HIGH, 8)
    assert found is not None
    assert {divided(x, found, 0) for x in range(LOW, HIGH + 1)} == {(np.array(row) <= 0).sum()}


def test_each_channel_has_a_range_of_its_own():
    k = np.arange(1, 256)
    table = np.stack([k * 10, np.minimum(k * 20, 1001)])
    assert lines.fitted(table, np.array([0, 0]), np.array([5000, 1000]), 8) is not None
    assert lines.fitted(table, np.array([0, 0]), np.array([5000, 5000]), 8) is None
