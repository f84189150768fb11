"""What `python -m tests.supernet_check` makes of scores."""

from __future__ import annotations

import numpy as np
import pytest

from levada.train.task import Score
from tests import supernet_check


def test_rankings_that_agree_and_disagree():
    losses = np.random.default_rng(1).random(30)
    same = supernet_check.agreement(losses, 2 * losses + 1)
    assert (same.tau, same.low, same.high) == pytest.approx((1, 1, 1))
    assert supernet_check.agreement(losses, -losses).tau == pytest.approx(-1)
    chance = supernet_check.agreement(losses, np.random.default_rng(2).random(30))
    assert chance.low < 0 < chance.high
    assert chance.high - chance.low < 1


def test_one_swap_of_four_costs_two_pairs_of_six():
    found = supernet_check.agreement([1, 2, 3, 4], [1, 2, 4, 3])
    assert found.tau == pytest.approx(4 / 6)
    assert found.low <= found.tau <= found.high
    assert str(supernet_check.Interval(0.6667, 0.5, 1.0)) == "0.667 (0.500 to 1.000)"


def test_the_best_by_themselves_come_first():
    alone, subnets = [Score(90.0, 0.5), Score(99.0, 0.1)], [Score(0.0, 0.3), Score(0.0, 0.2)]
    columns = [list(column.cells) for column in supernet_check.report(["a", "b"], subnets, alone).columns]
    assert columns == [["b", "a"], ["0.2000", "0.3000"], ["0.1000", "0.5000"], ["99.00", "90.00"]]
