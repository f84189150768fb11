"""The task of telling classes apart: images of a data set, cross entropy, percent of test images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from levada import content
from levada.errors import LevadaError
from levada.models import Model
from levada.train.publish import as_floats, compare, execute, run_torch
from levada.train.recipe import Recipe
from levada.train.task import Batch, Log, Task

if TYPE_CHECKING:
    import torch

    from models.data import Dataset

_MEASURE_BATCH = 2000  # images at once through a graph whose nodes are run one by one


@dataclass(frozen=True)
class Classification(Task):
    """Targets are class numbers, outputs logits [N, classes]; images move by up to `recipe.shift` pixels."""

    model: Model
    recipe: Recipe
    data: Dataset

    def __post_init__(self) -> None:
        if len(self.data.x_train) < self.recipe.batch_size:
            raise LevadaError(
                f"{self.model.name}: batch_size {self.recipe.batch_size} exceeds the "
                f"{len(self.data.x_train)} training images of {self.data.name}; lower it in recipe.toml"
            )

    @property
    def steps(self) -> int:
        """Full batches only."""
        return len(self.data.x_train) // self.recipe.batch_size

    def digest(self) -> str:
        """Of all images and classes."""
        return content.digest(self.data.x_train.tobytes(), self.data.y_train.tobytes())

    def batches(self, random: np.random.Generator) -> Iterator[Batch]:  # noqa: ARG002
        """Shuffled and moved by torch's random state."""
        import torch

        images, classes = (torch.from_numpy(np.array(a)) for a in (self.data.x_train, self.data.y_train))
        order = torch.randperm(len(images))[: self.steps * self.recipe.batch_size]
        for chosen in torch.split(order, self.recipe.batch_size):
            moved = shifted(images[chosen], self.recipe.shift)
            yield Batch(moved.float() / self.model.divisor, classes[chosen])

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Cross entropy."""
        import torch

        return torch.nn.functional.cross_entropy(outputs, targets)

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
