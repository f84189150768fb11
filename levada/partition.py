"""Partition: one folding for every layer, within the board's budget.

Each layer offers its Pareto-optimal foldings (`levada.offers`), what they and the width converters between
them cost makes a `levada.problem`, and `levada.solver` picks one each. What FIFOs take is known only when all
is folded. So the first selection is made as if they took nothing; where it does not fit with its FIFOs, their
share of the budget is set aside and the selection is made again. The first selection's value stays a bound
for all, from which the gap is reported.
"""

from __future__ import annotations

import itertools
import time
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from levada_driver.datatype import IntArray

from levada import cost, fifo, misfit, solver, timing
from levada.errors import LevadaError
from levada.graph import Graph, check_folding, verify
from levada.layer import Device, Folding
from levada.offers import Choice, offers
from levada.prices import Answer
from levada.problem import Lanes, Problem, problem

__all__ = ["Objective", "Partition", "fold", "from_toml", "offers", "to_toml", "with_foldings"]

Objective = Literal["cost", "throughput", "latency"]

# Selections that are tried with something set aside for FIFOs, and the gap that is not worth another.
_ROUNDS = 4
_CLOSE = 0.02
# Percent by which the estimate of a whole network may be too low. A design that only fits without this margin
# is better than none.
_UNSURE = {"lut": 3, "ff": 3, "dsp": 0, "bram18": 0}


@dataclass(frozen=True)
class Partition:
    """The graph with its foldings, what was aimed for, and how long finding it took.

    `gap` is the proven relative distance to the optimum, 0 for a proven optimum, None if nothing is proven.
    It is that of the interval or the latency, and where these are optimal, that of the cost. `connected` is
    the graph with its converters and FIFOs, where the search had to know them.
    """

    graph: Graph
    objective: str
    gap: float | None
    seconds: float
    connected: Graph | None = None


@dataclass(frozen=True)
class _Selection:
    """Picks with their value and cost, and a bound on each that holds for all selections in the budget.

    The value is what the objective counts before cost: an interval, a latency, or nothing (0).
    """

    picks: tuple[Choice, ...]
    value: int
    value_bound: int
    price: int
    price_bound: int

    def gap(self, bound: _Selection) -> float:
        """Relative distance to the bounds of a problem without FIFOs."""
        if self.value > bound.value_bound:
            return 1 - bound.value_bound / self.value
        return max(0.0, 1 - bound.price_bound / max(1, self.price))


@dataclass(frozen=True, eq=False)
class Fitting:
    """A selection as a graph, and `fifos`, what they take of the resources that do not suffice, [4]."""

    folded: Graph
    connected: Graph
    gap: float
    fits: bool
    fifos: IntArray


def fold(
    graph: Graph,
    device: Device,
    clock_mhz: float,
    target_fps: float | None,
    objective: Objective | None = None,
    lanes: Lanes = "split",
) -> Partition:
    """Folds every layer within `device`, for an objective.

    "cost": the least weighted cost (`cost.price`) at `target_fps` or more. "throughput": the least frame
    interval, and the cheapest of those. "latency": the least estimated latency of a frame
    (`levada.latency`), at `target_fps` or more if given, and the cheapest of those. None: cost with a target,
    throughput without. `lanes` leaves out designs that multiply elsewhere.

    LevadaError where the target cannot be met, naming the slowest layer or the rate that does fit, or where
    nothing fits, naming what is missing and what would help.
    """
    start = time.perf_counter()
    objective = objective or ("cost" if target_fps is not None else "throughput")
    if (objective == "throughput") == (target_fps is not None) and objective != "latency":
        raise LevadaError(_MISUSE[objective])
    everything = problem(graph, device).with_lanes(lanes)
    allowed = everything
    if target_fps is not None:
        most = interval(target_fps, clock_mhz)
        _check_reached(everything, most, target_fps, clock_mhz)
        allowed = everything.within(most)
    found = fitting(allowed, objective)
    if found is None:
        raise _does_not_fit(everything, target_fps, clock_mhz)
    seconds = time.perf_counter() - start
    return Partition(found.folded, _words(objective, target_fps), found.gap, seconds, found.connected)


