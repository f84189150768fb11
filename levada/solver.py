"""Picks one choice for each layer: exact, and the same on every run.

Where the budget leaves room for the cheapest selection of all, eliminating layers finds it
(`levada.elimination`), and most often prices tell whether there is any selection within a budget
(`levada.prices`). Else CP-SAT does: each layer has one Boolean for each of its choices. For a tensor between
two layers, one Boolean for each pair of beats carries the adapter's cost; it is tied to the layers' own by
sums over rows and columns of pairs, which makes the linear relaxation of a chain exact but for the budget.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from levada_driver.datatype import IntArray
from ortools.sat.python import cp_model

from levada import cost, elimination, prices
from levada.latency import Filling, estimate
from levada.offers import Choice, Menu
from levada.prices import NOTHING, Answer
from levada.problem import Joint, Problem

# Limits of one solve in CP-SAT's deterministic seconds, so that a result does not depend on the machine; each
# is one to three seconds of one core. Selections by cost hardly need any; latencies are rarely proven.
_EFFORT = 3.0
_LATENCY_EFFORT = 1.2
# Above every latency in cycles, and every count of a resource.
_CYCLES, _COUNT = 1 << 40, 1 << 32


class _Model:
    """The choices of a problem, within a budget [4] if there is one."""

    def __init__(self, problem: Problem, budget: IntArray | None) -> None:
        self.problem = problem
        self.model = cp_model.CpModel()
        self.picked = [[self.model.new_bool_var("") for _ in given] for given in problem.choices]
        self._booleans: list[cp_model.IntVar] = []
        self._costs: list[IntArray] = []
        for given, own in zip(problem.choices, self.picked, strict=True):
            self.model.add_exactly_one(own)
            self._booleans += own
            self._costs += [*given.resources]
        for joint in problem.joints:
            self._join(joint)
        self.used = [self._sum(column) for column in np.array(self._costs).T]
        if budget is not None:
            for used, most in zip(self.used, budget, strict=True):
                self.model.add(used <= int(most))

    def _sum(self, counts: IntArray) -> cp_model.LinearExpr:
        rows = np.flatnonzero(counts)
        return cp_model.LinearExpr.weighted_sum(
            [self._booleans[row] for row in rows], [int(counts[row]) for row in rows]
        )

    def _join(self, joint: Joint) -> None:
        givers = self._by_beat(joint.producer, [c.given[joint.output] for c in self._at(joint.producer)])
        takers = self._by_beat(joint.consumer, [c.taken[joint.input] for c in self._at(joint.consumer)])
        if givers.keys() == takers.keys() and len(givers) == 1:
            return
        pairs = {(a, b): self.model.new_bool_var("") for a in givers for b in takers}
        for given, own in givers.items():
            self.model.add(sum(pairs[given, taken] for taken in takers) == sum(own))
        for taken, own in takers.items():
            self.model.add(sum(pairs[given, taken] for given in givers) == sum(own))
        self._booleans += pairs.values()
        self._costs += [joint.cost(*pair) for pair in pairs]

    def _at(self, index: int) -> Menu:
        return self.problem.choices[index]

    def _by_beat(self, index: int, beats: list[int]) -> dict[int, list[cp_model.IntVar]]:
        found: dict[int, list[cp_model.IntVar]] = {}
        for beat, own in zip(beats, self.picked[index], strict=True):
            found.setdefault(beat, []).append(own)
        return found

    def price(self, weights: IntArray) -> cp_model.LinearExpr:
        """The weighted cost of the selection."""
        return self._sum(np.array(self._costs) @ weights)

    def latency(self, fillings: Sequence[Filling]) -> cp_model.IntVar:
        """A variable that is at least the estimated latency (see levada.latency) and can be equal to it."""
        graph = self.problem.graph
        new = self.model.new_int_var
        zero = self.model.new_constant(0)
        ends = dict.fromkeys(graph.inputs, (zero, zero))
        for index, node in enumerate(graph.nodes):
            for target, name in enumerate(node.outputs):
                ends[name] = new(0, _CYCLES, ""), new(0, _CYCLES, "")
                for source, read in enumerate(node.inputs):
                    self._delay(index, fillings[index], (source, target), ends[read], ends[name])
        whole = new(0, _CYCLES, "")
        for name in graph.outputs:
            self.model.add(whole >= ends[name][1] + 1)
        return whole

    def _delay(
        self,
        index: int,
        filling: Filling,
        ports: tuple[int, int],
        before: tuple[cp_model.IntVar, cp_model.IntVar],
        after: tuple[cp_model.IntVar, cp_model.IntVar],
    ) -> None:
        choices, own, span = self._at(index), self.picked[index], filling.span(*ports)
        first, last = (end - filling.pipeline for end in after)

        def chosen(counts: list[int]) -> cp_model.LinearExpr:
            return cp_model.LinearExpr.weighted_sum(own, counts)

        self.model.add(first >= before[0] + chosen([filling.head(choice, *ports) for choice in choices]))
        self.model.add(span.beats * first >= span.beats * before[0] + span.read * (before[1] - before[0]))
        self.model.add(last >= before[0] + chosen([choice.cycles - 1 for choice in choices]))
        self.model.add(last >= before[1] + chosen([filling.tail(choice, *ports) for choice in choices]))

    def hint(self, picks: Sequence[Choice]) -> None:
        """A selection to start from."""
        self.model.clear_hints()  # type: ignore[no-untyped-call]
        for choices, picked, pick in zip(self.problem.choices, self.picked, picks, strict=True):
            for choice, own in zip(choices, picked, strict=True):
                self.model.add_hint(own, choice == pick)

    def solve(self, effort: float = _EFFORT) -> Answer:
        """The answer by the objective that was set, or any selection if none was."""
        solver = cp_model.CpSolver()
        # One worker with a deterministic limit gives the same answer each time. Probing takes longer than the
        # search, whose strength here is the linear relaxation.
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = 0
        solver.parameters.max_deterministic_time = effort
        solver.parameters.linearization_level = 2
        solver.parameters.cp_model_probing_level = 0
        solver.parameters.symmetry_level = 0
        # Its own handler of Ctrl-C would leave Python without one.
        solver.parameters.catch_sigint_signal = False
        status = solver.solve(self.model)
        assert status != cp_model.MODEL_INVALID, self.model.validate()
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return Answer(None, 0, 0, impossible=status == cp_model.INFEASIBLE)
        picks = tuple(
            next(choice for choice, own in zip(given, picked, strict=True) if solver.boolean_value(own))
            for given, picked in zip(self.problem.choices, self.picked, strict=True)
        )
        return Answer(picks, round(solver.objective_value), round(solver.best_objective_bound))


def possible(problem: Problem, budget: IntArray, *, quick: bool = False) -> Answer:
    """Any selection within the budget; `quick` leaves open what prices alone do not tell."""
    weights = cost.weights(problem.device)
    known = _known(problem, budget, weights) or prices.possible(problem, budget, weights)
    if known is None and quick:
        return Answer(None, 0, 0)
    return known or _Model(problem.reduced(), budget).solve()


def cheapest(problem: Problem, budget: IntArray, weights: IntArray) -> Answer:
    """The selection of least weighted cost within the budget; its value is that cost."""
    known = _known(problem, budget, weights)
    if known is not None:
        return known
    model = _Model(problem.reduced(), budget)
    model.model.minimize(model.price(weights))
    return model.solve()


def cheaper(problem: Problem, budget: IntArray, weights: IntArray, known: Answer | None = None) -> Answer:
    """What prices find of low weighted cost within the budget: no dearer than what is known already."""
    found = _known(problem, budget, weights)
    return found or prices.cheapest(problem, budget, weights, known.picks if known else None)


def _known(problem: Problem, budget: IntArray, weights: IntArray) -> Answer | None:
    """The cheapest selection where the budget does not bind, or that there is none; None where it may bind.

    What does not fit for sure takes more of the resources that are short, by their weighted sum, than there
    is, even where that sum alone is made small.
    """
    if not all(problem.choices) or (problem.least > budget).any():
        return NOTHING
    found = elimination.cheapest(problem, weights)
    if found is None:
        return None
    used = problem.stack.used(found)
    if (used <= budget).all():
        return Answer(problem.stack.picks(found), int(used @ weights), int(used @ weights))
    short = np.where(used > budget, weights, 0)
    smallest = elimination.cheapest(problem, short)
    assert smallest is not None  # whose tables are as large as the first ones'
    return NOTHING if int(problem.stack.used(smallest) @ short) > int(budget @ short) else None


def smallest(problem: Problem, budget: IntArray, weights: IntArray) -> Answer:
    """The selection that exceeds a budget least, by the weighted sum of what is missing: its value."""
    model = _Model(problem.reduced(), None)
    missing = [model.model.new_int_var(0, _COUNT, "") for _ in budget]
    for own, used, most in zip(missing, model.used, budget, strict=True):
        model.model.add(own >= used - int(most))
    model.model.minimize(cp_model.LinearExpr.weighted_sum(missing, weights.tolist()))
    return model.solve()


def fastest(problem: Problem, budget: IntArray, least: int = 0, *, quick: bool = False) -> tuple[Answer, int]:
    """A selection within the budget of the least interval, and the interval that none goes below.

    By bisection over the intervals that some choice has: each is a small problem of its own, in which most
    choices are needless. It is known already that none goes below `least`; where it is above 0, the answer is
    near it, so the first steps are short ones.
    """
    intervals = [interval for interval in problem.intervals if interval >= least]
    best = possible(problem, budget, quick=quick)
    proven, low, high = -1, 0, len(intervals)
    if best.picks is not None:
        high = intervals.index(best.interval)
    stride = 1 if least else high
    while low < high:
        middle = min((low + high) // 2, low + stride - 1)
        stride *= 2
        answer = possible(problem.within(intervals[middle]), budget, quick=quick)
        if answer.picks is not None:
            best, high = answer, intervals.index(answer.interval)
        else:
            proven = max(proven, middle) if answer.impossible else proven
            low = middle + 1
    return best, intervals[min(proven + 1, len(intervals) - 1)]


def quickest(problem: Problem, budget: IntArray, weights: IntArray) -> tuple[Answer, Answer]:
    """The selection of the least estimated latency, then the cheapest of that latency; with their bounds."""
    known, _ = fastest(problem, budget)
    if known.picks is None:
        return known, known
    # No layer of a better selection takes longer than this one as a whole.
    problem = problem.within(estimate(problem.folded(known.picks)))
    fillings = [Filling(node.layer) for node in problem.graph.nodes]
    problem = problem.reduced(lambda index, choice: fillings[index].columns(choice))
    model = _Model(problem, budget)
    latency = model.latency(fillings)
    model.hint(known.picks)
    model.model.minimize(latency)
    first = model.solve(_LATENCY_EFFORT)
    if first.picks is None:
        return first, first
    model.model.add(latency <= first.value)
    model.hint(first.picks)
    model.model.minimize(model.price(weights))
    return first, model.solve(_LATENCY_EFFORT)
