"""The autoencoder of MLPerf Tiny: 640-128-128-128-128-8-128-128-128-128-640, fully connected.

Its input is five frames of 128 spectral energies of a machine's sound; what it cannot reproduce is an
anomaly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from levada import models
from levada.models import Model
from levada.train.recipe import Recipe
from levada.train.task import Task

from ..blocks.quantizers import constrain, linear, relu, signed

__all__ = ["Autoencoder", "build", "constrain", "frames", "samples", "task"]

INPUTS = 640
HIDDEN = (128, 128, 128, 128, 8, 128, 128, 128, 128)
BORDER_BITS = 8  # of the first and last layer's weights


def build(variant: str) -> nn.Module:
    """The untrained network of a variant, with weights from torch's random state."""
    bits = models.find(f"autoencoder-{variant}").bits
    return Autoencoder(bits["weight"], bits["activation"])


def samples(variant: str) -> NDArray[np.int8]:
    """The sample inputs: int8 [8, 640], the same at each call."""
    return frames(variant, 8, seed=1)


def frames(variant: str, count: int, seed: int) -> NDArray[np.int8]:  # noqa: ARG001  # one size for all
    """Generated spectra, five alike in a row, with peaks at the multiples of a pitch: int8 [count, 640]."""
    rng = np.random.default_rng(seed)
    bands = np.arange(128)
    pitch = rng.uniform(6, 30, (count, 1, 1))
    peaks = np.cos(2 * np.pi * bands / pitch) * rng.uniform(10, 40, (count, 1, 1))
    level = rng.uniform(-40, 40, (count, 1, 1)) - rng.uniform(0, 0.5, (count, 1, 1)) * bands
    spectra = peaks + level + rng.normal(0, 6, (count, 5, 128))
    found: NDArray[np.int8] = np.clip(np.rint(spectra), -127, 127).astype(np.int8)
    return found.reshape(count, INPUTS)


def task(model: Model, recipe: Recipe) -> Task:
    """Trained on the sounds of ToyADMOS; see anomalies.py."""
    from ..data import toyadmos
    from .anomalies import Anomalies

    return Anomalies(model, recipe, toyadmos.load())


class Autoencoder(nn.Module):
    """Float [N, 640] in -1..1 to float [N, 640], the input reproduced."""

    def __init__(self, weight_bits: int, act_bits: int, hidden: tuple[int, ...] = HIDDEN) -> None:
        super().__init__()
        layers: list[nn.Module] = [signed(8, 1 / 128)]
        width = INPUTS
        for number, outputs in enumerate(hidden):
            bits = BORDER_BITS if number == 0 else weight_bits
            layers += [linear(width, outputs, bits), nn.BatchNorm1d(outputs), relu(act_bits)]
            width = outputs
        layers.append(linear(width, INPUTS, BORDER_BITS, per_channel=False, bias=True))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """All layers in order."""
        result: Tensor = self.layers(x)
        return result
