"""Evolution of candidates by NSGA-II: a front of what is predicted of their quality and their hardware.

Deb et al., "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II", 2002, as pymoo has it. A candidate
is a vector of the places that its widths have among those of their knobs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.core.mutation import Mutation
from pymoo.core.problem import Problem
from pymoo.indicators.hv import HV
from pymoo.operators.crossover.ux import UniformCrossover

from levada.search.space import Candidate, Space

Rows = NDArray[np.float64]
Genes = NDArray[np.int64]
#: What candidates are: objectives [N, objectives], and how far each is from fitting
#: [N], 0 for those that fit.
Judge = Callable[[Sequence[Candidate]], tuple[Rows, Rows]]


def evolve(
    space: Space,
    judge: Judge,
    *,
    objectives: int,
    start: Sequence[Candidate],
    population: int,
    generations: int,
    seed: int,
    go_on: Callable[[], bool],
) -> list[Candidate]:
    """The last generation; no two of its candidates are the same.

    The same for the same arguments, as all chance comes from the seed.

    Args:
        space: of the candidates.
        judge: says what candidates are.
        objectives: how many there are.
        start: of the first generation, at most `population`; the others are drawn.
        population: how many live.
        generations: how many are made, the first one included.
        seed: of all chance.
        go_on: asked before each generation but the first.
    """
    random = np.random.default_rng(seed)
    drawn = [space.draw(random) for _ in range(population - len(start))]
    algorithm = NSGA2(
        population,
        sampling=_genes(space, [*start, *drawn]),
        crossover=UniformCrossover(),
        mutation=_Turn(),
        eliminate_duplicates=True,
    )
    problem = _Widths(space, judge, objectives)
    algorithm.setup(problem, termination=("n_gen", generations), seed=seed)
    while algorithm.has_next() and (algorithm.pop is None or go_on()):
        living = algorithm.ask()
        if living is None:  # mating finds nothing new
            break
        algorithm.evaluator.eval(problem, living)
        algorithm.tell(infills=living)
    return _candidates(space, algorithm.pop.get("X"))


def spread(points: Rows, count: int) -> list[int]:
    """Indices of at most `count` points [N, objectives], each the one that adds most to the hypervolume.

    Smaller is better. Objectives are scaled to 0..1, as logarithms where none is 0; the reference point lies
    a tenth beyond the worst.
    """
    positive = (points > 0).all(axis=0)
    scaled = np.where(positive, np.log(np.where(positive, points, 1.0)), points)
    scaled -= scaled.min(axis=0)
    scaled /= np.maximum(scaled.max(axis=0), np.finfo(np.float64).tiny)
    volume = HV(ref_point=np.full(points.shape[1], 1.1))
    chosen: list[int] = []
    while len(chosen) < min(count, len(points)):
        left = [index for index in range(len(points)) if index not in chosen]
        chosen.append(max(left, key=lambda index: float(volume(scaled[[*chosen, index]]))))
    return chosen


def _genes(space: Space, candidates: Sequence[Candidate]) -> Genes:
    return np.array(
        [[knob.values.index(c.value(knob)) for knob in space.turnable] for c in candidates], np.int64
    )


def _candidates(space: Space, rows: Genes) -> list[Candidate]:
    return [space.at_places(row) for row in rows]


class _Widths(Problem):  # type: ignore[misc]  # pymoo comes without types
    """Vectors of places among the widths of knobs, as pymoo sees them."""

    def __init__(self, space: Space, judge: Judge, objectives: int) -> None:
        most = np.array([len(knob.values) - 1 for knob in space.turnable])
        super().__init__(n_var=len(most), n_obj=objectives, n_ieq_constr=1, xl=0 * most, xu=most, vtype=int)
        self._space, self._judge = space, judge

    def _evaluate(self, rows: Genes, out: dict[str, Any], **_: object) -> None:
        objectives, excess = self._judge(_candidates(self._space, rows))
        out["F"], out["G"] = objectives, excess[:, None]


class _Turn(Mutation):  # type: ignore[misc]
    """Turns one knob on average: to the next lower or higher width, or, as likely, to any."""

    def _do(self, problem: Problem, rows: Genes, *_: object, random_state: Any, **__: object) -> Genes:  # noqa: ANN401
        chosen = random_state.random(rows.shape) < 1 / problem.n_var
        step = rows + random_state.choice((-1, 1), rows.shape)
        anywhere = random_state.integers(problem.xl, problem.xu + 1, rows.shape)
        turned = np.where(random_state.random(rows.shape) < 0.5, step, anywhere)
        found: Genes = np.where(chosen, np.clip(turned, problem.xl, problem.xu), rows).astype(np.int64)
        return found
