"""A training run: all that one step needs, and all that has to survive an interruption."""

from __future__ import annotations

import inspect
import io
import itertools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from brevitas import config
from torch import nn

from levada import content
from levada.errors import LevadaError
from levada.models import Model
from levada.train import methods
from levada.train.methods import Method
from levada.train.recipe import Recipe
from levada.train.task import Batch, Log, Task, family_of

if TYPE_CHECKING:
    from lightning_fabric import Fabric


@dataclass(frozen=True)
class Job:
    """What is to be trained, and how.

    Attributes:
        model: whose family bounds the weights.
        recipe: numbers and methods.
        task: data and loss.
        folder: for files of the run.
        log: takes one line at a time.
        title: what the log calls it; the model's name unless given.
        make: builds the network, with weights from torch's random state; as the family builds the model's
            variant, unless given. Of a module's top level, as it may be sent to other processes.
        key: tells networks that `make` builds from others; checkpoints hold it.
        extra: methods beside those of the recipe, by name; a new one for each run.
    """

    model: Model
    recipe: Recipe
    task: Task
    folder: Path
    log: Log
    title: str = ""
    make: Callable[[], nn.Module] | None = None
    key: str = ""
    extra: tuple[tuple[str, Callable[[], Method]], ...] = ()

    def network(self) -> nn.Module:
        """The untrained network, with weights from torch's random state."""
        return self.make() if self.make else family_of(self.model).build(self.model.variant)

    def methods(self) -> dict[str, Method]:
        """The methods of the recipe, then the others."""
        named = {spec.name: methods.create(spec) for spec in self.recipe.methods}
        return named | {name: create() for name, create in self.extra}


