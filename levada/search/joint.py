"""Widths and foldings chosen together by CP-SAT, for the least loss of quality within a budget.

Each knob has a Boolean for each of its widths, with the loss that it is expected to cost. Each layer has one
for each of its foldings at each combination of the knobs that it depends on. Losses add up, so the sum is a
guess; resources of layers do, too, and only converters and FIFOs are missing there.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from levada_driver.datatype import IntArray
from ortools.sat.python import cp_model

from levada import cost
from levada.search.layers import Knobs

#: Losses are whole numbers there, of the largest sum.
_PRECISION = 1_000_000
#: Limit of one solve in CP-SAT's deterministic seconds, so that a result does not depend on the machine.
_EFFORT = 20.0

Losses = Sequence[Mapping[int, float]]


@dataclass(frozen=True)
class Layer:
    """A layer's foldings at each combination of its knobs: cycles [n], and resources [n, 4]."""

    knobs: Knobs
    offers: Mapping[tuple[int, ...], tuple[IntArray, IntArray]]

    def within(self, interval: int) -> Fast:
        """The foldings within so many cycles."""
        found = {bits: _front(used[cycles <= interval]) for bits, (cycles, used) in self.offers.items()}
        return Fast(self.knobs, found)


@dataclass(frozen=True)
class Fast:
    """What foldings of a layer take that are fast enough and that no other one beats, [n, 4]; maybe none."""

    knobs: Knobs
    offers: Mapping[tuple[int, ...], IntArray]


@dataclass(frozen=True)
class Answer:
    """The bits of each knob, the sum of their losses, and the least that this sum could be."""

    bits: tuple[int, ...]
    loss: float
    bound: float


def choose(losses: Losses, layers: Sequence[Fast], budget: IntArray) -> Answer | None:
    """The widths of least loss with which all layers fit in foldings that are fast enough.

    Args:
        losses: for each knob, what each of its widths costs, from 0 up.
        layers: all of the network.
        budget: LUTs, flip-flops, DSP slices, block RAM [4].

    Returns:
        None where there are none, or none was found in time.
    """
    model = cp_model.CpModel()
    widths = [{bits: model.new_bool_var("") for bits in own} for own in losses]
    for own in widths:
        model.add_exactly_one(own.values())
    booleans: list[cp_model.IntVar] = []
    used: list[IntArray] = []  # of each Boolean, [4]
    for layer in layers:
        picked = _layer(model, layer, widths)
        booleans += [boolean for own, _ in picked for boolean in own]
        used += [row for _, rows in picked for row in rows]
    for column, most in zip(np.array(used).reshape(-1, len(budget)).T, budget, strict=True):
        model.add(cp_model.LinearExpr.weighted_sum(booleans, column.tolist()) <= int(most))
    scale = _PRECISION / max(1e-12, sum(max(own.values()) for own in losses))
    model.minimize(
        cp_model.LinearExpr.weighted_sum(
            [boolean for own in widths for boolean in own.values()],
            [round(scale * loss) for own in losses for loss in own.values()],
        )
    )
    return _solved(model, widths, scale)


def _layer(
    model: cp_model.CpModel, layer: Fast, widths: Sequence[Mapping[int, cp_model.IntVar]]
) -> list[tuple[list[cp_model.IntVar], IntArray]]:
    """For each combination of a layer's knobs, a Boolean for each folding, and what these take."""
    picked = {bits: ([model.new_bool_var("") for _ in rows], rows) for bits, rows in layer.offers.items()}
    model.add_exactly_one(boolean for own, _ in picked.values() for boolean in own)
    for place, knob in enumerate(layer.knobs):
        for bits, chosen in widths[knob].items():
            same = [own for combination, (own, _) in picked.items() if combination[place] == bits]
            model.add(sum(itertools.chain.from_iterable(same)) == chosen)
    return list(picked.values())


def _solved(
    model: cp_model.CpModel, widths: Sequence[Mapping[int, cp_model.IntVar]], scale: float
) -> Answer | None:
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    solver.parameters.max_deterministic_time = _EFFORT
    solver.parameters.linearization_level = 2
    solver.parameters.catch_sigint_signal = False
    status = solver.solve(model)
    assert status != cp_model.MODEL_INVALID, model.validate()
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    bits = tuple(next(b for b, own in knob.items() if solver.boolean_value(own)) for knob in widths)
    return Answer(bits, solver.objective_value / scale, solver.best_objective_bound / scale)


def _front(rows: IntArray) -> IntArray:
    """The rows that no other one beats, [n, 4]."""
    # A row is only beaten by rows with a smaller sum, so the first of those that are left is beaten by none.
    left = rows[np.argsort(rows.sum(axis=1), kind="stable")]
    kept = [rows[:0]]
    while len(left):
        kept.append(left[:1])
        left = left[(left < left[0]).any(axis=1)]
    return np.unique(np.concatenate(kept), axis=0)


def table(offered: Sequence[object]) -> tuple[IntArray, IntArray]:
    """Cycles [n] and resources [n, 4] of offers (`levada.offers.Choice`)."""
    cycles = np.array([choice.cycles for choice in offered], np.int64)  # type: ignore[attr-defined]
    return cycles, cost.table(choice.resources for choice in offered)  # type: ignore[attr-defined]
