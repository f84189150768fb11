"""The least weighted cost of a problem without a budget, exactly: layers are eliminated one after the other.

What a selection costs is a sum of tables: one for each layer, over its choices, and one for each tensor
between two layers, over the choices of both. To eliminate a layer is to add up the tables that it is in and
to take the least over its choices, which leaves a table over its neighbours (Bertele and Brioschi, Nonserial
Dynamic Programming, 1972). Along a chain that is a shortest path; a fork and the join of its branches make
tables over three or four layers.

Of choices with the same streams only the cheapest counts here: what the neighbours pay is the same. So all
tables are over the kinds of a layer's menu.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import prod

import numpy as np
from levada_driver.datatype import IntArray

from levada.problem import Problem

# Entries of the largest table that is made: networks whose branches are nested deeply are left to others.
_ENTRIES = 1 << 22

#: The layers that a table is over, ascending, an axis each.
_Scope = tuple[int, ...]


@dataclass(frozen=True)
class _Step:
    """One layer to eliminate: the tables that it is in, each with the shape that `scope` gives it.

    Tables are numbered: those of the problem first, then those that the steps leave, in order.
    """

    layer: int
    scope: _Scope
    tables: tuple[tuple[int, tuple[int, ...]], ...]

    @property
    def axis(self) -> int:
        """That of the layer among the scope's."""
        return self.scope.index(self.layer)

    @property
    def rest(self) -> _Scope:
        """What the table that is left is over."""
        return tuple(layer for layer in self.scope if layer != self.layer)


def cheapest(problem: Problem, weights: IntArray) -> IntArray | None:
    """The places (`Stack`) of a selection of least cost by `weights` [4], adapters included.

    Of equal ones always the same. None where that takes too large a table. Every layer must have a choice.
    """
    stack = problem.stack
    firsts = stack.firsts.tolist()
    sizes = tuple(end - start for start, end in pairwise(firsts))
    steps = _steps(sizes, problem.scopes)
    if steps is None:
        return None
    prices, joined = stack.resources @ weights, stack.adapters @ weights
    least = np.minimum.reduceat(prices, stack.starts)
    tables = [least[start:end] for start, end in pairwise(firsts)]
    for start, (before, after) in zip(stack.offsets.tolist(), stack.sides, strict=True):
        tables.append(joined[start : start + before * after].reshape(before, after))
    found = np.array(_least(tables, steps, len(sizes))) + stack.firsts[:-1]
    # The first of a kind that costs as little as it can.
    ends = np.append(stack.starts[1:], len(prices))
    spans = zip(stack.starts[found].tolist(), ends[found].tolist(), strict=True)
    return np.array([start + int(prices[start:end].argmin()) for start, end in spans], np.int64)


# Thousands of problems of a search for bit widths have few structures.
@lru_cache(maxsize=1 << 12)
def _steps(sizes: tuple[int, ...], scopes: tuple[_Scope, ...]) -> tuple[_Step, ...] | None:
    """In which order to eliminate layers with so many kinds; None where that takes too large a table."""
    live = dict(enumerate(scopes))
    left, steps = set(range(len(sizes))), list[_Step]()

    def scope_of(layer: int) -> _Scope:
        """A layer and all that share a table with it, ascending."""
        return tuple(sorted({other for scope in live.values() if layer in scope for other in scope}))

    while left:
        around = {layer: scope_of(layer) for layer in left}
        layer = min(left, key=lambda layer: (prod(sizes[other] for other in around[layer]), layer))
        scope = around[layer]
        if prod(sizes[other] for other in scope) > _ENTRIES:
            return None
        own = [number for number, its in live.items() if layer in its]
        shapes = [tuple(sizes[other] if other in live[n] else 1 for other in scope) for n in own]
        step = _Step(layer, scope, tuple(zip(own, shapes, strict=True)))
        for number in own:
            del live[number]
        live[len(scopes) + len(steps)] = step.rest
        steps.append(step)
        left.remove(layer)
    return tuple(steps)


def _least(tables: list[IntArray], steps: Sequence[_Step], count: int) -> list[int]:
    """For each of `count` layers the kind at which the sum of all tables is least."""
    made = []
    for step in steps:
        parts = [tables[number].reshape(shape) for number, shape in step.tables]
        made.append(sum(parts[1:], parts[0]))
        tables.append(made[-1].min(step.axis))
    kinds = [0] * count
    for step, costs in zip(reversed(steps), reversed(made), strict=True):
        here = tuple(slice(None) if layer == step.layer else kinds[layer] for layer in step.scope)
        kinds[step.layer] = int(costs[here].argmin())
    return kinds
