"""A supernet that scores candidates without training them, and evolution over scores and hardware."""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from levada import content
from levada.errors import LevadaError
from levada.search.clock import TimeUpError
from levada.search.evolution import Rows, evolve, spread
from levada.search.front import front
from levada.search.predictor import Predictor, correlation
from levada.search.strategies import Strategy, option
from levada.search.subnets import Scoring, score, train_supernet

if TYPE_CHECKING:
    from pathlib import Path

    from levada.search.context import Search
    from levada.search.space import Candidate
    from levada.search.work import Work
    from levada.train.task import Log, Shape

#: What may be made small, besides the loss: fields of a `Cost`, and what the goal calls effort.
_COUNTS = ("cycles", "lut", "ff", "dsp", "bram18")


@dataclasses.dataclass(eq=False)
class OneShot(Strategy):
    """Trains one network for all candidates, scores some of them by it, and lets the others evolve.

    The supernet is `levada.search.supernet`, its training a single path a step (Guo et al., ECCV 2020; see
    `levada.search.subnets`). It scores the candidates of one width for all weights and one for all
    activations, and `subnets` random ones. A model of their losses (`levada.search.predictor`) and the
    predicted hardware are what candidates evolve by. After each of `rounds` evolutions the survivors are
    scored by the supernet, too, and the model is fitted anew.

    Options:
        epochs: of the supernet; 0 for twice those of the recipe.
        sandwich: 1 to train the widest and the narrowest candidate at each step, too.
        batches: of training examples, for the statistics of a subnet.
        images: examples for validation that a subnet is scored on.
        subnets: random candidates that are scored at first.
        population: candidates of a generation.
        generations: of all rounds together.
        rounds: of evolution and scores.
        objectives: what is made small, with commas between: loss, effort (the share of the budget where a
            rate is given, else cycles), or one of cycles, lut, ff, dsp, bram18. The loss alone: the best that
            fit, whatever they take.
    """

    about: ClassVar[str] = "a supernet for all widths, and evolution over its scores"
    shapes: ClassVar[bool] = True

    epochs: int = option(0, 0, 100_000)
    sandwich: int = option(1, 0, 1)
    batches: int = option(20, 1, 10_000)
    images: int = option(5000, 1, 1_000_000)
    subnets: int = option(300, 10, 100_000)
    population: int = option(100, 4, 10_000)
    generations: int = option(50, 1, 10_000)
    rounds: int = option(2, 1, 100)
    objectives: str = option("loss,effort")

    def propose(self, search: Search) -> list[Candidate]:
        """The front of all scored candidates that fit, those that add most to its hypervolume first.

        Where that has fewer than `search.designs`, then what would be the front without it, and so on. Where
        there are several shapes, they take turns with what each would propose alone.
        """
        names = self._names()
        evolution = Evolution(self, search, names)
        with evolution.timed("supernet"):
            scoring = Scoring(search.work, self.supernet(search.work, search.log), self.batches, self.images)
        try:
            evolution.run(scoring)
        except TimeUpError:
            if not evolution.losses:
                raise
        search.notes |= evolution.notes
        return evolution.best()

    def supernet(self, work: Work, log: Log) -> Path:
        """The file of the trained supernet's weights."""
        epochs = self.epochs or 2 * work.recipe.epochs
        return train_supernet(work, epochs, sandwich=bool(self.sandwich), log=log)

    def _names(self) -> list[str]:
        names = [name.strip() for name in self.objectives.split(",")]
        known = ("loss", "effort", *_COUNTS)
        for name in names:
            if name not in known:
                raise LevadaError(
                    f"--set objectives={self.objectives}: {name!r} is none; write some of {', '.join(known)}"
                )
        if "loss" not in names or len(set(names)) != len(names):
            raise LevadaError(f"--set objectives={self.objectives}: write loss, and others, each once")
        return names


