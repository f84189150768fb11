"""MobileNetV1 at a quarter of its width: the visual wake words network of MLPerf Tiny, person or no person.

A convolution of stride 2, thirteen pairs of a depthwise 3 x 3 and a pointwise convolution, a global average,
and one matrix product, for colour pictures of 96 x 96 pixels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from levada import models

from ..blocks import pictures
from ..blocks.quantizers import classifier, constrain, conv, relu, unsigned

__all__ = ["MobileNetV1", "build", "constrain", "frames", "samples"]

SHAPE = (3, 96, 96)
FIRST = 8
#: Output channels and stride of each pair.
PAIRS = (
    (16, 1),
    (32, 2),
    (32, 1),
    (64, 2),
    (64, 1),
    (128, 2),
    *((128, 1),) * 5,
    (256, 2),
    (256, 1),
)
CLASSES = 2
BORDER_BITS = 8  # of the first layer's weights


def build(variant: str) -> nn.Module:
    """The untrained network of a variant, with weights from torch's random state."""
    bits = models.find(f"mobilenetv1-{variant}").bits
    return MobileNetV1(bits["weight"], bits["activation"])


def samples(variant: str) -> NDArray[np.uint8]:
    """The sample inputs: uint8 [8, 3, 96, 96], the same at each call."""
    return frames(variant, 8, seed=1)


def frames(variant: str, count: int, seed: int) -> NDArray[np.uint8]:  # noqa: ARG001  # one size for all
    """Generated inputs: uint8 [count, 3, 96, 96]."""
    return pictures.draw(count, SHAPE, seed, shapes=12)


class MobileNetV1(nn.Module):
    """Float [N, 3, 96, 96] in 0..1 to logits, float [N, 2]."""

    def __init__(self, weight_bits: int, act_bits: int, divide: int = 1) -> None:
        super().__init__()
        width = FIRST // divide
        layers: list[nn.Module] = [unsigned(8, 1 / 255)]
        layers += [conv(3, width, 3, BORDER_BITS, stride=2, padding=1)]
        layers += [nn.BatchNorm2d(width), relu(act_bits)]
        for channels, stride in PAIRS:
            out = channels // divide
            layers += [conv(width, width, 3, weight_bits, stride=stride, padding=1, groups=width)]
            layers += [nn.BatchNorm2d(width), relu(act_bits)]
            layers += [conv(width, out, 1, weight_bits), nn.BatchNorm2d(out), relu(act_bits)]
            width = out
        layers += [nn.AvgPool2d(3), relu(act_bits, 2.0 ** (1 - act_bits)), nn.Flatten()]
        layers.append(classifier(width, CLASSES, weight_bits))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """All layers in order."""
        logits: Tensor = self.layers(x)
        return logits
