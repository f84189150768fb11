"""The task of enlarging pictures: patches of photographs, mean absolute error, PSNR against bicubic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from levada import content
from levada.models import Model
from levada.train.recipe import Recipe
from levada.train.task import Batch, Log, Score, Task

from ..data import div2k
from . import photographs
from .photographs import Picture

PATCH = 32  # pixels a side, of the small picture
KEPT = 256  # patches for validation
STEPS = 100  # batches that count as an epoch
#: Finer than any sum of products here; half of it keeps sums off the boundaries between two integers.
_LATTICE = 2.0**-18

Pairs = list[tuple[Picture, Picture]]


@dataclass(frozen=True)
class Upscaling(Task):
    """Targets are patches of photographs [N, C, factor * H, factor * W], in colour or of their brightness.

    A recipe's `data` is one of `photographs.DATASETS`; those of other packages are taken where it has none.
    """

    model: Model
    recipe: Recipe
    factor: int
    colour: bool

    unit = "dB"

    @cached_property
    def pairs(self) -> Pairs:
        """The photographs to train on."""
        shipped = self.recipe.data is None
        pictures = photographs.load(photographs.TRAIN).values() if shipped else div2k.load().train
        return pairs(pictures, self.factor, colour=self.colour)

    @cached_property
    def kept(self) -> Batch:
        """Patches of other photographs, for validation, always the same."""
        shipped = self.recipe.data is None
        pictures = photographs.load(photographs.VALIDATION).values() if shipped else div2k.load().validation
        data = pairs(pictures, self.factor, colour=self.colour)
        return Batch(*batch(data, KEPT, self.factor, np.random.default_rng(0)))

    @property
    def steps(self) -> int:
        """Batches are drawn at random: there is no last one."""
        return STEPS

    def digest(self) -> str:
        """Of all pixels."""
        return content.digest(*(picture.tobytes() for pair in self.pairs for picture in pair))

    def batches(self, random: np.random.Generator) -> Iterator[Batch]:
        """Random patches."""
        for _ in range(STEPS):
            yield Batch(*batch(self.pairs, self.recipe.batch_size, self.factor, random))

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean absolute error."""
        return nn.functional.l1_loss(outputs, targets)

    def finish(self, network: nn.Module) -> None:
        """Makes all sums exact."""
        settle(network)

    def score(self, network: nn.Module, count: int | None = None) -> Score:
        """PSNR of brightness over all patches for validation, without their borders, and their mean error.

        The squared errors of all patches are averaged: a patch of one colour alone would have no bounds.
        """
        small, large = (patches[:count] for patches in self.kept)
        with torch.no_grad():
            made = torch.cat([network(part) for part in small.split(self.recipe.batch_size)])
        quality = photographs.psnr(as_bytes(made), as_bytes(large), self.factor)
        return Score(quality, float(self.loss(made, large)))

    def judge(self, network: nn.Module, file: Path, log: Log) -> None:  # noqa: ARG002
        """Says the PSNR on photographs that the network was not trained on."""
        for name, (bicubic, ours) in measure(network, self.factor, colour=self.colour).items():
            log(f"{self.model.name}: {name}: {ours:.2f} dB, bicubic {bicubic:.2f} dB")


def pairs(pictures: Iterable[Picture], factor: int, *, colour: bool) -> Pairs:
    """Each photograph small and large: uint8 [C, H, W] and [C, factor * H, factor * W]."""
    found = []
    for picture in pictures:
        planes = photographs.as_planes(picture, colour=colour)
        height, width = (size // factor for size in planes.shape[1:])
        large = planes[:, : height * factor, : width * factor]
        found.append((photographs.resize(large, height, width), large))
    return found


def batch(data: Pairs, count: int, factor: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Random patches, mirrored and turned, divided by 256: [count, C, 32, 32] and the large ones."""
    small: list[Picture] = []
    large: list[Picture] = []
    for _ in range(count):
        before, after = data[rng.integers(len(data))]
        top, left = (rng.integers(0, size - PATCH + 1) for size in before.shape[1:])
        turns, mirror = int(rng.integers(4)), int(rng.integers(2))
        for picture, step, found in ((before, 1, small), (after, factor, large)):
            cut = picture[:, top * step : (top + PATCH) * step, left * step : (left + PATCH) * step]
            turned = np.rot90(cut, turns, (1, 2))
            found.append(turned[:, :, ::-1] if mirror else turned)
    one, two = (torch.from_numpy(np.stack(found)).float() / 256 for found in (small, large))
    return one, two


def settle(network: nn.Module) -> None:
    """Rounds the offsets of convolutions: all sums are exact in float32, and none lies on a boundary."""
    for module in network.modules():
        bias = getattr(module, "bias", None)
        if isinstance(module, nn.Conv2d) and bias is not None:
            bias.data = (bias.data / _LATTICE).round() * _LATTICE + _LATTICE / 2


def measure(network: nn.Module, factor: int, *, colour: bool) -> dict[str, tuple[float, float]]:
    """PSNR of bicubic enlargement and of the network, in dB, for each photograph kept for testing."""
    found = {}
    pictures = photographs.load(photographs.TEST)
    data = pairs(pictures.values(), factor, colour=colour)
    for name, (small, large) in zip(pictures, data, strict=True):
        bicubic = photographs.resize(small, *large.shape[1:])
        found[name] = (
            photographs.psnr(bicubic, large, factor),
            photographs.psnr(enlarge(network, small), large, factor),
        )
    return found


def enlarge(network: nn.Module, small: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What the network makes of a whole picture: uint8 [C, H, W] to [C, factor * H, factor * W]."""
    with torch.no_grad():
        return as_bytes(network(torch.from_numpy(small[None]).float() / 256)[0])


def as_bytes(values: Tensor) -> NDArray[np.uint8]:
    """What a network gives, as pixels: uint8 of the same shape."""
    result: NDArray[np.uint8] = np.rint(values.numpy() * 256).astype(np.uint8)
    return result
