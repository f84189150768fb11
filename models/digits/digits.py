"""A small convolutional network for MNIST: three convolutions and two matrix products.

    28 x 28 -> 3x3, 8 channels -> pool -> 3x3, 16 -> pool -> 3x3 of every second pixel, 16 -> 32 -> 10

Each layer may have its own widths. Scales are powers of two, so that sums are exact in float32.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from levada import models
from levada.train.task import Widths

from ..blocks.quantizers import classifier, constrain, conv, linear, relu, unsigned
from ..blocks.widths import chosen
from ..tfc import strokes

__all__ = ["LAYERS", "Digits", "build", "constrain", "frames", "samples", "widths_of"]

CHANNELS = (8, 16, 16)
HIDDEN = 32
CLASSES = 10
LAYERS = len(CHANNELS) + 2


def widths_of(variant: str) -> Widths:
    """Of the weights of the five layers, and of the activations that each of them reads."""
    bits = models.find(f"digits-{variant}").bits
    return Widths((bits["weight"],) * LAYERS, (bits["activation"],) * LAYERS)


def build(variant: str, widths: Widths | None = None) -> nn.Module:
    """The untrained network of a variant, with weights from torch's random state.

    Args:
        variant: says the widths unless they are given.
        widths: as many as `widths_of` has, weights of 1 to 8 and activations of 2 to 8 bits.

    Raises:
        LevadaError: other widths.
    """
    return Digits(chosen("digits", widths_of(variant), widths))


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
        weights, acts = (iter(bits) for bits in widths)
        one, two, three = CHANNELS
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
            linear(three * 9, HIDDEN, next(weights)),
            nn.BatchNorm1d(HIDDEN),
            relu(next(acts)),
            classifier(HIDDEN, CLASSES, next(weights)),
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
