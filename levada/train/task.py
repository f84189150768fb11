"""What is trained: a family builds networks, a task has the data, the loss and the metric."""

from __future__ import annotations

import abc
import importlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from levada.errors import LevadaError
from levada.models import Model

if TYPE_CHECKING:
    import torch

Log = Callable[[str], None]


#: Numbers that say how large a network is, such as channels of a layer or how many layers there are, by name.
Shape = tuple[tuple[str, int], ...]


class Widths(NamedTuple):
    """Bits of each layer of a network that may have a width of its own, and how large the network is.

    Attributes:
        weights: of the weights of each such layer, in the order in which they are executed.
        activations: of each such quantizer of activations, in that order.
        shape: all numbers of the family, always in the same order.
    """

    weights: tuple[int, ...]
    activations: tuple[int, ...]
    shape: Shape = ()


class Family(Protocol):
    """What a family's module offers."""

    def build(self, variant: str) -> torch.nn.Module:
        """The untrained network: float input [N, ...] to one tensor or several."""

    def constrain(self, network: torch.nn.Module) -> None:
        """Called after each optimizer step, to keep weights within bounds."""

    def samples(self, variant: str) -> NDArray[np.integer[Any]]:
        """A few inputs [N, ...], as integers of the model's input type."""


class WideFamily(Family, Protocol):
    """A family whose layers may have widths of their own.

    Modules of a network with fewer layers have the names that they have in one with more, and its channels
    are the first ones of a network with more, so that the small network can have weights of the large one.
    """

    def widths_of(self, variant: str, shape: Shape = ()) -> Widths:
        """What a variant has unless others are given; with some numbers of its shape, those that it has then.

        LevadaError where a number is none of the family's.
        """

    def build(self, variant: str, widths: Widths | None = None) -> torch.nn.Module:
        """The untrained network with these widths, or those of the variant.

        LevadaError where it cannot have them, or they are not as many as its own of the same shape.
        """


class Batch(NamedTuple):
    """One step's examples.

    Attributes:
        inputs: float [N, ...], as the network takes them.
        targets: N of them, a tensor or a list; the task's loss knows what they mean.
    """

    inputs: torch.Tensor
    targets: Any


@dataclass(frozen=True)
class Score:
    """How good a network is on examples that are neither trained on nor tested with.

    Attributes:
        quality: in the task's unit; larger is better.
        loss: the task's loss, a mean of all examples; smaller is better.
    """

    quality: float
    loss: float


class Task(abc.ABC):
    """The data, the loss and the metric of a training; sent as a whole to each process that trains.

    Attributes:
        unit: of `Score.quality`, as it stands behind a number: "%", "dB".
    """

    unit: str = ""

    @property
    @abc.abstractmethod
    def steps(self) -> int:
        """Batches an epoch."""

    @abc.abstractmethod
    def digest(self) -> str:
        """Changes with the data: a checkpoint is of no use for others."""

    @abc.abstractmethod
    def batches(self, random: np.random.Generator) -> Iterator[Batch]:
        """The batches of an epoch, on the CPU; chance comes from `random` and torch's state alone."""

    @abc.abstractmethod
    def loss(self, outputs: torch.Tensor, targets: Any) -> torch.Tensor:  # noqa: ANN401  # as Batch has them
        """One number, for what the network gives for a batch; on the device of `outputs`."""

    @abc.abstractmethod
    def judge(self, network: torch.nn.Module, file: Path, log: Log) -> float | None:
        """Measures the trained network, exported to `file`; the log says the result.

        Returns:
            Percent classified rightly by the file; None for what is no classifier.
        """

    def tested(self, file: Path) -> float | None:  # noqa: ARG002
        """Percent of the examples for testing that an exported file classifies rightly; None for others."""
        return None

    def kept_apart(self) -> Task:
        """The same task with examples for `score` that `batches` leaves out; itself where it has some."""
        return self

    def score(self, network: torch.nn.Module, count: int | None = None) -> Score:  # noqa: ARG002
        """Measures a network on the examples for validation, to compare networks while one is looked for.

        Args:
            network: on the CPU and in evaluation mode; no gradients are taken.
            count: how many of the examples, the first ones; all of them unless given.

        Raises:
            LevadaError: the task keeps no such examples.
        """
        raise LevadaError(
            f"{type(self).__name__}: keeps no examples for validation, so its networks cannot be compared "
            "without its test set; give it a method `score`"
        )

    def prepare(self, network: torch.nn.Module, part: float) -> None:  # noqa: B027  # most have nothing to do
        """Called before each epoch, with the part of the training that is done: from 0 to below 1."""

    def finish(self, network: torch.nn.Module) -> None:  # noqa: B027
        """Called once at the end, before the network is exported."""


def family_of(model: Model) -> Family:
    """The module that builds the networks of a model's family."""
    return cast("Family", importlib.import_module(f"levada.models.{model.family}.{model.family}"))


def wide_family_of(model: Model) -> WideFamily:
    """The same, of a family whose layers may have widths of their own.

    Raises:
        LevadaError: they may not.
    """
    family = family_of(model)
    if not hasattr(family, "widths_of"):
        raise LevadaError(
            f"{model.name}: the family {model.family} has no widths to choose; give its module "
            "widths_of(variant) and build(variant, widths)"
        )
    return cast("WideFamily", family)


def to_stderr(line: str) -> None:
    """The log of a command."""
    sys.stderr.write(f"{line}\n")
