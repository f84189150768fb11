"""A small convolutional network for MNIST: three convolutions and two matrix products.

    28 x 28 -> 3x3, 8 channels -> pool -> 3x3, 16 -> pool -> 3x3 of every second pixel, 16 -> 32 -> 10

Each layer may have its own widths. Scales are powers of two, so that sums are exact in float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from levada import models
from levada.errors import LevadaError

from ..blocks.quantizers import classifier, constrain, conv, linear, relu, unsigned
from ..tfc import strokes

__all__ = ["LAYERS", "Digits", "Precision", "build", "constrain", "frames", "samples"]

CHANNELS = (8, 16, 16)
HIDDEN = 32
CLASSES = 10
LAYERS = len(CHANNELS) + 2
MOST_BITS = 8


class Precision(NamedTuple):
    """Bits of one layer: of its weights, and of the activations that it reads."""

    weight: int
    activation: int


def build(variant: str, precisions: Sequence[tuple[int, int]] | None = None) -> nn.Module:
    """The untrained network of a variant, with weights from torch's random state.

    Args:
        variant: gives the same widths to all layers.
        precisions: (weight, activation) bits of each of the five layers, if they are to differ: 1 to 8 and
            2 to 8. Activations of one bit would be -1 and 1, with which nothing can be padded.

    Raises:
        LevadaError: not as many precisions as layers, or widths out of these bounds.
    """
    if precisions is None:
        bits = models.find(f"digits-{variant}").bits
        precisions = [(bits["weight"], bits["activation"])] * LAYERS
    if len(precisions) != LAYERS:
        raise LevadaError(
            f"digits: {len(precisions)} precisions are given for {LAYERS} layers; "
            "give (weight, activation) bits of each"
        )
    for number, (weight, activation) in enumerate(precisions):
        if not (1 <= weight <= MOST_BITS and 2 <= activation <= MOST_BITS):
            raise LevadaError(
                f"digits: layer {number} is to have weights of {weight} and activations of {activation} "
                f"bits; choose 1 to {MOST_BITS} and 2 to {MOST_BITS}"
            )
    return Digits([Precision(*bits) for bits in precisions])


def samples(variant: str) -> NDArray[np.uint8]:
    """The sample inputs: uint8 [16, 1, 28, 28], the same at each call."""
    return frames(variant, 16, seed=1)


def frames(variant: str, count: int, seed: int) -> NDArray[np.uint8]:  # noqa: ARG001  # one size for all
    """Generated inputs: uint8 [count, 1, 28, 28]."""
    return strokes.draw(count, seed)


class Digits(nn.Module):
    """Float [N, 1, 28, 28] in 0..1 to logits, float [N, 10]; `precisions` are of the layers in order."""

    def __init__(self, precisions: Sequence[Precision]) -> None:
        super().__init__()
        first, second, third, fourth, last = precisions
        one, two, three = CHANNELS
        self.layers = nn.Sequential(
            # Bytes are divided by 255, an odd number: none lies between two multiples of a power of two.
            unsigned(first.activation, 2.0**-first.activation),
            *_convolution(1, one, first.weight, second.activation, padding=1),
            nn.MaxPool2d(2),
            *_convolution(one, two, second.weight, third.activation, padding=1),
            nn.MaxPool2d(2),
            *_convolution(two, three, third.weight, fourth.activation, stride=2),
            nn.Flatten(),
            linear(three * 9, HIDDEN, fourth.weight),
            nn.BatchNorm1d(HIDDEN),
            relu(last.activation),
            classifier(HIDDEN, CLASSES, last.weight),
        )

    def forward(self, x: Tensor) -> Tensor:
        """All layers in order."""
        logits: Tensor = self.layers(x)
        return logits


def _convolution(
    inputs: int, outputs: int, bits: int, act_bits: int, *, padding: int = 0, stride: int = 1
) -> list[nn.Module]:
    """3 x 3, normalised, and quantized to what the next layer reads."""
    layer = conv(inputs, outputs, 3, bits, padding=padding, stride=stride)
    return [layer, nn.BatchNorm2d(outputs), relu(act_bits)]
