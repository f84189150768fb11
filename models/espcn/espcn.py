"""ESPCN, super-resolution for the brightness of a photograph: twice or three times as many pixels a side.

Convolutions of 5 x 5 and 3 x 3 at the small size; the last one gives every pixel's square of new pixels as
channels, and a shuffle (DepthToSpace) puts them into place. Bytes in, bytes out: both are divided by 256.
"""

from __future__ import annotations

import functools
from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from levada import models
from levada.models import Model
from levada.train.recipe import Recipe
from levada.train.task import Shape, Task, Widths

from ..blocks import pictures
from ..blocks.quantizers import constrain, conv, relu, unsigned
from ..blocks.widths import CHANNELS, chosen, shaped
from .photographs import DATASETS

__all__ = ["DATASETS", "ESPCN", "build", "constrain", "frames", "samples", "task", "widths_of"]

PATCH = 32  # pixels a side of the exported network's input; it has no layer that needs a fixed size
#: Channels between the layers, and convolutions between the first and the last one.
SHAPE = (("channels", 16), ("depth", 1))
BOUNDS = {"channels": CHANNELS, "depth": (0, 16)}
BORDER_BITS = 8  # of the first and last layer's weights, in all variants
STEP = 1 / 256  # of bytes


def factor(variant: str) -> int:
    """How many times wider and higher a variant's output is: 2 of "x2-w8a8"."""
    return int(variant[1 : variant.index("-")])


def widths_of(variant: str, shape: Shape = ()) -> Widths:
    """Of the weights of the three layers, or more by the depth, and of the activations between them."""
    bits = models.find(f"espcn-{variant}").bits
    numbers = shaped("espcn", SHAPE, shape, BOUNDS)
    weights = (BORDER_BITS, *(bits["weight"],) * numbers["depth"], BORDER_BITS)
    return Widths(weights, (bits["activation"],) * (len(weights) - 1), tuple(numbers.items()))


def build(variant: str, widths: Widths | None = None) -> nn.Module:
    """The untrained network of a variant, with weights from torch's random state.

    Args:
        variant: says the factor, and the widths unless they are given.
        widths: as many as `widths_of` has, of 3 to 8 and of 2 to 8 bits. Weights of two bits would
            have scale 1, with which a network without normalisation cannot begin.

    Raises:
        LevadaError: other widths.
    """
    own_of = functools.partial(widths_of, variant)
    return ESPCN(factor(variant), chosen("espcn", own_of, widths, weights=(3, 8)))


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

    def __init__(self, factor: int, widths: Widths) -> None:
        super().__init__()
        channels, _ = shaped("espcn", SHAPE, widths.shape, BOUNDS).values()
        first, *middle, last = widths.weights
        before, *after = widths.activations
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            bytes=unsigned(8, STEP),
            first=conv(1, channels, 5, first, bias=True, padding=2),
            relu0=relu(before, STEP * 2 ** (8 - before)),
        )
        for number, (bits, act) in enumerate(zip(middle, after, strict=True), 1):
            layers[f"middle{number}"] = conv(channels, channels, 3, bits, bias=True, padding=1)
            layers[f"relu{number}"] = relu(act, STEP * 2 ** (8 - act))
        layers["last"] = conv(channels, factor**2, 3, last, per_channel=False, bias=True, padding=1)
        layers["result"] = unsigned(8, STEP)
        layers["shuffle"] = nn.PixelShuffle(factor)
        self.layers = nn.Sequential(layers)

    def forward(self, x: Tensor) -> Tensor:
        """All layers in order."""
        result: Tensor = self.layers(x)
        return result