def interval(target_fps: float, clock_mhz: float) -> int:
    """Cycles that a rate leaves for a frame."""
    return int(min(clock_mhz * 1e6 / target_fps, 1e18))  # any layer is done by then


def fitting(problem: Problem, objective: Objective, *, quick: bool = False) -> Fitting | None:
    """The best design of a problem within its device; None where none is found.

    One that fits with a margin for what the estimates do not see comes before one that needs all there is.
    `quick` is for who looks at thousands: what prices alone find, and the first that fits. CP-SAT is asked
    only where they find nothing, so whether there is a design does not depend on it.
    """
    budget = cost.budget(problem.device)
    ways = itertools.product((True, False) if quick else (False,), (surely(budget), budget))
    tried = (_fitting(problem, objective, most, quick=way) for way, most in ways)
    return next((found for found in tried if found is not None), None)


_MISUSE = {
    "cost": "--objective cost: needs a rate to reach; give --target-fps",
    "throughput": "--objective throughput: goes for the highest rate there is; leave out --target-fps",
}


def _words(objective: Objective, target_fps: float | None) -> str:
    if objective == "throughput":
        return "as fast as the board allows"
    rate = f"at least {target_fps:,.0f} FPS at " if target_fps is not None else ""
    return f"{rate}least {objective}"


def surely(budget: IntArray) -> IntArray:
    """What is left of a budget [4] if the estimates of LUTs and flip-flops may be a little too low."""
    kept = [100 - _UNSURE[name] for name in cost.FIELDS]
    return budget * kept // 100


def _fitting(
    problem: Problem, objective: Objective, budget: IntArray, *, quick: bool = False
) -> Fitting | None:
    """Folded so that it fits a budget [4] with its FIFOs; None where no such folding is found.

    What is set aside for FIFOs grows until a selection fits, then is bisected between what was too little and
    what was enough.
    """
    little = aside = np.zeros(len(cost.FIELDS), np.int64)
    enough: IntArray | None = None
    bound: _Selection | None = None
    best: Fitting | None = None
    for _ in range(_ROUNDS):
        least = bound.value_bound if bound else 0
        selection = _select(problem, budget - aside, objective, least, quick=quick)
        if selection is None and bound is None:
            return None
        bound = bound or selection
        assert bound is not None
        found = _joined(problem, selection, bound, budget) if selection is not None else None
        if found is None or found.fits:
            enough = aside
            if found is not None and (best is None or found.gap < best.gap):
                best = found
            # A latency is rarely proven, so its gap says little about what another round would bring.
            if best is not None and (quick or best.gap <= _CLOSE or objective == "latency"):
                return best
        else:
            little, aside = aside, np.maximum(aside, found.fifos)
        if enough is not None:
            aside = (little + enough) // 2
    return best


def _joined(problem: Problem, selection: _Selection, bound: _Selection, budget: IntArray) -> Fitting:
    """A selection with its converters and FIFOs."""
    device = problem.device
    folded = verify(problem.folded(selection.picks), "folded")
    connected = fifo.connect(folded)
    over = cost.vector(cost.total(connected, device)) > budget
    fifos = np.where(over, _fifos(connected, device), 0)
    return Fitting(folded, connected, selection.gap(bound), not over.any(), fifos)


def _fifos(connected: Graph, device: Device) -> IntArray:
    """What the FIFOs of a connected graph take, [4]."""
    buffers = tuple(node for node in connected.nodes if node.layer.role == "buffer")
    return cost.vector(cost.total(connected.with_nodes(buffers), device))


def _select(
    problem: Problem, budget: IntArray, objective: Objective, least: int, *, quick: bool
) -> _Selection | None:
    """The best selection; `least` is known to be no more than its value."""
    weights = cost.weights(problem.device)
    value, value_bound = 0, 0
    known: Answer | None = None
    if objective == "latency":
        first, answer = solver.quickest(problem, budget, weights)
        value, value_bound = first.value, first.bound
    else:
        if objective == "throughput":
            known, value_bound = solver.fastest(problem, budget, least, quick=quick)
            if known.picks is None:
                return None
            value = known.interval
            problem = problem.within(value)
        if quick:
            answer = solver.cheaper(problem, budget, weights, known)
        else:
            answer = solver.cheapest(problem, budget, weights)
    if answer.picks is None:
        return None
    return _Selection(answer.picks, value, value_bound, answer.value, answer.bound)