class Run:
    """One training of one network, in one of the processes that share it.

    Attributes:
        network: as the family builds it, on this process's device.
        batch: this process's share of the batch at hand.
        epoch: whole passes done.
        step: steps done, of `steps`.
        folder: for files of the run.
        title: what the log calls it.
    """

    batch: Batch

    def __init__(self, fabric: Fabric, job: Job) -> None:
        self.fabric, self.job = fabric, job
        self.model, self.recipe, self.task, self.folder = job.model, job.recipe, job.task, job.folder
        torch.manual_seed(self.recipe.seed)
        self.log = job.log if fabric.is_global_zero else _nowhere
        self.title = job.title or job.model.name
        self.random = np.random.default_rng(self.recipe.seed)
        self.family = family_of(self.model)
        self.network: nn.Module = fabric.to_device(job.network())
        self.epoch = self.step = 0
        self.steps = self.recipe.epochs * self.task.steps
        self.methods = job.methods()
        for method in self.methods.values():
            method.start(self)
        # Before any step: what some quantizers keep comes with their first batch.
        self._shapes = [(name, tuple(value.shape)) for name, value in self.network.state_dict().items()]
        self._extra = [p for method in self.methods.values() for p in method.parameters()]
        self._adam = torch.optim.Adam(
            [*self.network.parameters(), *self._extra], lr=self.recipe.learning_rate
        )
        self._scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self._adam, self.steps)
        # Fabric's wrappers: the one gathers gradients of all processes, the other steps.
        self._wrapped, self._optimizer = fabric.setup(self.network, self._adam)

    @property
    def progress(self) -> float:
        """The part of all steps that is done, from 0 to 1."""
        return self.step / self.steps

    def whole_batches(self) -> Iterator[Batch]:
        """An epoch of batches, not shared with other processes, on this process's device."""
        for batch in self.task.batches(self.random):
            yield self.fabric.to_device(batch)

    def some_inputs(self, count: int) -> Iterator[torch.Tensor]:
        """The inputs of the first `count` batches of an epoch, or of all that it has; as `whole_batches`."""
        return (batch.inputs for batch in itertools.islice(self.whole_batches(), count))

    def one_epoch(self, advance: Callable[[], None] | None) -> float:
        """Passes once through the data; returns the mean loss."""
        self._wrapped.train()
        self.task.prepare(self.network, self.epoch / self.recipe.epochs)
        for method in self.methods.values():
            method.epoch_start(self)
        rank, count = self.fabric.global_rank, self.fabric.world_size
        total = 0.0
        for inputs, targets in self.task.batches(self.random):
            self.batch = self.fabric.to_device(Batch(inputs[rank::count], targets[rank::count]))
            total += self._one_step()
            if advance is not None:
                advance()
        self.epoch += 1
        return total / self.task.steps

    def gradients(self) -> torch.Tensor:
        """Sets the gradients to those of the loss for the batch at hand, and returns that loss."""
        loss = self.loss()
        self.backward(loss)
        return loss.detach()

    def loss(self) -> torch.Tensor:
        """The loss for the batch at hand, with what methods make of it."""
        outputs = self._wrapped(self.batch.inputs)
        loss = self.task.loss(outputs, self.batch.targets)
        for method in self.methods.values():
            loss = method.loss(self, outputs, loss)
        return loss

    def backward(self, loss: torch.Tensor) -> None:
        """Sets the gradients to those of any number."""
        self._optimizer.zero_grad()
        self.fabric.backward(loss)
        for parameter in self._extra:  # no part of the network, so nobody else averages them
            if parameter.grad is not None:
                parameter.grad = cast("torch.Tensor", self.fabric.all_reduce(parameter.grad))

    def _one_step(self) -> float:
        # The mean of all processes: a loss that is no number ends all of them.
        loss = float(cast("torch.Tensor", self.fabric.all_reduce(self.gradients())))
        if not np.isfinite(loss):
            raise LevadaError(
                f"{self.title}: the loss is {loss} at step {self.step + 1} of {self.steps}; "
                "lower learning_rate in the recipe, or leave out methods to find the one that causes it"
            )
        for method in self.methods.values():
            method.before_step(self)
        self._optimizer.step()
        self._scheduler.step()
        self.family.constrain(self.network)
        self.step += 1
        for method in self.methods.values():
            method.after_step(self)
        return loss

    def finish(self) -> None:
        """What is left to do when all steps are done; the network is in evaluation mode then."""
        self.task.finish(self.network)
        for method in sorted(self.methods.values(), key=lambda method: method.last):
            method.finish(self)
        self._wrapped.eval()

    @cached_property
    def digest(self) -> str:
        """Of all that the weights depend on."""
        sources = [sys.modules[type(part).__module__] for part in (self.network, self.task)]
        sources += [sys.modules[type(method).__module__] for method in self.methods.values()]
        return content.digest(
            self.model.name,
            self.job.key,
            repr(self.recipe),
            repr(self._shapes),
            f"{self.fabric.world_size} {self.fabric.device.type}",
            self.task.digest(),
            *(inspect.getsource(module) for module in sources),
        )

    def save(self, path: Path) -> None:
        """Writes the state after a whole epoch."""
        state = {
            "digest": self.digest,
            "epoch": self.epoch,
            "torch": torch.get_rng_state(),
            "random": self.random.bit_generator.state,
            "network": self.network.state_dict(),
            "optimizer": self._adam.state_dict(),
            "scheduler": self._scheduler.state_dict(),
            "methods": {name: method.state() for name, method in self.methods.items()},
        }
        if self.fabric.is_global_zero:
            write(path, state)
        self.fabric.barrier()

    def resume(self, path: Path) -> None:
        """Restores what `save` wrote, if it is there and of the same network, recipe and data."""
        if not path.is_file():
            return
        state = read(path)
        if state.get("digest") != self.digest:
            self.log(f"{self.title}: {path} is of another network, recipe or data; starts anew")
            return
        self.epoch = state["epoch"]
        self.step = self.epoch * self.task.steps
        load_weights(self.network, state["network"])
        self._adam.load_state_dict(state["optimizer"])
        self._scheduler.load_state_dict(state["scheduler"])
        for name, method in self.methods.items():
            method.restore(self.fabric.to_device(state["methods"][name]))
        torch.set_rng_state(state["torch"])
        self.random.bit_generator.state = state["random"]
        end = "; delete it to train again" if self.epoch == self.recipe.epochs else ""
        self.log(f"{self.title}: {path} holds {self.epoch} of {self.recipe.epochs} epochs{end}")


def load_weights(network: nn.Module, state: dict[str, Any]) -> None:
    """Sets all weights; quantizers stay the modules that they are, with the hooks of methods."""
    before, config.REINIT_ON_STATE_DICT_LOAD = config.REINIT_ON_STATE_DICT_LOAD, False
    try:
        network.load_state_dict(state)
    finally:
        config.REINIT_ON_STATE_DICT_LOAD = before


def write(path: Path, state: dict[str, Any]) -> None:
    """Writes tensors and numbers, the whole file or none."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content.write_whole(path, buffer.getvalue())


def read(path: Path) -> dict[str, Any]:
    """What `write` wrote, on the CPU.

    Raises:
        LevadaError: the file is not whole.
    """
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:  # a damaged file can raise nearly anything in there
        raise LevadaError(f"{path}: is not a whole checkpoint ({error!r:.80}); delete it") from error
    if not isinstance(state, dict):
        raise LevadaError(f"{path}: is not a whole checkpoint (it holds no table); delete it")
    return state


def _nowhere(_: str) -> None:
    """The log of all processes but the first."""
