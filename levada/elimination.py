"""The least weighted cost of a problem without a budget, exactly: layers are eliminated one after the other.

What a selection costs is a sum of tables: one for each layer, over its choices, and one for each tensor
between two layers, over the choices of both. To eliminate a layer is to add up the tables that it is in and
to take the least over its choices, which leaves a table over its neighbours (Bertele and Brioschi, Nonserial
Dynamic Programming, 1972). Along a chain that is a shortest path; a fork and the join of its branches make
tables over three or four layers.

Of choices with the same streams only the cheapest counts here: what the neighbours pay is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from levada_driver.datatype import IntArray

from levada.offers import Choice, Menu
from levada.problem import Problem

# Entries of the largest table that is made: networks whose branches are nested deeply are left to others.
_ENTRIES = 1 << 22


@dataclass(frozen=True, eq=False)
class _Table:
    """Costs over the candidates of some layers, an axis each; `scope` are their indices, ascending."""

    scope: tuple[int, ...]
    costs: IntArray

    def over(self, scope: tuple[int, ...]) -> IntArray:
        """With an axis for each layer of a larger scope."""
        sizes = dict(zip(self.scope, self.costs.shape, strict=True))
        return self.costs.reshape([sizes.get(layer, 1) for layer in scope])


def cheapest(problem: Problem, weights: IntArray) -> tuple[Choice, ...] | None:
    """A selection of least cost by `weights` [4], adapters included; of equal ones always the same.

    None where that takes too large a table. Every layer must have a choice.
    """
    candidates = [_cheapest_of_each_kind(menu, weights) for menu in problem.choices]
    tables = [_Table((index,), prices) for index, (_, prices) in enumerate(candidates)]
    picked = [menu.at(rows) for menu, (rows, _) in zip(problem.choices, candidates, strict=True)]
    for joint in problem.joints:
        given = [choice.given[joint.output] for choice in picked[joint.producer]]
        taken = [choice.taken[joint.input] for choice in picked[joint.consumer]]
        tables.append(_Table((joint.producer, joint.consumer), joint.costs(given, taken) @ weights))
    found = _least(tables, [len(own) for own in picked])
    if found is None:
        return None
    return tuple(own[row] for own, row in zip(picked, found, strict=True))


def _cheapest_of_each_kind(menu: Menu, weights: IntArray) -> tuple[IntArray, IntArray]:
    """Rows of a menu and their prices: for each pair of streams the cheapest, the first of equals."""
    prices = menu.resources @ weights
    order = np.argsort(prices, kind="stable")
    _, first = np.unique(menu.kinds[order], return_index=True)
    rows = np.sort(order[first])
    return rows, prices[rows]


def _least(tables: list[_Table], sizes: list[int]) -> list[int] | None:
    """For each variable the value at which the sum of all tables is least; `sizes` are how many it has."""
    decisions: list[tuple[int, tuple[int, ...], IntArray]] = []
    left = set(range(len(sizes)))
    while left:
        scopes = {index: _neighbours(index, tables) for index in left}
        index = min(left, key=lambda index: (prod(sizes[other] for other in scopes[index]), index))
        scope = scopes[index]
        if prod(sizes[other] for other in scope) > _ENTRIES:
            return None
        own = [table for table in tables if index in table.scope]
        costs = sum((table.over(scope) for table in own[1:]), own[0].over(scope))
        axis = scope.index(index)
        rest = (*scope[:axis], *scope[axis + 1 :])
        decisions.append((index, rest, costs.argmin(axis)))
        tables = [table for table in tables if index not in table.scope]
        tables.append(_Table(rest, costs.min(axis)))
        left.remove(index)
    values = [0] * len(sizes)
    for index, rest, best in reversed(decisions):
        values[index] = int(best[tuple(values[other] for other in rest)])
    return values


def _neighbours(index: int, tables: list[_Table]) -> tuple[int, ...]:
    """A variable and all that share a table with it, ascending."""
    return tuple(sorted({other for table in tables if index in table.scope for other in table.scope}))
