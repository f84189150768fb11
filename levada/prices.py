"""Selections within a budget by prices of its resources: quick, with a bound that tells how good they are.

At given prices the cheapest selection is found by elimination (`levada.elimination`), whatever the budget.
Prices rise for what it takes too much of and fall for what it leaves. A selection within the budget is worth
no more than the budget at any prices, so the cheapest one bounds all of them (Everett, "Generalized Lagrange
Multiplier Method for Solving Problems of Optimum Allocation of Resources", 1963). Each is improved by turning
single layers, since what fits is not always cheapest at some prices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from levada_driver.datatype import IntArray

from levada import elimination
from levada.offers import Choice
from levada.problem import Problem, Stack

# Prices that are tried, what the most valued budget is worth at them, and the factor that one changes by at
# most from one try to the next.
_TRIES, _WHOLE, _STEEP = 8, 1 << 24, 4.0
# Layers that are turned at most to make a selection fit, or cheaper.
_TURNS = 24
# Prices are added to weights in parts of this, and a gap that is not worth another try.
_PARTS, _CLOSE = 1 << 10, 0.002


@dataclass(frozen=True)
class Answer:
    """What a solve found: no selection has a value below `bound`; `picks` is the best one known.

    Without `picks` either none exists (`impossible`), or none was found in time.
    """

    picks: tuple[Choice, ...] | None
    value: int
    bound: int
    impossible: bool = False

    @property
    def interval(self) -> int:
        """Cycles of the slowest pick."""
        assert self.picks is not None
        return max(choice.cycles for choice in self.picks)


#: There is none.
NOTHING = Answer(None, 0, 0, impossible=True)


def possible(problem: Problem, budget: IntArray, weights: IntArray) -> Answer | None:
    """A selection that fits, its value by `weights`, or that there is none; None where no prices tell."""
    there_is = np.maximum(budget, 1)
    worth = np.ones(len(budget))  # of the whole budget of each resource
    turns = _Turns(problem.stack, budget)
    for _ in range(_TRIES):
        prices = np.rint(_WHOLE * worth / worth.max() / there_is).astype(np.int64)
        found = elimination.cheapest(problem, prices)
        if found is None:
            return None
        used = problem.stack.used(found)
        if int(used @ prices) > int(budget @ prices):
            return NOTHING
        near = turns.made_to_fit(_Selection(found, used))
        if (near.used <= budget).all():
            return Answer(problem.stack.picks(near.places), int(near.used @ weights), 0)
        worth = worth * np.clip(used / there_is, 1 / _STEEP, _STEEP)
        worth = np.maximum(worth, worth.max() / _WHOLE)
    return None


def cheapest(
    problem: Problem, budget: IntArray, weights: IntArray, known: tuple[Choice, ...] | None = None
) -> Answer:
    """A selection of low cost by `weights` within the budget, and a bound on the least cost.

    One that fits may be `known`, to begin with. Prices follow the subgradient of the bound, by Polyak's step
    towards the best value that there is.
    """
    stack, turns = problem.stack, _Turns(problem.stack, budget)
    best: _Selection | None = None
    if known is not None:
        best = turns.made_cheaper(_Selection.of(stack, stack.places(known)), weights)
    ascent = _Ascent(budget, weights)
    for _ in range(_TRIES):
        places = elimination.cheapest(problem, ascent.prices)
        if places is None:
            break
        found = _Selection.of(stack, places)
        near = turns.made_to_fit(found)
        if (near.used <= budget).all():
            near = turns.made_cheaper(near, weights)
            best = near if best is None else min(near, best, key=lambda one: one.price(weights))
        if not ascent.climb(found.used, None if best is None else best.price(weights)):
            break
    if best is None:
        return Answer(None, 0, 0)
    value = best.price(weights)
    return Answer(stack.picks(best.places), value, min(ascent.bound, value))


class _Ascent:
    """Prices above the weights, by Polyak's steps along the subgradient of the bound.

    Attributes:
        bound: the highest that was reached: no selection within the budget costs less.
    """

    def __init__(self, budget: IntArray, weights: IntArray) -> None:
        self._budget, self._weights, self._there_is = budget, weights, np.maximum(budget, 1)
        self._worth = np.zeros(len(budget))  # of the whole budget of each resource, beyond its weight
        self._step, self.bound = 1.0, 0

    @property
    def _added(self) -> IntArray:
        return np.rint(_PARTS * self._worth / self._there_is).astype(np.int64)

    @property
    def prices(self) -> IntArray:
        """What to ask for next, in parts of the weights' unit."""
        return _PARTS * self._weights + self._added

    def climb(self, used: IntArray, value: int | None) -> bool:
        """Goes on from the cheapest selection at these prices; `value` is the least cost that is known.

        False where the bound has come close to that.
        """
        reached = int(used @ self._weights) - int(self._added @ (self._budget - used)) // _PARTS
        self._step = self._step if reached > self.bound else self._step / 2
        self.bound = max(self.bound, reached)
        aim = value if value is not None else int(1.05 * self.bound)
        slope = (used - self._budget) / self._there_is
        steep = max(float(slope @ slope), 1e-9)
        self._worth = np.maximum(0, self._worth + self._step * (aim - reached) * slope / steep)
        return value is None or value - self.bound > _CLOSE * value


