"""ResNet-8, the image classifier of MLPerf Tiny: 32 x 32 colour pictures, ten classes.

A convolution of 16 channels, then three residual stacks of 16, 32 and 64, a global average, and one matrix
product. Both branches of an addition pass through one and the same quantizer, so that the hardware adds
integers of one scale.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from levada import models

from ..blocks import pictures
from ..blocks.quantizers import classifier, constrain, conv, relu, signed, unsigned

__all__ = ["ResNet8", "build", "constrain", "frames", "samples"]

SHAPE = (3, 32, 32)
WIDTHS = (16, 32, 64)
CLASSES = 10


def build(variant: str) -> nn.Module:
    """The untrained network of a variant, with weights from torch's random state."""
    bits = models.find(f"resnet8-{variant}").bits
    return ResNet8(bits["weight"], bits["activation"])


def samples(variant: str) -> NDArray[np.uint8]:
    """The sample inputs: uint8 [8, 3, 32, 32], the same at each call."""
    return frames(variant, 8, seed=1)


def frames(variant: str, count: int, seed: int) -> NDArray[np.uint8]:  # noqa: ARG001  # one size for all
    """Generated inputs: uint8 [count, 3, 32, 32]."""
    return pictures.draw(count, SHAPE, seed)


class ResNet8(nn.Module):
    """Float [N, 3, 32, 32] in 0..1 to logits, float [N, 10]."""

    def __init__(self, weight_bits: int, act_bits: int, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        first = widths[0]
        layers: list[nn.Module] = [
            unsigned(8, 1 / 255),
            conv(SHAPE[0], first, 3, weight_bits, padding=1),
            nn.BatchNorm2d(first),
            relu(act_bits),
        ]
        for inputs, outputs in zip((first, *widths), widths, strict=False):
            layers.append(Block(inputs, outputs, weight_bits, act_bits))
        width = widths[-1]
        layers += [nn.AvgPool2d(8), relu(act_bits, 2.0 ** (2 - act_bits)), nn.Flatten()]
        layers.append(classifier(width, CLASSES, weight_bits))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """All layers in order."""
        logits: Tensor = self.layers(x)
        return logits


class Block(nn.Module):
    """A residual stack: [N, inputs, H, W] to [N, outputs, H', W'], half the size where the channels grow."""

    def __init__(self, inputs: int, outputs: int, weight_bits: int, act_bits: int) -> None:
        super().__init__()
        stride = 1 if inputs == outputs else 2
        self.main = nn.Sequential(
            conv(inputs, outputs, 3, weight_bits, stride=stride, padding=1),
            nn.BatchNorm2d(outputs),
            relu(act_bits),
            conv(outputs, outputs, 3, weight_bits, padding=1),
            nn.BatchNorm2d(outputs),
        )
        self.side = (
            nn.Identity()
            if inputs == outputs
            else nn.Sequential(conv(inputs, outputs, 1, weight_bits, stride=stride), nn.BatchNorm2d(outputs))
        )
        # Up to nearly 4 on both sides, as the quantizers behind batch normalisation; see blocks.quantizers.
        self.shared = signed(act_bits, min(1.0, 2.0 ** (3 - act_bits)))
        self.out = relu(act_bits, min(1.0, 2.0 ** (3 - act_bits)))

    def forward(self, x: Tensor) -> Tensor:
        """Adds the two branches after one quantizer has brought both to its integers."""
        result: Tensor = self.out(self.shared(self.main(x)) + self.shared(self.side(x)))
        return result
