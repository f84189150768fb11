"""What `python -m tests.sensitivity_check` makes of sensitivities."""

from __future__ import annotations

import pytest

from tests import sensitivity_check as check

TRUTH = [{2: 3.0, 4: 0.3, 8: 0.0}, {2: 2.0, 4: 0.2, 8: 0.0}, {2: 1.0, 4: 0.1, 8: 0.0}]


def test_a_scale_does_not_count():
    other = [{bits: 7 * loss for bits, loss in own.items()} for own in TRUTH]
    assert check.of_all(other, TRUTH) == pytest.approx(1)
    assert check.of_knobs(other, TRUTH) == pytest.approx(1)


def test_knobs_the_other_way_round_are_seen_at_one_width():
    assert check.of_knobs(TRUTH[::-1], TRUTH) == pytest.approx(-1)
    assert 0 < check.of_all(TRUTH[::-1], TRUTH) < 1


def test_widths_that_few_knobs_have_are_left_out():
    fewer = [{4: 0.3, 8: 0.0}, *TRUTH[1:], {2: 9.0, 4: 0.05, 8: 0.0}]
    other = [dict(own) for own in fewer]
    other[1][2], other[2][2] = other[2][2], other[1][2]  # only at 2 bits, which three knobs have
    assert check.of_knobs(fewer, fewer) == pytest.approx(1)
    assert check.of_knobs(other, fewer) == pytest.approx((0.5 + 1) / 2)
    assert check.of_knobs(other[:3], fewer[:3]) == pytest.approx(1)


def test_a_row_for_each_source():
    table = check.report({"measured": (TRUTH, 10.0), "gradient": (TRUTH[::-1], 0.25)})
    columns = [list(column.cells) for column in table.columns]
    assert columns[:2] == [["measured", "gradient"], ["10.0", "0.2"]]
    assert columns[3] == ["1.00", "-1.00"]
