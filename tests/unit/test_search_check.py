"""What is predicted of other bit widths against a real network: part of `python -m tests.search_check`."""

from __future__ import annotations

import pytest

from tests import search_check

#: Percent by which the LUTs and flip-flops of whole networks may be off.
MOST = 12


@pytest.mark.slow
def test_predictions_of_a_whole_network_are_near_the_real_one(tmp_path):
    check = search_check.Check(tmp_path)
    (candidate,) = check.candidates(1)
    assert candidate != check.space.own
    pairs = list(check.pairs(candidate))
    whole = pairs[-1]
    assert whole.kind == search_check.WHOLE
    assert abs(whole.percent("lut")) < MOST
    assert abs(whole.percent("ff")) < MOST
    assert (whole.predicted.dsp, whole.predicted.bram18) == (whole.real.dsp, whole.real.bram18)
    search_check.table(pairs)


def test_errors_are_summed_up_by_kind():
    used = search_check.Resources(100, 50, 1, 2)
    pairs = [
        search_check.Pair("mvau", search_check.Resources(110, 50, 1, 2), used),
        search_check.Pair("mvau", search_check.Resources(80, 60, 0, 2), used),
        search_check.Pair("mvau", None, used),
    ]
    columns = [list(column.cells) for column in search_check.table(pairs).columns]
    assert [cells[0] for cells in columns] == ["mvau", "3", "2", "-5.0", "-20.0", "+10.0", "+20.0", "1", "2"]
