"""A small convolutional network for MNIST: three convolutions and two matrix products.

    28 x 28 -> 3x3, 8 channels -> pool -> 3x3, 16 -> pool -> 3x3 of every second pixel, 16 -> 32 -> 10

Each layer may have its own widths, and the first four other numbers of channels. Scales are powers of two, so
that sums are exact in float32.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from levada import models
from levada.train.task import Shape, Widths

from ..blocks.quantizers import classifier, constrain, conv, linear, relu, unsigned
from ..blocks.widths import chosen, shaped
from ..tfc import strokes

__all__ = ["LAYERS", "Digits", "build", "constrain", "frames", "samples", "widths_of"]

#: Channels of the layers before the last one.
SHAPE = (("conv1", 8), ("conv2", 16), ("conv3", 16), ("hidden", 32))
CLASSES = 10
LAYERS = len(SHAPE) + 1


def widths_of(variant: str, shape: Shape = ()) -> Widths:
    """Of the weights of the five layers, and of the activations that each of them reads."""
    bits = models.find(f"digits-{variant}").bits
    numbers = shaped("digits", SHAPE, shape)
    return Widths((bits["weight"],) * LAYERS, (bits["activation"],) * LAYERS, tuple(numbers.items()))


def build(variant: str, widths: Widths | None = None) -> nn.Module:
    """The untrained network of a variant, with weights from torch's random state.

    Args:
        variant: says the widths unless they are given.
        widths: as many as `widths_of` has, weights of 1 to 8 and activations of 2 to 8 bits.

    Raises:
        LevadaError: other widths.
    """
    return Digits(chosen("digits", functools.partial(widths_of, variant), widths))


def samples(variant: str) -> NDArray[np.uint8]:
    """The sample inputs: uint8 [16, 1, 28, 28], the same at each call."""
    return frames(variant, 16, seed=1)


def frames(variant: str, count: int, seed: int) -> NDArray[np.uint8]:  # noqa: ARG001  # one size for all
    """Generated inputs: uint8 [count, 1, 28, 28]."""
    return strokes.draw(count, seed)


class Digits(nn.Module):
    """Float [N, 1, 28, 28] in 0..1 to logits, float [N, 10]."""

    def __init__(self, widths: Widths) -> None:
        super().__init__()
        weights, acts = iter(widths.weights), iter(widths.activations)
        one, two, three, hidden = shaped("digits", SHAPE, widths.shape).values()
        first = next(acts)
        self.layers = nn.Sequential(
            # Bytes are divided by 255, an odd number: none lies between two multiples of a power of two.
            unsigned(first, 2.0**-first),
            *_convolution(1, one, weights, acts, padding=1),
            nn.MaxPool2d(2),
            *_convolution(one, two, weights, acts, padding=1),
            nn.MaxPool2d(2),
            *_convolution(two, three, weights, acts, stride=2),
            nn.Flatten(),
            linear(three * 9, hidden, next(weights)),
            nn.BatchNorm1d(hidden),
            relu(next(acts)),
            classifier(hidden, CLASSES, next(weights)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """All layers in order."""
        logits: Tensor = self.layers(x)
        return logits


def _convolution(
    inputs: int,
    outputs: int,
    weights: Iterator[int],
    acts: Iterator[int],
    *,
    padding: int = 0,
    stride: int = 1,
) -> list[nn.Module]:
    """3 x 3, normalised, and quantized to what the next layer reads; of the next widths."""
    layer = conv(inputs, outputs, 3, next(weights), padding=padding, stride=stride)
    return [layer, nn.BatchNorm2d(outputs), relu(next(acts))]
