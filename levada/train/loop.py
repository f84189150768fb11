"""The one loop for all networks, on Lightning Fabric: devices, processes, progress, checkpoints."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from levada.errors import LevadaError
from levada.train.machine import Machine, one_thread
from levada.train.own import adopt
from levada.train.recipe import MethodSpec
from levada.train.run import Job, Run, load_weights, read, write
from levada.train.task import to_stderr

if TYPE_CHECKING:
    from lightning_fabric import Fabric

#: Files of a training's folder: the state after the last whole epoch, and the weights at the end.
CHECKPOINT, TRAINED, TWIN = "checkpoint.pt", "trained.pt", "twin.pt"


def fit(job: Job, machine: Machine | None = None) -> nn.Module:
    """Trains from the checkpoint in the job's folder, if it is of the same one, or from the start.

    The state is saved after each epoch.

    Returns:
        The trained network, on the CPU and in evaluation mode; its weights are in `folder`, too.

    Raises:
        LevadaError: unreadable checkpoint, a loss that is no number.
    """
    machine = machine or Machine()
    if machine.processes > 1:
        # A log of another process's memory cannot be written to.
        job = dataclasses.replace(job, log=to_stderr)
    # Bound beforehand: Fabric looks into what it is to pass on, and refuses frozen values.
    error = machine.fabric().launch(functools.partial(_in_process, job=job))
    if error is not None:
        raise error
    return trained(job.title or job.model.name, job.network, job.folder / TRAINED)


def trained(name: str, make: Callable[[], nn.Module], path: Path) -> nn.Module:
    """The network that `make` builds with the weights that a training left at `path`, in evaluation mode.

    Raises:
        LevadaError: the file is not whole, or of another network.
    """
    with torch.random.fork_rng(devices=[]):
        network = make()
    state = read(path)
    try:
        adopt(network, state)
        load_weights(network, state)
    except (AttributeError, RuntimeError) as error:
        raise LevadaError(f"{path}: holds weights of another network than {name}; delete it") from error
    return network.eval()


def twin(run: Run, epochs: int) -> nn.Module:
    """The network of a run in full precision, trained for some epochs by the same recipe, without gradients.

    Its quantizers keep their ranges and do not round; it has a checkpoint of its own.
    """
    recipe = dataclasses.replace(run.recipe, epochs=epochs, methods=(MethodSpec("full_precision"),))
    job = dataclasses.replace(run.job, recipe=recipe, title=f"{run.title} in full precision", extra=())
    # The run goes on as if this had not been: neither chance nor devices are shared.
    with torch.random.fork_rng(devices=[]):
        other = Run(run.fabric, job)
        _complete(other, run.folder / TWIN)
    return other.network.eval().requires_grad_(requires_grad=False)


def _in_process(fabric: Fabric, job: Job) -> LevadaError | None:
    """Trains in one of the processes; the weights are in a file then.

    An error is returned, since what is raised in a spawned process arrives as a text only.
    """
    try:
        with one_thread(), torch.random.fork_rng(devices=[]):
            run = Run(fabric, job)
            _complete(run, job.folder / CHECKPOINT)
            run.finish()
            if fabric.is_global_zero:
                write(job.folder / TRAINED, run.network.state_dict())
    except LevadaError as error:
        return error
    return None


def _complete(run: Run, checkpoint: Path) -> None:
    """All epochs that are left."""
    run.resume(checkpoint)
    steps, epochs = run.task.steps, run.recipe.epochs
    with _progress(run, epochs * steps, run.epoch * steps) as advance:
        while run.epoch < epochs:
            loss = run.one_epoch(advance)
            run.save(checkpoint)
            if advance is None:
                run.log(f"{run.title}: epoch {run.epoch} of {epochs}, loss {loss:.4f}")


@contextlib.contextmanager
def _progress(run: Run, total: int, done: int) -> Iterator[Callable[[], None] | None]:
    """A progress bar to advance by one, if standard error is a terminal; None elsewhere."""
    if not sys.stderr.isatty() or not run.fabric.is_global_zero:
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task(run.title, total=total, completed=done)
        yield lambda: progress.advance(task)
