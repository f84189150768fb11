"""Soft targets from a teacher."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import torch

from levada import models
from levada.errors import LevadaError
from levada.train.loop import TRAINED, trained, twin
from levada.train.methods import Method, option
from levada.train.task import family_of

if TYPE_CHECKING:
    from levada.train.run import Run


@dataclasses.dataclass(eq=False)
class Distillation(Method):
    """The network learns what a teacher answers, softened by a temperature, besides the true classes.

    Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015. With logits z of
    the network and v of the teacher [N, classes] and temperature T:

        loss = (1 - weight) * task's loss + weight * T**2 * KL(softmax(v / T) || softmax(z / T))

    The factor T**2 keeps the gradients' size where T changes. The teacher is another model that has been
    trained here (its weights are taken from build/train/), or, where none is named, the network itself in
    full precision, trained first for `epochs` epochs (as many as the network's own, if 0).
    """

    teacher: str = option("")
    temperature: float = option(4.0, 0.1, 1000.0)
    weight: float = option(0.5, 0.0, 1.0)
    epochs: int = option(0, 0)

    def start(self, run: Run) -> None:
        """Reads the teacher, or trains it."""
        if not self.teacher:
            self.network = twin(run, self.epochs or run.recipe.epochs)
            return
        model = models.find(self.teacher)
        path = run.folder.parent / model.name / TRAINED
        if not path.is_file():
            raise LevadaError(
                f"{run.title}: its teacher's weights {path} are missing; "
                f"`levada train {model.name}` makes them"
            )
        self.network = run.fabric.to_device(
            trained(model.name, lambda: family_of(model).build(model.variant), path)
        )

    def loss(self, run: Run, outputs: torch.Tensor, loss: torch.Tensor) -> torch.Tensor:
        """Mixes the two."""
        with torch.no_grad():
            wanted = self.network(run.batch.inputs)
        if outputs.ndim != 2 or wanted.shape != outputs.shape:
            raise LevadaError(
                f"{run.title}: distillation needs logits [N, classes] of network and teacher; they give "
                f"{list(outputs.shape)} and {list(wanted.shape)}; choose another teacher, or leave it out"
            )
        soft = torch.nn.functional.kl_div(
            torch.log_softmax(outputs / self.temperature, dim=1),
            torch.softmax(wanted / self.temperature, dim=1),
            reduction="batchmean",
        )
        return (1 - self.weight) * loss + self.weight * self.temperature**2 * soft
