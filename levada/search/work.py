"""What a search does to candidates, as functions that other processes can call."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import levada.layers  # noqa: F401 - fills the registry
from levada import content, partition, train
from levada.errors import CheckFailedError
from levada.export import export
from levada.graph import Graph
from levada.models import Model
from levada.search.clock import Deadline, Stopwatch
from levada.search.goal import Goal
from levada.search.hardware import Cost, Evaluator
from levada.search.places import lowered_network
from levada.search.shapes import Shaped, shaped
from levada.search.space import Candidate
from levada.search.subject import Subject
from levada.search.transplant import transplanted
from levada.search.trials import Result
from levada.train import Recipe, Task
from levada.train.publish import equal, run_torch
from levada.train.task import Shape, Widths, wide_family_of

if TYPE_CHECKING:
    from torch import nn


#: Files of a trained candidate's folder.
NETWORK, PARTITION = "network.onnx", "partition.toml"


@dataclass(frozen=True)
class Work:
    """All that processes need to know of a search.

    Attributes:
        subject: what is searched.
        goal: what for.
        recipe: how candidates are trained.
        finetune: epochs of that for designs, if they are to begin with the weights of the widest candidate.
        folder: of the search.
        deadline: of the search.
    """

    subject: Subject
    goal: Goal
    recipe: Recipe
    finetune: int | None
    folder: Path
    deadline: Deadline

    @property
    def task(self) -> Task:
        """Data and metric; read once in each process."""
        return _task(self.subject.model, self.recipe)

    def place(self, name: str) -> Path:
        """The folder of what belongs to a candidate, or to any other text."""
        return self.folder / "trainings" / content.digest(name, repr(self.recipe))[:16]

    @property
    def start(self) -> Path:
        """The weights of the widest candidate, trained by the whole recipe; there after `train_widest`."""
        from levada.train.loop import TRAINED

        return self.place(str(self.subject.widest)) / TRAINED

    def place_of(self, candidate: Candidate) -> Path:
        """The folder of a design."""
        after = f" after {self.finetune} epochs" if self.finetune else ""
        return self.place(f"{candidate}{after}")


@functools.lru_cache(maxsize=2)
def _task(model: Model, recipe: Recipe) -> Task:
    return train.task_of(model, recipe).kept_apart()


_evaluators: dict[Hashable, tuple[Shaped, Evaluator]] = {}


def evaluator_of(work: Work) -> Evaluator:
    """That of the largest shape."""
    return hardware(work, work.subject.space.own.shape)[1]


def hardware(work: Work, shape: Shape) -> tuple[Shaped, Evaluator]:
    """One for each subject, shape, budget and clock: evaluators remember layers."""
    subject, goal = work.subject, work.goal
    key = subject.model, subject.space, shape, goal.board.name, goal.budget, goal.clock_mhz
    if key not in _evaluators:
        here = shaped(subject, shape, goal.board.name, goal.clock_mhz)
        _evaluators[key] = here, Evaluator(here.graph, goal.budget, goal.clock_mhz)
    return _evaluators[key]


def cost(work: Work, candidate: Candidate, target_fps: float | None) -> Cost:
    """What a candidate takes in hardware at a rate, as predicted; see `Evaluator.evaluate`."""
    here, evaluator = hardware(work, candidate.shape)
    return evaluator.evaluate(here.local(candidate), target_fps)


def cost_at(work: Work, candidate: Candidate, interval: int) -> Cost:
    """What a candidate takes at least at a rate other than the goal's, of `interval` cycles a frame."""
    return cost(work, candidate, work.goal.clock_mhz * 1e6 / interval)


def misfit(work: Work, candidate: Candidate) -> str:
    """What is missing for a candidate that does not fit; see `Evaluator.misfit`."""
    here, evaluator = hardware(work, candidate.shape)
    return evaluator.misfit(here.local(candidate), work.goal.target_fps)


def build(model: Model, widths: Widths) -> nn.Module:
    """The untrained network with these widths."""
    return wide_family_of(model).build(model.variant, widths)


def costs(work: Work, texts: list[str]) -> list[Cost]:
    """What candidates take in hardware, as predicted."""
    candidates = map(work.subject.space.parse, texts)
    return [cost(work, candidate, work.goal.target_fps) for candidate in candidates]


def train_widest(work: Work, text: str) -> Result:
    """Trains the widest candidate, or any other, by the whole recipe: quality and loss for validation."""
    widths = work.subject.widths(work.subject.space.parse(text))
    make = functools.partial(build, work.subject.model, widths)
    return scored(work, trained(work, text, work.recipe, work.place(text), make))


