"""Methods of training quantized networks, one file each: off unless a recipe names the file in a [[method]].

A file has one class that derives from `Method` and overrides some of its hooks. It is a dataclass; its fields
are the options that a recipe may set, each with a default and bounds by `option`. That registers it.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, ClassVar

from levada.plugins import Plugins

if TYPE_CHECKING:
    import torch

    from levada.train.recipe import MethodSpec
    from levada.train.run import Run

_plugins: Plugins[Method] = Plugins(__name__)


@dataclasses.dataclass(eq=False)
class Method:
    """What a method may do, at which moment of a run; all of it is nothing unless overridden.

    Hooks of several methods are called in the order of the recipe. Tensors that have to survive an
    interruption go through `state` and `restore`.
    """

    #: Methods that make no sense together with this one.
    excludes: ClassVar[frozenset[str]] = frozenset()
    #: Whether `finish` comes after that of all others.
    last: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        _plugins.add(cls)

    def start(self, run: Run) -> None:
        """The network is built and on its device; also called where a run resumes, before `restore`."""

    def parameters(self) -> list[torch.nn.Parameter]:
        """What is learned beside the network's own; asked once, after `start`."""
        return []

    def epoch_start(self, run: Run) -> None:
        """Before the first step of each epoch."""

    def loss(self, run: Run, outputs: torch.Tensor, loss: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """The loss for `outputs` of `run.batch`, of which `loss` is what came so far."""
        return loss

    def before_step(self, run: Run) -> None:
        """Gradients are there, the optimizer has not used them."""

    def after_step(self, run: Run) -> None:
        """Weights have moved, within the family's bounds; `run.step` counts this step."""

    def finish(self, run: Run) -> None:
        """After the last step; whatever was hooked into the network leaves it here."""

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps: tensors and numbers."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes what `state` gave, on the run's device."""


def option(default: float | str, least: float = -math.inf, most: float = math.inf) -> Any:  # noqa: ANN401
    """A field of a method: its default, which gives the type, too, and the bounds of a number."""
    return dataclasses.field(default=default, metadata={"least": least, "most": most})


def names() -> list[str]:
    """All methods, sorted."""
    return _plugins.names()


def find(name: str) -> type[Method]:
    """The class in the file `name`, one of `names()`."""
    return _plugins.find(name)


def create(spec: MethodSpec) -> Method:
    """The method of a recipe, with its options."""
    return find(spec.name)(**dict(spec.options))
