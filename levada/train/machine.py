"""Where a network is trained: on which kind of device, in how many processes, in how many threads."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from levada.errors import LevadaError, ToolMissingError

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from levada.train.recipe import Recipe


@dataclass(frozen=True)
class Machine:
    """The devices of a training.

    Attributes:
        accelerator: "cpu" or "gpu". Weights are the same byte for byte on CPUs of one kind only.
        processes: how many share each batch; on GPUs each has one of its own.
    """

    accelerator: Literal["cpu", "gpu"] = "cpu"
    processes: int = 1

    def check(self, recipe: Recipe) -> None:
        """Raises LevadaError where a recipe's batches cannot be trained here, before any data is fetched."""
        if importlib.util.find_spec("lightning_fabric") is None:
            raise ToolMissingError(
                "Lightning Fabric is missing, which training needs; `pip install 'levada[train]'` installs it"
            )
        if self.processes < 1 or recipe.batch_size % self.processes:
            raise LevadaError(
                f"batch_size {recipe.batch_size} cannot be shared by {self.processes} processes equally; "
                "choose --processes that divides it"
            )
        if self.accelerator == "gpu":
            _check_gpus(self.processes)

    def fabric(self) -> Fabric:
        """Fabric for these devices; several processes are spawned, and average their gradients."""
        from lightning_fabric import Fabric

        strategy = "auto" if self.processes == 1 else "ddp_spawn"
        return Fabric(accelerator=self.accelerator, devices=self.processes, strategy=strategy)


def _check_gpus(wanted: int) -> None:
    import torch

    count = torch.cuda.device_count()
    if count < wanted:
        raise LevadaError(f"torch sees {count} GPUs, and {wanted} are asked for; use --accelerator cpu")


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """With more threads, float sums and so the weights would depend on the number of cores."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