def scored(work: Work, network: nn.Module, count: int | None = None) -> Result:
    """Quality and loss of a network on the examples for validation, or on the first `count` of them."""
    with train.one_thread():
        score = work.task.score(network, count)
    return {"quality": score.quality, "loss": score.loss}


def train_design(work: Work, candidate: Candidate) -> nn.Module:
    """The network of a candidate, trained by itself; goes on from its checkpoint.

    Raises:
        TimeUpError: the time is over; the checkpoint is that of the last whole epoch.
        LevadaError: the loss is no number.
    """
    model, widths = work.subject.model, work.subject.widths(candidate)
    recipe, make = work.recipe, functools.partial(build, model, widths)
    if work.finetune:
        recipe = replace(recipe, epochs=work.finetune)
        widest = work.subject.widths(work.subject.space.widest_of(candidate.shape))
        make = functools.partial(transplanted, model, work.start, widest, widths)
    return trained(work, str(candidate), recipe, work.place_of(candidate), make)


def trained(
    work: Work,
    text: str,
    recipe: Recipe,
    folder: Path,
    make: Callable[[], nn.Module],
    *,
    task: Task | None = None,
    key: str | None = None,
) -> nn.Module:
    """A trained network, which ends in time and goes on from the checkpoint in its folder.

    Args:
        work: the search.
        text: what it is called.
        recipe: how it is trained.
        folder: of its own.
        make: builds it.
        task: what for, if not that of the search.
        key: tells it from others in the checkpoint; `text` unless given.
    """
    from levada.train.loop import fit
    from levada.train.run import Job

    return fit(
        Job(
            work.subject.model,
            recipe,
            task or work.task,
            folder,
            silent,
            title=text,
            make=make,
            key=key or text,
            extra=(("stopwatch", functools.partial(Stopwatch, work.deadline)),),
        )
    )


def design(work: Work, text: str) -> Result:
    """Trains a candidate, exports it, and folds the network that it has become.

    Returns:
        quality and loss on the examples for validation; percent on those for testing, where the network is a
        classifier; what it takes in hardware (a `Cost`).

    Raises:
        CheckFailedError: the exported network does not have the widths of the candidate.
    """
    candidate = work.subject.space.parse(text)
    network = train_design(work, candidate)
    reached = scored(work, network)
    with train.one_thread():
        tested = _publish(work, candidate, network)
    goal = work.goal
    graph = lowered_network(work.subject.model, network, goal.board.name, goal.clock_mhz)
    found = {node.name: node.layer.precision for node in graph.nodes}
    for site, precision in hardware(work, candidate.shape)[0].local(candidate).choices:
        if found.get(site) != precision:
            raise CheckFailedError(f"{text}: the exported network has {site}={found.get(site)}")
    return reached | {"tested": tested, "cost": asdict(_folded(work, candidate, graph))}


def _publish(work: Work, candidate: Candidate, network: nn.Module) -> float | None:
    """Exports a trained network; returns percent of the test examples, where it is a classifier.

    Torch and the file may round another way where a value lies on the boundary between two integers, which
    happens in a few of many images; where they differ in most of the samples, it is another network.
    """
    model, path = work.subject.model, work.place_of(candidate) / NETWORK
    inputs = train.as_floats(model, wide_family_of(model).samples(model.variant))
    content.write_whole(path, export(network, (1, *inputs.shape[1:])))
    same = equal(run_torch(network, inputs)[0], train.execute(path, inputs))
    if 2 * same.sum() <= len(same):
        count = int((~same).sum())
        raise CheckFailedError(
            f"{candidate}: the exported file differs from torch on {count} of {len(same)} samples"
        )
    return work.task.tested(path)


def _folded(work: Work, candidate: Candidate, graph: Graph) -> Cost:
    """What the trained network takes. Its folding goes to a partition.toml, if it fits."""
    goal = work.goal
    evaluator = Evaluator(graph, goal.budget, goal.clock_mhz, quick=False)
    found = evaluator.evaluate(Candidate(()), goal.target_fps)
    if found.fits:
        folded = partition.fold(graph, goal.budget, goal.clock_mhz, goal.target_fps)
        content.write_whole(work.place_of(candidate) / PARTITION, partition.to_toml(folded.graph))
    return found


def silent(_: str) -> None:
    """The log of work whose result counts."""