@dataclass(frozen=True, eq=False)
class _Selection:
    """Places of a `Stack`, and what they take with their adapters, [4]."""

    places: IntArray
    used: IntArray

    @classmethod
    def of(cls, stack: Stack, places: IntArray) -> _Selection:
        """With what these places take."""
        return cls(places, stack.used(places))

    def price(self, weights: IntArray) -> int:
        """Their weighted cost."""
        return int(self.used @ weights)


class _Turns:
    """Changes of one layer of a selection that leave its streams, and so its converters, as they are."""

    def __init__(self, stack: Stack, budget: IntArray) -> None:
        self._stack, self._budget, self._there_is = stack, budget, np.maximum(budget, 1)

    def made_to_fit(self, selection: _Selection) -> _Selection:
        """One nearer to the budget, if it exceeds it."""
        return self._turned(selection, self._excess)

    def made_cheaper(self, selection: _Selection, weights: IntArray) -> _Selection:
        """One of less cost, of one that fits."""

        def price(used: IntArray) -> IntArray:
            return np.where((used <= self._budget).all(axis=-1), used @ weights, np.iinfo(np.int64).max)

        return self._turned(selection, price)

    def _excess(self, used: IntArray) -> IntArray:
        """The sum of the parts of the budget that are missing."""
        parts: IntArray = (np.maximum(used - self._budget, 0) / self._there_is).sum(axis=-1)
        return parts

    def _turned(self, selection: _Selection, value: Callable[[IntArray], IntArray]) -> _Selection:
        """The best turn after the other, as long as the value falls and is above 0."""
        stack, now = self._stack, value(selection.used)
        for _ in range(_TURNS):
            if now <= 0:
                break
            kinds = stack.kinds[selection.places]
            # All places of the kinds that are selected, and the layer of each.
            counts = self._sizes[kinds]
            layers = np.repeat(np.arange(len(kinds)), counts)
            others = np.arange(len(layers)) + np.repeat(
                stack.starts[kinds] - np.cumsum(counts) + counts, counts
            )
            after = selection.used + stack.resources[others] - stack.resources[selection.places][layers]
            values = value(after)
            best = int(values.argmin())
            if values[best] >= now:
                break
            places = selection.places.copy()
            places[layers[best]] = others[best]
            selection, now = _Selection(places, after[best]), values[best]
        return selection

    @cached_property
    def _sizes(self) -> IntArray:
        """How many places each kind has."""
        return np.diff(np.append(self._stack.starts, len(self._stack.kinds)))
