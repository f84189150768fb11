"""DS-CNN, the keyword spotter of MLPerf Tiny: 49 frames of 10 spectral coefficients, twelve words.

A convolution of 10 x 4 with stride 2, then four pairs of a depthwise 3 x 3 and a pointwise convolution of 64
channels, a global average, and one matrix product.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from levada import models

from ..blocks.quantizers import classifier, constrain, conv, relu, signed

__all__ = ["DSCNN", "build", "constrain", "frames", "samples"]

SHAPE = (1, 49, 10)
WIDTH = 64
PAIRS = 4
CLASSES = 12


def build(variant: str) -> nn.Module:
    """The untrained network of a variant, with weights from torch's random state."""
    bits = models.find(f"dscnn-{variant}").bits
    return DSCNN(bits["weight"], bits["activation"])


def samples(variant: str) -> NDArray[np.int8]:
    """The sample inputs: int8 [8, 1, 49, 10], the same at each call."""
    return frames(variant, 8, seed=1)


def frames(variant: str, count: int, seed: int) -> NDArray[np.int8]:  # noqa: ARG001  # one size for all
    """Generated inputs, smooth in time and falling off with the coefficient: int8 [count, 1, 49, 10]."""
    rng = np.random.default_rng(seed)
    _, times, coefficients = SHAPE
    walk = np.cumsum(rng.normal(0, 12, (count, 1, times, coefficients)), axis=2)
    walk -= walk.mean(axis=2, keepdims=True)
    noise = rng.normal(0, 10, walk.shape)
    smooth = (walk + noise) / np.sqrt(1 + np.arange(coefficients))
    found: NDArray[np.int8] = np.clip(np.rint(smooth), -127, 127).astype(np.int8)
    return found


class DSCNN(nn.Module):
    """Float [N, 1, 49, 10] in -1..1 to logits, float [N, 12]."""

    def __init__(self, weight_bits: int, act_bits: int, width: int = WIDTH) -> None:
        super().__init__()
        layers: list[nn.Module] = [signed(8, 1 / 128)]
        # 25 x 5 places, as "same" padding gives: 4 or 5 rows above and below, 1 column on each side.
        layers += [conv(1, width, (10, 4), weight_bits, stride=2, padding=(5, 1))]
        layers += [nn.BatchNorm2d(width), relu(act_bits)]
        for _ in range(PAIRS):
            layers += [conv(width, width, 3, weight_bits, padding=1, groups=width)]
            layers += [nn.BatchNorm2d(width), relu(act_bits)]
            layers += [conv(width, width, 1, weight_bits), nn.BatchNorm2d(width), relu(act_bits)]
        layers += [nn.AvgPool2d((25, 5)), relu(act_bits, 2.0 ** (1 - act_bits)), nn.Flatten()]
        layers.append(classifier(width, CLASSES, weight_bits))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """All layers in order."""
        logits: Tensor = self.layers(x)
        return logits
