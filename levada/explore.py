"""What a board could do with a network: frame rate against LUTs, for several numbers of DSP slices.

The cheapest selection in LUTs is sought at a ladder of frame intervals, all within the board's other
resources. Foldings and what is needless among them are found once and used for every budget. As in
`levada.solver` the width converters are counted, and FIFOs, which depend on all foldings at once, are not.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from levada import cost, solver
from levada.boards import Board
from levada.graph import Graph
from levada.layer import Device, Resources
from levada.problem import Problem, problem

# Frame intervals of a curve, at most.
_POINTS = 16
# Shares of the board's DSP slices that a mixed design may use.
_SHARES = (0.25, 0.5, 1.0)


@dataclass(frozen=True)
class Point:
    """A design that no other one of its curve beats in both frame rate and LUTs."""

    fps: float
    interval: int
    used: Resources
    proven: bool


@dataclass(frozen=True)
class Curve:
    """The designs of one kind with at most `dsp` DSP slices, fastest first."""

    name: str
    dsp: int
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Exploration:
    """All curves of a network on a board."""

    model: str
    board: str
    clock_mhz: float
    budget: Device
    curves: tuple[Curve, ...]
    seconds: float


def explore(graph: Graph, board: Board, clock_mhz: float) -> Exploration:
    """The curves of designs with lanes in LUTs only, in DSP slices wherever a layer can, and in both."""
    start = time.perf_counter()
    device = board.usable
    whole = problem(graph, device)
    in_luts, in_dsps = whole.with_lanes("lut"), whole.with_lanes("dsp")
    curves = [
        ("LUT only", 0, _Ladder(in_luts)),
        ("DSP only", device.dsp, _Ladder(in_dsps)),
    ]
    mixed = _Ladder(whole)
    curves += [("mixed", int(share * device.dsp), mixed) for share in _SHARES]
    found = [Curve(name, dsp, ladder.points(dsp, clock_mhz)) for name, dsp, ladder in curves]
    return Exploration(graph.name, board.name, clock_mhz, device, tuple(found), time.perf_counter() - start)


class _Ladder:
    """A problem, reduced for each of the intervals that are looked at."""

    def __init__(self, whole: Problem) -> None:
        self._whole = whole
        self._reduced: dict[int, Problem] = {}

    def _at(self, interval: int) -> Problem:
        if interval not in self._reduced:
            self._reduced[interval] = self._whole.within(interval).reduced()
        return self._reduced[interval]

    def points(self, dsp: int, clock_mhz: float) -> tuple[Point, ...]:
        """Designs with at most `dsp` DSP slices, fastest first."""
        budget = cost.budget(replace(self._whole.device, dsp=dsp))
        fastest, _ = solver.fastest(self._whole, budget)
        if fastest.picks is None:
            return ()
        points: list[Point] = []
        only_luts = np.array([name == "lut" for name in cost.FIELDS], np.int64)
        for interval in self._steps(fastest.interval):
            answer = solver.cheapest(self._at(interval), budget, only_luts)
            if answer.picks is None or (points and points[-1].used.lut <= answer.value):
                continue
            used = Resources(*self._whole.used(answer.picks).tolist())
            fps = clock_mhz * 1e6 / answer.interval
            points.append(Point(fps, answer.interval, used, answer.value == answer.bound))
        return tuple(points)

    def _steps(self, fastest: int) -> list[int]:
        """Intervals from the fastest up, each some part longer than the one before."""
        known = [interval for interval in self._whole.intervals if interval >= fastest]
        ladder = np.geomspace(known[0], known[-1], _POINTS)
        return sorted({known[place - 1] for place in np.searchsorted(known, ladder, side="right")})
