"""The task of finding faces: which anchor answers for which box, the loss, and average precision.

Three quarters of the epochs with a sigmoid at the output, where gradients never vanish; then with the
HardTanh of the accelerator in its place, through which the sigmoid's gradients are passed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from levada.models import Model
from levada.train.recipe import Recipe
from levada.train.task import Batch, Log, Task

from . import host
from .host import ANCHORS, STRIDE, Floats
from .lpyolo import LPYOLO

_RATIO = 4.0  # a box is an anchor's if it is at most so many times larger or smaller, in both directions
_WEIGHTS = {"box": 2.0, "confidence": 1.0, "class": 0.5}
_SOFT_PART = 0.75  # of the epochs


class Pictures(Protocol):
    """Pictures with boxes: WIDER FACE, or generated ones."""

    def __len__(self) -> int:
        """How many there are."""

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], Floats]:
        """A picture, uint8 [3, size, size], and its boxes, float [n, 4], in its pixels."""

    def digest(self) -> str:
        """Changes with the pictures."""


@dataclass(frozen=True)
class Detection(Task):
    """Targets are the boxes of each picture, float [n, 4]; pictures are mirrored, and moved by `shift`."""

    model: Model
    recipe: Recipe
    training: Pictures
    validation: Pictures

    @property
    def steps(self) -> int:
        """Full batches, at least one."""
        return max(1, len(self.training) // self.recipe.batch_size)

    def digest(self) -> str:
        """Of the pictures to train on."""
        return self.training.digest()

    def batches(self, random: np.random.Generator) -> Iterator[Batch]:
        """Shuffled and varied."""
        order = random.permutation(len(self.training))[: self.steps * self.recipe.batch_size]
        for chosen in np.array_split(order, self.steps):
            varied = (_varied(*self.training[int(i)], self.recipe.shift, random) for i in chosen)
            pictures, boxes = zip(*varied, strict=True)
            yield Batch(torch.from_numpy(np.stack(pictures)).float() / 255, list(boxes))

    def loss(self, outputs: Tensor, targets: list[Floats]) -> Tensor:
        """Boxes, confidence and class."""
        return loss(outputs, targets)

    def prepare(self, network: nn.Module, part: float) -> None:
        """A sigmoid first, the accelerator's output later."""
        cast("LPYOLO", network).soft = part < _SOFT_PART

    def finish(self, network: nn.Module) -> None:
        """The accelerator's output."""
        cast("LPYOLO", network).soft = False

    def judge(self, network: nn.Module, file: Path, log: Log) -> None:  # noqa: ARG002
        """Says the average precision on the pictures for validation."""
        found = precision(cast("LPYOLO", network), self.validation)
        log(f"{self.model.name}: average precision {found:.3f} on the pictures for validation")


def precision(network: LPYOLO, data: Pictures, threshold: float = 0.05) -> float:
    """Average precision at an overlap of 0.5 on all of `data`, from 0 to 1."""
    found, truth = [], []
    for index in range(len(data)):
        picture, boxes = data[index]
        with torch.no_grad():
            output = network(torch.from_numpy(picture[None]).float() / 255)[0].numpy()
        found.append(host.detect(output, threshold))
        truth.append(boxes)
    return host.average_precision(found, truth)


def _varied(
    picture: NDArray[np.uint8], boxes: Floats, shift: int, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], Floats]:
    """A picture and its boxes, mirrored and moved at random, black where nothing came from."""
    size = picture.shape[2]
    if rng.random() < 0.5:
        picture = picture[:, :, ::-1]
        boxes = np.stack([size - boxes[:, 2], boxes[:, 1], size - boxes[:, 0], boxes[:, 3]], axis=1)
    down, right = rng.integers(-shift, shift + 1, 2)
    moved = np.zeros_like(picture)
    to = [slice(max(0, step), size + min(0, step)) for step in (down, right)]
    come = [slice(max(0, -step), size + min(0, -step)) for step in (down, right)]
    moved[:, to[0], to[1]] = picture[:, come[0], come[1]]
    boxes = np.clip(boxes + np.array([right, down, right, down]), 0, size)
    return moved, boxes[np.all(boxes[:, 2:] - boxes[:, :2] > 2, axis=1)]


