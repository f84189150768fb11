"""Trains super-resolution networks on patches of photographs; measures them against bicubic enlargement."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from levada import models
from levada.models import Model

from . import photographs
from .photographs import Picture

PATCH = 32  # pixels a side, of the small picture
#: Finer than any sum of products here; half of it keeps sums off the boundaries between two integers.
_LATTICE = 2.0**-18

Pairs = list[tuple[Picture, Picture]]


def train(
    model: Model,
    build: Callable[[str], nn.Module],
    factor: int,
    *,
    colour: bool,
    log: Callable[[str], None],
) -> nn.Module:
    """Adam on the mean absolute error, by the family's recipe.toml: `epochs` of 100 batches.

    Returns:
        The trained network in evaluation mode; the log says its PSNR on photographs that it was not trained
        on.
    """
    recipe = models.find_recipe(model)
    data = pairs(photographs.TRAIN, factor, colour=colour)
    rng = np.random.default_rng(recipe.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network = build(model.variant).train()
        optimizer = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate)
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 100 * recipe.epochs)
        for epoch in range(recipe.epochs):
            total = 0.0
            for _ in range(100):
                small, large = batch(data, recipe.batch_size, factor, rng)
                loss = nn.functional.l1_loss(network(small), large)
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                scheduler.step()
                total += loss.item()
            if (epoch + 1) % 10 == 0:
                log(f"{model.name}: epoch {epoch + 1} of {recipe.epochs}, loss {total / 100:.5f}")
    settle(network.eval())
    for name, (bicubic, ours) in measure(network, factor, colour=colour).items():
        log(f"{model.name}: {name}: {ours:.2f} dB, bicubic {bicubic:.2f} dB")
    return network


def pairs(names: tuple[str, ...], factor: int, *, colour: bool) -> Pairs:
    """Each photograph small and large: uint8 [C, H, W] and [C, factor * H, factor * W]."""
    found = []
    for picture in photographs.load(names).values():
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
    names = list(photographs.load(photographs.TEST))
    data = pairs(photographs.TEST, factor, colour=colour)
    for name, (small, large) in zip(names, data, strict=True):
        bicubic = photographs.resize(small, *large.shape[1:])
        found[name] = (
            photographs.psnr(bicubic, large, factor),
            photographs.psnr(enlarge(network, small), large, factor),
        )
    return found


def enlarge(network: nn.Module, small: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What the network makes of a whole picture: uint8 [C, H, W] to [C, factor * H, factor * W]."""
    with torch.no_grad():
        large = network(torch.from_numpy(small[None]).float() / 256)[0] * 256
    result: NDArray[np.uint8] = np.rint(large.numpy()).astype(np.uint8)
    return result
