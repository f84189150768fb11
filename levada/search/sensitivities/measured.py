"""The loss that each width is measured to cost by itself, with all others at their widest."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from levada import content
from levada.search.sensitivities import Source
from levada.search.space import Candidate
from levada.search.transplant import transplanted
from levada.search.trials import Result
from levada.search.work import Work, scored, trained
from levada.train.recipe import MethodSpec, Recipe
from levada.train.task import Batch, Log, Score, Task

if TYPE_CHECKING:
    import torch

    from levada.search.context import Search
    from levada.search.joint import Losses


@dataclass(frozen=True)
class Measured(Source):
    """How much the loss rises that a short training with one width ends with.

    For each knob and each lower width the widest candidate is trained on for `steps` batches with that width,
    and its loss on the examples for validation is taken; above the least of the widest one's, trained on
    or not, it is what the width costs.
    """

    steps: int

    def losses(self, search: Search) -> Losses:
        """Of one short training for each width."""
        base = search.train_widest()
        single = singles(search.work)
        search.log(f"{len(single)} sensitivities of {self.steps} batches each")
        texts = [*(str(candidate) for _, _, candidate in single), str(search.subject.widest)]
        measure = functools.partial(sensitivity, search.work, self.steps)
        found = search.evaluate(f"sensitivity {self.steps}", texts, measure)
        least = min(base["loss"], found[-1]["loss"])
        losses: list[dict[int, float]] = [{} for _ in search.subject.space.knobs]
        for (index, bits, _), result in zip(single, found, strict=False):
            losses[index][bits] = max(0.0, result["loss"] - least)
        for own, knob in zip(losses, search.subject.space.knobs, strict=True):
            own[knob.values[-1]] = 0.0
        return losses


@dataclass(frozen=True)
class Shortened(Task):
    """Another task, of whose batches an epoch has the first few."""

    whole: Task
    most: int

    @property
    def steps(self) -> int:
        """So many, or as many as there are."""
        return min(self.most, self.whole.steps)

    def digest(self) -> str:
        """Of the data and of the number."""
        return content.digest(self.whole.digest(), str(self.most))

    def batches(self, random: np.random.Generator) -> Iterator[Batch]:
        """The first ones of an epoch."""
        return itertools.islice(self.whole.batches(random), self.steps)

    def loss(self, outputs: torch.Tensor, targets: Any) -> torch.Tensor:  # noqa: ANN401  # as Batch has them
        """The whole task's."""
        return self.whole.loss(outputs, targets)

    def score(self, network: torch.nn.Module, count: int | None = None) -> Score:
        """The whole task's."""
        return self.whole.score(network, count)

    def judge(self, network: torch.nn.Module, file: Path, log: Log) -> float | None:
        """The whole task's."""
        return self.whole.judge(network, file, log)


def sensitivity(work: Work, steps: int, text: str) -> Result:
    """The score of a candidate that begins with the weights of the widest one, after so many batches."""
    subject = work.subject
    widths, widest = (subject.widths(one) for one in (subject.space.parse(text), subject.widest))
    network = trained(
        work,
        text,
        _short(work.recipe),
        work.place(f"{steps} steps of {text}"),
        functools.partial(transplanted, subject.model, work.start, widest, widths),
        task=Shortened(work.task, steps),
        key=repr((widths, content.digest(work.start.read_bytes()))),
    )
    return scored(work, network)


def _short(recipe: Recipe) -> Recipe:
    """One epoch, after which normalisation is measured anew."""
    return replace(recipe, epochs=1, methods=(MethodSpec("bn_reestimation", (("batches", 20),)),))


def singles(work: Work) -> list[tuple[int, int, Candidate]]:
    """Candidates with one knob below its widest: the knob's index, its bits, and the candidate."""
    widest = work.subject.widest
    return [
        (index, bits, widest.turned(knob, bits))
        for index, knob in enumerate(work.subject.space.knobs)
        for bits in knob.values[:-1]
    ]