def assign(boxes: Floats, rows: int, columns: int) -> NDArray[np.int64]:
    """Which anchor and cell answer for which box: int [k, 4], a row is (box, anchor, row, column).

    The cell is the one in which the box has its middle; the anchors those of about its size, at least the
    nearest.
    """
    size = boxes[:, 2:] - boxes[:, :2]
    middle = (boxes[:, 2:] + boxes[:, :2]) / 2
    ratio = size[:, None] / ANCHORS
    worst = np.maximum(ratio, 1 / ratio).max(axis=2)
    number, anchor = np.nonzero((worst < _RATIO) | (worst == worst.min(axis=1, keepdims=True)))
    column = np.clip(middle[number, 0] // STRIDE, 0, columns - 1).astype(np.int64)
    row = np.clip(middle[number, 1] // STRIDE, 0, rows - 1).astype(np.int64)
    return np.stack([number, anchor, row, column], axis=1)


def loss(output: Tensor, boxes: list[Floats]) -> Tensor:
    """How far a batch of maps [N, 18, rows, columns] is from the boxes of its pictures, one number."""
    count, _, rows, columns = output.shape
    p = ((output + 1) / 2).reshape(count, len(ANCHORS), host.VALUES, rows, columns)
    p = p.clamp(1e-3, 1 - 1e-3)
    wanted = output.new_zeros(count, len(ANCHORS), rows, columns)
    box_loss = class_loss = output.new_zeros(())
    targets = [(n, *place) for n, own in enumerate(boxes) for place in assign(own, rows, columns).tolist()]
    if targets:
        n, number, anchor, row, column = torch.tensor(targets, device=output.device).T
        chosen = p[n, anchor, :, row, column]
        true = output.new_tensor(np.concatenate(boxes))
        starts = number.new_tensor(np.cumsum([0, *(len(own) for own in boxes)])[:-1])
        box_loss = (
            1 - generalized_overlap(_boxes(chosen, anchor, row, column), true[starts[n] + number])
        ).mean()
        wanted[n, anchor, row, column] = 1.0
        class_loss = -chosen[:, 5].log().mean()
    cross = nn.functional.binary_cross_entropy(p[:, :, 4], wanted, reduction="none")
    # There are far more empty cells than faces: both kinds count the same.
    full, empty = wanted.sum().clamp(min=1), (1 - wanted).sum().clamp(min=1)
    confidence = (cross * wanted).sum() / full + (cross * (1 - wanted)).sum() / empty
    return _WEIGHTS["box"] * box_loss + _WEIGHTS["confidence"] * confidence + _WEIGHTS["class"] * class_loss


def _boxes(p: Tensor, anchor: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """The boxes [k, 4] of outputs [k, 6], as `host.decode` has them."""
    middle = (2 * p[:, :2] - 0.5 + torch.stack([column, row], dim=1)) * STRIDE
    half = 2 * p[:, 2:4] ** 2 * p.new_tensor(ANCHORS)[anchor]
    return torch.cat([middle - half, middle + half], dim=1)


def generalized_overlap(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union of boxes [k, 4] in pairs, less the empty part of the box around both: [k]."""
    common = _area(torch.maximum(first[:, :2], second[:, :2]), torch.minimum(first[:, 2:], second[:, 2:]))
    around = _area(torch.minimum(first[:, :2], second[:, :2]), torch.maximum(first[:, 2:], second[:, 2:]))
    union = _area(first[:, :2], first[:, 2:]) + _area(second[:, :2], second[:, 2:]) - common
    return common / union.clamp(min=1e-6) - (around - union) / around.clamp(min=1e-6)


def _area(start: Tensor, end: Tensor) -> Tensor:
    return (end - start).clamp(min=0).prod(dim=1)