def _check_reached(problem: Problem, interval: int, target_fps: float, clock_mhz: float) -> None:
    for node, choices in zip(problem.graph.nodes, problem.choices, strict=True):
        least = choices[0].cycles
        if least > interval:
            most = clock_mhz * 1e6 / least
            raise LevadaError(
                f"{node.name}: takes at least {least} cycles a frame, {target_fps:g} FPS at {clock_mhz:g} "
                f"MHz leave {interval}; choose --target-fps {most:.0f} or less, or a higher --clock-mhz"
            )


def _does_not_fit(problem: Problem, target_fps: float | None, clock_mhz: float) -> LevadaError:
    """Which rate does fit, or why none does."""
    if target_fps is not None:
        found = _fitting(problem, "throughput", cost.budget(problem.device))
        if found is not None:
            most = int(clock_mhz * 1e6 / timing.interval(found.folded))
            return LevadaError(
                f"{problem.graph.name}: does not fit the board at {target_fps:g} FPS; {most} FPS do, so "
                f"choose --target-fps {most} or less"
            )
    return LevadaError(misfit.explained(problem))


def with_foldings(graph: Graph, foldings: Mapping[str, Folding]) -> Graph:
    """The graph folded as given; LevadaError for a name or a folding that is not possible."""
    names = {node.name for node in graph.nodes}
    for name in sorted(foldings.keys() - names):
        raise LevadaError(f"{name}: no such layer in {graph.name}; it has {', '.join(sorted(names))}")
    nodes = tuple(replace(node, folding=foldings.get(node.name, node.folding)) for node in graph.nodes)
    for node in nodes:
        check_folding(node.name, node.layer, node.folding)
    return verify(graph.with_nodes(nodes), "folded")


def to_toml(graph: Graph) -> str:
    """`partition.toml`: the folding of every layer, to read, edit and feed back with --partition."""
    lines = [
        f"# How the layers of {graph.name} are folded. Edit and give back with --partition FILE.",
        "# pe: output channels, simd: input channels of a cycle; mmv: pixels; "
        "dsp_pe: lanes of pe in DSP slices;",
        "# memory: where the parameters live; thresholds: how they are kept.",
        "# An illegal value is answered with the legal ones near it.",
    ]
    for node in graph.nodes:
        lines += ["", f"[{node.name}]  # {node.layer.kind}, {node.layer.cycles(node.folding)} cycles a frame"]
        for key, value in asdict(node.folding).items():
            lines.append(f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}")
    return "\n".join([*lines, ""])


def from_toml(path: Path) -> dict[str, Folding]:
    """The foldings of a `partition.toml`, by layer; LevadaError for anything else in it."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise LevadaError(f"{path}: there is no such file; a build writes one as partition.toml") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise LevadaError(f"{path}: cannot be read as TOML ({error})") from error
    return {name: _folding(path, name, table) for name, table in tables.items()}


def _folding(path: Path, name: str, table: Any) -> Folding:  # noqa: ANN401 - whatever the file holds
    known = {field.name: type(field.default) for field in fields(Folding)}
    if not isinstance(table, dict):
        raise LevadaError(f"{path}: {name} is {table!r}; write a table [{name}] with pe, simd, ...")
    for key, value in table.items():
        if key not in known:
            raise LevadaError(f"{path}: [{name}] has {key!r}; use {', '.join(known)}")
        if type(value) is not known[key] or (known[key] is int and value < (key != "dsp_pe")):
            wanted = "a whole number" if known[key] is int else "text"
            raise LevadaError(f"{path}: [{name}] {key} = {value!r}; write {wanted}")
    return Folding(**table)
