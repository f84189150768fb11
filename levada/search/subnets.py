"""A supernet is trained, and candidates are scored by it: as subnets, with statistics of their own."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from levada import train
from levada.search import supernet
from levada.search.clock import Stopwatch
from levada.search.subject import Subject
from levada.search.trials import Result
from levada.search.work import Work, scored
from levada.train.methods import Method
from levada.train.statistics import reestimate
from levada.train.task import Log

if TYPE_CHECKING:
    from levada.search.space import Candidate
    from levada.train.run import Run


class SinglePath(Method):
    """Each step trains one candidate of the space, drawn with equal chances for all widths of a knob.

    Guo et al., "Single Path One-Shot Neural Architecture Search with Uniform Sampling", ECCV 2020. With
    `sandwich` each step trains the widest and the narrowest candidate, too (Yu and Huang, "Universally
    Slimmable Networks and Improved Training Techniques", ICCV 2019); the loss is the mean of the three.
    """

    def __init__(self, subject: Subject, *, sandwich: bool) -> None:
        self._subject = subject
        self._ends = (subject.widest, subject.narrowest) if sandwich else ()

    def epoch_start(self, run: Run) -> None:
        """Draws for the first step."""
        self._select(run, self._subject.space.draw(run.random))

    def loss(self, run: Run, outputs: Tensor, loss: Tensor) -> Tensor:  # noqa: ARG002
        """Adds the losses of the ends."""
        for end in self._ends:
            self._select(run, end)
            loss = loss + run.task.loss(run.network(run.batch.inputs), run.batch.targets)
        return loss / (1 + len(self._ends))

    def before_step(self, run: Run) -> None:
        """The family's bounds for weights are those of the widest candidate."""
        self._select(run, self._subject.widest)

    def after_step(self, run: Run) -> None:
        """Draws for the next step."""
        self._select(run, self._subject.space.draw(run.random))

    def finish(self, run: Run) -> None:
        """The network is left as `supernet.build` makes it."""
        self._select(run, self._subject.widest)

    def _select(self, run: Run, candidate: Candidate) -> None:
        supernet.select(run.network, self._subject, candidate)


@dataclass(frozen=True)
class Scoring:
    """How subnets of a trained supernet are scored; sent to other processes.

    Attributes:
        work: the search, with the recipe of the supernet.
        file: weights of the supernet.
        batches: of training examples, for the statistics of a subnet.
        count: examples for validation, the first ones.
    """

    work: Work
    file: Path
    batches: int
    count: int


def train_supernet(work: Work, epochs: int, *, sandwich: bool, log: Log) -> Path:
    """The file with the weights of the search's supernet; trains it, or goes on from its checkpoint.

    It is trained by the search's recipe without the methods of that, which are made for single networks.

    Raises:
        TimeUpError: the time of `work` is over; the checkpoint is that of the last whole epoch.
        LevadaError: the loss is no number.
    """
    from levada.train.loop import TRAINED, fit
    from levada.train.run import Job

    subject = work.subject
    recipe = replace(work.recipe, epochs=epochs, methods=())
    key = repr((subject.space, sandwich))
    job = Job(
        subject.model,
        recipe,
        work.task,
        work.place(f"supernet {key} {recipe}"),
        log,
        title=f"supernet of {subject.model.name}",
        make=functools.partial(supernet.build, subject),
        key=key,
        extra=(
            ("single_path", functools.partial(SinglePath, subject, sandwich=sandwich)),
            ("stopwatch", functools.partial(Stopwatch, work.deadline)),
        ),
    )
    fit(job)
    return job.folder / TRAINED


def score(scoring: Scoring, text: str) -> Result:
    """What a candidate reaches as a subnet: with statistics of its own, on the first examples for validation.

    The same in every process, whatever that scored before.
    """
    subject = scoring.work.subject
    with train.one_thread():
        network, inputs = _loaded(scoring)
        supernet.select(network, subject, subject.space.parse(text))
        reestimate(network, inputs)
    return scored(scoring.work, network, scoring.count)


_known: dict[str, tuple[nn.Module, list[Tensor]]] = {}


def _loaded(scoring: Scoring) -> tuple[nn.Module, list[Tensor]]:
    """The supernet and the inputs for statistics, made once in each process; the last ones are kept."""
    from levada.train.loop import trained

    key = repr((scoring.file, scoring.file.stat().st_mtime_ns, scoring.batches))
    if key not in _known:
        subject = scoring.work.subject
        network = trained(subject.model.name, functools.partial(supernet.build, subject), scoring.file)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(scoring.work.recipe.seed)
            batches = scoring.work.task.batches(np.random.default_rng(scoring.work.recipe.seed))
            inputs = [batch.inputs for _, batch in zip(range(scoring.batches), batches, strict=False)]
        _known.clear()
        _known[key] = network, inputs
    return _known[key]
