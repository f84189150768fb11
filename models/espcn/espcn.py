"""ESPCN, super-resolution for the brightness of a photograph: twice or three times as many pixels a side.

Convolutions of 5 x 5 and 3 x 3 at the small size; the last one gives every pixel's square of new pixels as
channels, and a shuffle (DepthToSpace) puts them into place. Bytes in, bytes out: both are divided by 256.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from levada import models
from levada.models import Model
from levada.train.recipe import Recipe
from levada.train.task import Task, Widths

from ..blocks import pictures
from ..blocks.quantizers import constrain, conv, relu, unsigned
from ..blocks.widths import chosen
from .photographs import DATASETS

__all__ = ["DATASETS", "ESPCN", "build", "constrain", "frames", "samples", "task", "widths_of"]

PATCH = 32  # pixels a side of the exported network's input; it has no layer that needs a fixed size
WIDTH = 16
BORDER_BITS = 8  # of the first and last layer's weights, in all variants
STEP = 1 / 256  # of bytes


def factor(variant: str) -> int:
    """How many times wider and higher a variant's output is: 2 of "x2-w8a8"."""
    return int(variant[1 : variant.index("-")])


def widths_of(variant: str) -> Widths:
    """Of the weights of the three layers, and of the activations between them."""
    bits = models.find(f"espcn-{variant}").bits
    return Widths((BORDER_BITS, bits["weight"], BORDER_BITS), (bits["activation"],) * 2)


def build(variant: str, widths: Widths | None = None) -> nn.Module:
    """The untrained network of a variant, with weights from torch's random state.

    Args:
        variant: says the factor, and the widths unless they are given.
        widths: as many as `widths_of` has, of 3 to 8 and of 2 to 8 bits. Weights of two bits would
            have scale 1, with which a network without normalisation cannot begin.

    Raises:
        LevadaError: other widths.
    """
    return ESPCN(factor(variant), chosen("espcn", widths_of(variant), widths, weights=(3, 8)))


def samples(variant: str) -> NDArray[np.uint8]:
    """The sample inputs: uint8 [8, 1, 32, 32], the same at each call."""
    return frames(variant, 8, seed=1)


def frames(variant: str, count: int, seed: int) -> NDArray[np.uint8]:  # noqa: ARG001  # one size for all
    """Generated inputs: uint8 [count, 1, 32, 32]."""
    return pictures.draw(count, (1, PATCH, PATCH), seed)


def task(model: Model, recipe: Recipe) -> Task:
    """Trained on photographs; see upscaling.py."""
    from .upscaling import Upscaling

    return Upscaling(model, recipe, factor(model.variant), colour=False)


class ESPCN(nn.Module):
    """Float [N, 1, H, W] in 0..1 to [N, 1, factor * H, factor * W], bytes divided by 256."""

    def __init__(self, factor: int, widths: Widths, width: int = WIDTH) -> None:
        super().__init__()
        first, second, third = widths.weights
        before, after = widths.activations
        self.layers = nn.Sequential(
            unsigned(8, STEP),
            conv(1, width, 5, first, bias=True, padding=2),
            relu(before, STEP * 2 ** (8 - before)),
            conv(width, width, 3, second, bias=True, padding=1),
            relu(after, STEP * 2 ** (8 - after)),
            conv(width, factor**2, 3, third, per_channel=False, bias=True, padding=1),
            unsigned(8, STEP),
            nn.PixelShuffle(factor),
        )

    def forward(self, x: Tensor) -> Tensor:
        """All layers in order."""
        result: Tensor = self.layers(x)
        return result
