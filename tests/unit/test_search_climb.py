"""Widths that are turned one or two at a time, on spaces small enough to try all."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from levada.search.climb import climbed, loss

WIDTHS = (2, 4, 8)


@st.composite
def cases(draw):
    """Losses of a few knobs, and a budget for the sum of prices that rise with the widths."""
    knobs = draw(st.integers(1, 4))
    drawn = st.lists(st.floats(0, 9, allow_subnormal=False), min_size=3, max_size=3)
    losses = [dict(zip(WIDTHS, draw(drawn), strict=True)) for _ in range(knobs)]
    prices = draw(st.lists(st.integers(1, 5), min_size=knobs, max_size=knobs))
    return losses, prices, draw(st.integers(2 * sum(prices), 8 * sum(prices)))


@given(cases(), st.integers(0, 200))
def test_what_is_climbed_to_fits_and_loses_no_more(case, tries):
    losses, prices, budget = case
    asked = []

    def fits(bits):
        asked.append(bits)
        return sum(price * width for price, width in zip(prices, bits, strict=True)) <= budget

    start = (2,) * len(losses)
    found = climbed(losses, start, fits, tries)
    assert len(asked) <= tries
    assert found == start or fits(found)
    assert loss(losses, found) <= loss(losses, start)


@given(cases())
def test_at_the_end_no_single_turn_is_better(case):
    losses, prices, budget = case

    def fits(bits):
        return sum(price * width for price, width in zip(prices, bits, strict=True)) <= budget

    found = climbed(losses, (2,) * len(losses), fits, 10_000)
    others = [
        (*found[:knob], width, *found[knob + 1 :]) for knob, width in product(range(len(found)), WIDTHS)
    ]
    assert all(loss(losses, other) >= loss(losses, found) for other in others if fits(other))


def test_one_knob_is_lowered_for_another():
    # Both cost as much a bit; only 10 bits fit, and the second knob gains more by them.
    losses = [{2: 1.0, 8: 0.0}, {2: 9.0, 8: 0.0}]
    assert climbed(losses, (8, 2), lambda bits: sum(bits) <= 10, 100) == (2, 8)