class Evolution:
    """One search by a supernet: what was scored, and the phases that scores are used in.

    Attributes:
        losses: of the candidates that were scored by the supernet.
        notes: for the report.
    """

    def __init__(self, options: OneShot, search: Search, names: Sequence[str]) -> None:
        self._options, self._search, self._names = options, search, names
        self.losses: dict[Candidate, float] = {}
        self._seconds: dict[str, float] = {}
        self._phase, self._since = "", 0.0
        self._rounds: list[dict[str, float | None]] = []

    @property
    def notes(self) -> dict[str, object]:
        """Subnets scored, what the predictor is worth, and seconds of each phase."""
        return {"subnets": len(self.losses), "rounds": self._rounds, "seconds": self._seconds}

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        """Adds up the seconds of a phase, without those of phases within it."""
        outer = self._phase
        self._switch(phase)
        try:
            yield
        finally:
            self._switch(outer)

    def _switch(self, phase: str) -> None:
        now = time.perf_counter()
        if self._phase:
            self._seconds[self._phase] = self._seconds.get(self._phase, 0.0) + now - self._since
        self._phase, self._since = phase, now

    def run(self, scoring: Scoring) -> None:
        """Scores, and rounds of evolution and scores; only scores where the space is no larger than those."""
        subject = self._search.subject
        if subject.space.size <= self._options.subnets:
            self._score(scoring, list(subject.space.all()))
            return
        random = np.random.default_rng(self._search.seed)
        drawn = [subject.space.draw(random) for _ in range(self._options.subnets)]
        self._score(scoring, [*subject.uniforms(), *drawn])
        for number in range(self._options.rounds):
            self._round(scoring, number)

    def best(self) -> list[Candidate]:
        """Of what was scored and fits. Shapes take turns, the one of the least loss first.

        Scores compare networks of one shape better than those of two: layers that few shapes have are trained
        more rarely, and those in front of and behind them have to serve with and without.
        """
        shapes: dict[Shape, list[Candidate]] = {}
        for candidate in self._fitting(list(self.losses)):
            shapes.setdefault(candidate.shape, []).append(candidate)
        ordered = sorted(shapes.values(), key=lambda own: min(self.losses[candidate] for candidate in own))
        turns = itertools.zip_longest(*map(self._in_order, ordered))
        chosen = (candidate for turn in turns for candidate in turn if candidate is not None)
        return list(itertools.islice(chosen, self._search.designs))

    def _in_order(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Of so many one front after the other, spread over each."""
        points = self._points(candidates, np.array([self.losses[candidate] for candidate in candidates]))
        left, chosen = list(range(len(candidates))), list[int]()
        while left and len(chosen) < self._search.designs:
            found = [left[place] for place in front([tuple(points[index]) for index in left])]
            chosen += [found[place] for place in spread(points[found], self._search.designs - len(chosen))]
            left = [index for index in left if index not in found]
        return [candidates[index] for index in chosen]

    def _round(self, scoring: Scoring, number: int) -> None:
        options, search = self._options, self._search
        with self.timed("predictor"):
            predictor = Predictor(search.subject.space, list(self.losses), list(self.losses.values()))
        with self.timed("evolution"):
            share = options.generations // options.rounds
            extra = options.generations % options.rounds if number == 0 else 0
            living = evolve(
                search.subject.space,
                partial(self._judged, predictor),
                objectives=len(self._names),
                start=self.best()[: options.population],
                population=options.population,
                generations=max(1, share + extra),
                seed=search.seed + number,
                go_on=lambda: not search.proposing.passed,
            )
        living = [candidate for candidate in self._fitting(living) if candidate not in self.losses]
        self._score(scoring, living)
        real = [self.losses[candidate] for candidate in living]
        note = {
            "scored": len(self.losses),
            "correlation": predictor.correlation,
            "survivors": len(living),
            "correlation of survivors": correlation(predictor(living), real) if living else None,
        }
        self._rounds.append(note)
        search.log(f"oneshot: round {number + 1}: {note}")

    def _score(self, scoring: Scoring, candidates: Sequence[Candidate]) -> None:
        texts = list(dict.fromkeys(map(str, candidates)))
        made = content.digest(scoring.file.read_bytes(), str((scoring.batches, scoring.count)))
        with self.timed("scores"):
            found = self._search.evaluate(f"subnet {made[:12]}", texts, partial(score, scoring))
        parse = self._search.subject.space.parse
        self.losses |= {parse(text): one["loss"] for text, one in zip(texts, found, strict=True)}

    def _fitting(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        with self.timed("costs"):
            costs = self._search.costs(candidates)
        return [candidate for candidate, cost in zip(candidates, costs, strict=True) if cost.fits]

    def _judged(self, predictor: Predictor, candidates: Sequence[Candidate]) -> tuple[Rows, Rows]:
        points = self._points(candidates, predictor(candidates))
        excess = [self._search.goal.excess(cost) for cost in self._search.costs(candidates)]
        return points, np.array(excess)

    def _points(self, candidates: Sequence[Candidate], losses: Rows) -> Rows:
        """Objectives [N, names]."""
        with self.timed("costs"):
            costs = self._search.costs(candidates)
        columns = {
            "loss": losses,
            "effort": np.array([self._search.goal.effort(cost) for cost in costs]),
            **{name: np.array([getattr(cost, name) for cost in costs], np.float64) for name in _COUNTS},
        }
        return np.stack([columns[name] for name in self._names], axis=1)
