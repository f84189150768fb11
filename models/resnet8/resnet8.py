"""ResNet-8, the image classifier of MLPerf Tiny: 32 x 32 colour pictures, ten classes.

A convolution of 16 channels, then three residual stacks of 16, 32 and 64, a global average, and one matrix
product. Both branches of an addition pass through one and the same quantizer, so that the hardware adds
integers of one scale.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from levada import models
from levada.train.task import Shape, Widths

from ..blocks import pictures
from ..blocks.quantizers import classifier, constrain, conv, relu, signed, unsigned
from ..blocks.widths import chosen, shaped

__all__ = ["ResNet8", "build", "constrain", "frames", "samples", "widths_of"]

PICTURE = (3, 32, 32)
#: Channels of the three stacks; the first convolution has those of the first.
SHAPE = (("stack1", 16), ("stack2", 32), ("stack3", 64))
CLASSES = 10


def widths_of(variant: str, shape: Shape = ()) -> Widths:
    """Of the weights of the ten layers, and of the eleven quantizers behind the input's."""
    bits = models.find(f"resnet8-{variant}").bits
    numbers = shaped("resnet8", SHAPE, shape)
    return Widths((bits["weight"],) * 10, (bits["activation"],) * 11, tuple(numbers.items()))


def build(variant: str, widths: Widths | None = None) -> nn.Module:
    """The untrained network of a variant, with weights from torch's random state.

    Args:
        variant: says the widths unless they are given.
        widths: as many as `widths_of` has, weights of 1 to 8 and activations of 2 to 8 bits.

    Raises:
        LevadaError: other widths.
    """
    return ResNet8(chosen("resnet8", functools.partial(widths_of, variant), widths))


def samples(variant: str) -> NDArray[np.uint8]:
    """The sample inputs: uint8 [8, 3, 32, 32], the same at each call."""
    return frames(variant, 8, seed=1)


def frames(variant: str, count: int, seed: int) -> NDArray[np.uint8]:  # noqa: ARG001  # one size for all
    """Generated inputs: uint8 [count, 3, 32, 32]."""
    return pictures.draw(count, PICTURE, seed)


class ResNet8(nn.Module):
    """Float [N, 3, 32, 32] in 0..1 to logits, float [N, 10]."""

    def __init__(self, widths: Widths) -> None:
        super().__init__()
        weights, acts = iter(widths.weights), iter(widths.activations)
        first, second, last = shaped("resnet8", SHAPE, widths.shape).values()
        layers: list[nn.Module] = [
            unsigned(8, 1 / 255),
            conv(PICTURE[0], first, 3, next(weights), padding=1),
            nn.BatchNorm2d(first),
            relu(next(acts)),
        ]
        layers.append(Block(first, first, weights, acts))
        layers.append(Block(first, second, weights, acts, stride=2))
        layers.append(Block(second, last, weights, acts, stride=2))
        bits = next(acts)
        layers += [nn.AvgPool2d(8), relu(bits, 2.0 ** (2 - bits)), nn.Flatten()]
        layers.append(classifier(last, CLASSES, next(weights)))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """All layers in order."""
        logits: Tensor = self.layers(x)
        return logits


class Block(nn.Module):
    """A residual stack: [N, inputs, H, W] to [N, outputs, H / stride, W / stride].

    It takes the next of the widths: of two layers, or of three with a stride, and of three quantizers.
    """

    def __init__(
        self, inputs: int, outputs: int, weights: Iterator[int], acts: Iterator[int], stride: int = 1
    ) -> None:
        super().__init__()
        self.main = nn.Sequential(
            conv(inputs, outputs, 3, next(weights), stride=stride, padding=1),
            nn.BatchNorm2d(outputs),
            relu(next(acts)),
            conv(outputs, outputs, 3, next(weights), padding=1),
            nn.BatchNorm2d(outputs),
        )
        self.side = (
            nn.Identity()
            if stride == 1
            else nn.Sequential(
                conv(inputs, outputs, 1, next(weights), stride=stride), nn.BatchNorm2d(outputs)
            )
        )
        # Up to nearly 4 on both sides, as the quantizers behind batch normalisation; see blocks.quantizers.
        shared, out = next(acts), next(acts)
        self.shared = signed(shared, min(1.0, 2.0 ** (3 - shared)))
        self.out = relu(out, min(1.0, 2.0 ** (3 - out)))

    def forward(self, x: Tensor) -> Tensor:
        """Adds the two branches after one quantizer has brought both to its integers."""
        result: Tensor = self.out(self.shared(self.main(x)) + self.shared(self.side(x)))
        return result
