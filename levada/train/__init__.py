"""Trains a network of models/ by its recipe, exports it as QONNX and measures the exported file.

A family's module `models/<family>/<family>.py` says what to train: `build(variant)`, `constrain(network)`
and `samples(variant)`; its recipe.toml says how, with which methods (see docs/training.md). What is learned
from which data is a task: classification of the family's data set, unless the family has a function
`task(model, recipe)` that gives another one. Torch, Brevitas and Lightning Fabric are imported only when
training starts; measuring and publishing networks needs no Fabric.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from levada import models
from levada.errors import LevadaError
from levada.models import Model
from levada.train import recipe as recipes
from levada.train.classification import Classification, measure
from levada.train.machine import Machine, one_thread
from levada.train.publish import Trained, as_floats, execute, execute_all, publish
from levada.train.recipe import Recipe
from levada.train.task import Family, Log, Score, Task, family_of, to_stderr

if TYPE_CHECKING:
    import torch

__all__ = [
    "Family",
    "Log",
    "Machine",
    "Recipe",
    "Score",
    "Task",
    "Trained",
    "as_floats",
    "execute",
    "execute_all",
    "measure",
    "one_thread",
    "publish",
    "task_of",
    "train",
]

#: A folder for each model, below the working directory: its checkpoint, and the weights at the end.
BUILD = Path("build/train")
#: The method that leaves several networks.
NESTED = "nested"


def train(
    name: str,
    *,
    out: Path | None = None,
    recipe: Path | None = None,
    machine: Machine | None = None,
    log: Log | None = None,
) -> Trained:
    """Trains the model `name`, or goes on from its checkpoint under build/train/.

    The result is the same with and without interruptions. The files appear only after the exported network
    has proved to give what torch gives.

    Args:
        name: a model of `levada.models.names()`.
        out: folder for the .onnx and samples files; the family's own folder unless given.
        recipe: a recipe.toml; the family's own unless given.
        machine: where to train; one process on the CPU unless given.
        log: takes one line at a time; standard error unless given, and where there are several processes.

    Raises:
        LevadaError: unknown model, faulty recipe, data that cannot be had, unreadable checkpoint, a loss that
            is no number.
        ToolMissingError: Lightning Fabric is not installed.
        CheckFailedError: torch and the exported file disagree.
    """
    log = log or to_stderr
    model = models.find(name)
    found = recipes.find(model, recipe)
    machine = machine or Machine()
    machine.check(found)
    task = task_of(model, found)

    from levada.train.loop import fit
    from levada.train.run import Job

    network = fit(Job(model, found, task, BUILD / name, log), machine)
    target = out or model.onnx.parent
    with one_thread():
        result = publish(model, network, target, lambda file: task.judge(network, file, log))
        if any(method.name == NESTED for method in found.methods):
            settings = _publish_settings(model, network, task, target, log)
            result = dataclasses.replace(result, settings=settings)
    return result


def _publish_settings(model: Model, network: torch.nn.Module, task: Task, out: Path, log: Log) -> Path:
    """The other settings of nested weights; what they are measured at is said once."""
    from levada.train.settings import publish_settings

    def judge(network: torch.nn.Module, file: Path) -> float | None:
        return task.judge(network, file, lambda _line: None)

    return publish_settings(model, network, BUILD / model.name, out, judge, log)


def task_of(model: Model, recipe: Recipe) -> Task:
    """What a model is trained for: the family's own task, or classification of its data set.

    Raises:
        LevadaError: the recipe names data that the family does not know, they cannot be had, or are too few.
    """
    family = family_of(model)
    known = getattr(family, "DATASETS", ())
    if recipe.data is not None and recipe.data not in known:
        others = f"name {' or '.join(known)}, or leave it out" if known else "leave it out"
        raise LevadaError(f"{model.name}: is not trained on data = {recipe.data!r} of the recipe; {others}")
    own = getattr(family, "task", None)
    task: Task = own(model, recipe) if own else Classification(model, recipe, models.load_data(model))
    return task
