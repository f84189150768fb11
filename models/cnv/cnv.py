"""CNV, the convolutional network of BNN-PYNQ, for 32 x 32 colour pictures of ten classes.

Convolutions of 3 x 3 without padding, 64-64-pool-128-128-pool-256-256, then fully connected 512-512-10. All
quantizers but the input's have scale 1; the input's has 1/128: sums are exact in float32.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from levada import models

from ..blocks import pictures
from ..blocks.quantizers import classifier, constrain, conv, linear, signed

__all__ = ["CNV", "build", "constrain", "frames", "samples"]

SHAPE = (3, 32, 32)
CHANNELS = ((64, 64), (128, 128), (256, 256))  # a 2 x 2 max pool behind each pair but the last
HIDDEN = (512, 512)
CLASSES = 10
INPUT_BITS = 8


def build(variant: str) -> nn.Module:
    """The untrained network of a variant, with weights from torch's random state."""
    bits = models.find(f"cnv-{variant}").bits
    return CNV(bits["weight"], bits["activation"])


def samples(variant: str) -> NDArray[np.uint8]:
    """The sample inputs: uint8 [8, 3, 32, 32], the same at each call."""
    return frames(variant, 8, seed=1)


def frames(variant: str, count: int, seed: int) -> NDArray[np.uint8]:  # noqa: ARG001  # one size for all
    """Generated inputs: uint8 [count, 3, 32, 32]."""
    return pictures.draw(count, SHAPE, seed)


class CNV(nn.Module):
    """Float [N, 3, 32, 32] in 0..1 to logits, float [N, 10]; `divide` makes a narrower network for tests."""

    def __init__(self, weight_bits: int, act_bits: int, divide: int = 1) -> None:
        super().__init__()
        layers: list[nn.Module] = [signed(INPUT_BITS, 2.0 ** (1 - INPUT_BITS))]
        width = SHAPE[0]
        for number, pair in enumerate(CHANNELS):
            for channels in pair:
                out = channels // divide
                layers += [conv(width, out, 3, weight_bits), nn.BatchNorm2d(out), signed(act_bits, 1.0)]
                width = out
            if number < len(CHANNELS) - 1:
                layers.append(nn.MaxPool2d(2))
        layers.append(nn.Flatten())
        for hidden in HIDDEN:
            out = hidden // divide
            layers += [linear(width, out, weight_bits), nn.BatchNorm1d(out), signed(act_bits, 1.0)]
            width = out
        layers.append(classifier(width, CLASSES, weight_bits))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Moves 0..1 to -1..1, where the input is quantized."""
        logits: Tensor = self.layers(2.0 * x - 1.0)
        return logits
