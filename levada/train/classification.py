"""The task of telling classes apart: images of a data set, cross entropy, percent of test images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from levada import content
from levada.errors import LevadaError
from levada.models import Model
from levada.train.publish import as_floats, compare, execute, run_torch
from levada.train.recipe import Recipe
from levada.train.task import Batch, Log, Score, Task

if TYPE_CHECKING:
    import torch

    from models.data import Dataset

_KEPT = 5000  # images for validation, at most
_SCORE_BATCH = 500  # images at once through a network of torch
_MEASURE_BATCH = 2000  # images at once through a graph whose nodes are run one by one


@dataclass(frozen=True)
class Classification(Task):
    """Targets are class numbers, outputs logits [N, classes]; images move by up to `recipe.shift` pixels.

    Attributes:
        model: what is trained.
        recipe: how.
        data: the images.
        validation: how many of the training images, the last ones, are kept from training for `score`.
    """

    model: Model
    recipe: Recipe
    data: Dataset
    validation: int = 0

    unit = "%"

    def __post_init__(self) -> None:
        available = len(self.data.x_train)
        if not 0 <= self.validation < available:
            raise LevadaError(
                f"{self.model.name}: validation is {self.validation}; keep 0 to {available - 1} of the "
                f"{available} training images of {self.data.name}"
            )
        if self._count < self.recipe.batch_size:
            raise LevadaError(
                f"{self.model.name}: batch_size {self.recipe.batch_size} exceeds the "
                f"{self._count} training images of {self.data.name}; lower it in recipe.toml"
            )

    @property
    def _count(self) -> int:
        """Images to train on."""
        return len(self.data.x_train) - self.validation

    @property
    def steps(self) -> int:
        """Full batches only."""
        return self._count // self.recipe.batch_size

    def digest(self) -> str:
        """Of all images and classes, and of how many are kept from training."""
        kept = [str(self.validation)] if self.validation else []
        return content.digest(self.data.x_train.tobytes(), self.data.y_train.tobytes(), *kept)

    def batches(self, random: np.random.Generator) -> Iterator[Batch]:  # noqa: ARG002
        """Shuffled and moved by torch's random state."""
        import torch

        order = torch.randperm(self._count)[: self.steps * self.recipe.batch_size].numpy()
        for chosen in np.split(order, self.steps):
            # What is mapped from a file stays there, but for these.
            images, classes = (torch.from_numpy(a[chosen]) for a in (self.data.x_train, self.data.y_train))
            moved = shifted(images, self.recipe.shift)
            yield Batch(moved.float() / self.model.divisor, classes)

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Cross entropy."""
        import torch

        return torch.nn.functional.cross_entropy(outputs, targets)

    def kept_apart(self) -> Classification:
        """With the last tenth of the training images for validation, 5,000 at most."""
        kept = self.validation or min(_KEPT, len(self.data.x_train) // 10)
        return replace(self, validation=kept)

    def score(self, network: torch.nn.Module, count: int | None = None) -> Score:
        """Percent of the images for validation that are classified rightly, and their cross entropy."""
        if not self.validation:
            raise LevadaError(
                f"{self.model.name}: keeps none of the training images of {self.data.name} for validation; "
                "set `validation` of the task to their number"
            )
        import torch

        kept = slice(self._count, None if count is None else self._count + count)
        images = as_floats(self.model, self.data.x_train[kept])
        with torch.no_grad():
            parts = torch.split(torch.from_numpy(images), _SCORE_BATCH)
            logits = torch.cat([network(part) for part in parts])
        classes = torch.from_numpy(np.array(self.data.y_train[kept]))
        right = 100 * float((logits.argmax(dim=1) == classes).double().mean())
        return Score(right, float(self.loss(logits, classes)))

    def tested(self, file: Path) -> float:
        """Of the test images."""
        return measure(file, self.model, self.data)[0]

    def judge(self, network: torch.nn.Module, file: Path, log: Log) -> float:
        """Compares the file with torch on all test images, too."""
        accuracy, logits = measure(file, self.model, self.data)
        compare(self.model, run_torch(network, as_floats(self.model, self.data.x_test))[0], logits)
        log(
            f"{self.model.name}: {accuracy:.2f} % of {len(self.data.x_test):,} test images of "
            f"{self.data.name}"
        )
        if self.model.accuracy != round(accuracy, 2):
            log(f"{self.model.name}: model.toml says accuracy = {self.model.accuracy}; write {accuracy:.2f}")
        return accuracy


def measure(path: Path, model: Model, data: Dataset) -> tuple[float, NDArray[np.float32]]:
    """Runs a QONNX file on the test images of `data`.

    Returns:
        Percent classified rightly, and the logits: float32 [N, classes].
    """
    batches = np.array_split(data.x_test, max(1, len(data.x_test) // _MEASURE_BATCH))
    logits = np.concatenate([execute(path, as_floats(model, batch)) for batch in batches])
    right = int(np.sum(logits.argmax(axis=1) == data.y_test))
    return 100 * right / len(data.y_test), logits


def shifted(images: torch.Tensor, reach: int) -> torch.Tensor:
    """A batch [N, C, H, W], moved image by image by up to `reach` pixels, filled with 0."""
    import torch

    if reach == 0:
        return images
    height, width = images.shape[-2:]
    padded = torch.nn.functional.pad(images, (reach, reach, reach, reach))
    down = torch.randint(0, 2 * reach + 1, (len(images), 1, 1, 1)) + torch.arange(height)[:, None]
    right = torch.randint(0, 2 * reach + 1, (len(images), 1, 1, 1)) + torch.arange(width)
    number = torch.arange(len(images))[:, None, None, None]
    channel = torch.arange(images.shape[1])[:, None, None]
    return padded[number, channel, down, right]
