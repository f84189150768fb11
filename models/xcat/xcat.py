"""An XCAT-style network, super-resolution for colour photographs: two or three times as many pixels a side.

After XCAT (Ayazoglu and Bilecen, 2022): convolutions in groups of unequal width, whose results are
concatenated crosswise, so that the next layer's groups see other channels. The picture itself is concatenated
before the last layer, which starts as one that repeats pixels. Bytes in, bytes out: both are divided by 256.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from levada import models
from levada.models import Model
from levada.train.recipe import Recipe
from levada.train.task import Task

from ..blocks import pictures
from ..blocks.quantizers import constrain, conv, relu, unsigned
from ..espcn.photographs import DATASETS

__all__ = ["DATASETS", "XCAT", "build", "constrain", "frames", "samples", "task"]

PATCH = 32  # pixels a side of the exported network's input; it has no layer that needs a fixed size
GROUPS = (8, 16)  # channels
BLOCKS = 3
BORDER_BITS = 8  # of the first and last layer's weights
STEP = 1 / 256  # of bytes


def factor(variant: str) -> int:
    """How many times wider and higher a variant's output is: 2 of "x2-w8a8"."""
    return int(variant[1 : variant.index("-")])


def build(variant: str) -> nn.Module:
    """The untrained network of a variant, with weights from torch's random state."""
    bits = models.find(f"xcat-{variant}").bits
    return XCAT(factor(variant), bits["weight"], bits["activation"])


def samples(variant: str) -> NDArray[np.uint8]:
    """The sample inputs: uint8 [8, 3, 32, 32], the same at each call."""
    return frames(variant, 8, seed=1)


def frames(variant: str, count: int, seed: int) -> NDArray[np.uint8]:  # noqa: ARG001  # one size for all
    """Generated inputs: uint8 [count, 3, 32, 32]."""
    return pictures.draw(count, (3, PATCH, PATCH), seed)


def task(model: Model, recipe: Recipe) -> Task:
    """Trained on photographs; see upscaling.py of espcn."""
    from ..espcn.upscaling import Upscaling

    return Upscaling(model, recipe, factor(model.variant), colour=True)


class XCAT(nn.Module):
    """Float [N, 3, H, W] in 0..1 to [N, 3, factor * H, factor * W], bytes divided by 256.

    The scale of activations is that of bytes times a power of two: what is concatenated fits together.
    """

    def __init__(
        self, factor: int, weight_bits: int, act_bits: int, groups: tuple[int, int] = GROUPS
    ) -> None:
        super().__init__()
        step, width = STEP * 2 ** (8 - act_bits), sum(groups)
        self.bytes_in = unsigned(8, STEP)
        self.first = nn.Sequential(conv(3, width, 3, BORDER_BITS, bias=True, padding=1), relu(act_bits, step))
        self.blocks = nn.Sequential(*(Crossed(groups, weight_bits, act_bits, step) for _ in range(BLOCKS)))
        last = conv(width + 3, 3 * factor**2, 3, BORDER_BITS, per_channel=False, bias=True, padding=1)
        _repeat_pixels(last, width, factor)
        self.last = nn.Sequential(last, unsigned(8, STEP), nn.PixelShuffle(factor))

    def forward(self, x: Tensor) -> Tensor:
        """Features of the picture, and the picture itself, to the larger picture."""
        x = self.bytes_in(x)
        result: Tensor = self.last(torch.cat([self.blocks(self.first(x)), x], dim=1))
        return result


class Crossed(nn.Module):
    """Two convolutions, each of its own channels; the second's results come first: [N, C, H, W] as before."""

    def __init__(self, groups: tuple[int, int], weight_bits: int, act_bits: int, step: float) -> None:
        super().__init__()
        self.groups = groups
        self.parts = nn.ModuleList(
            nn.Sequential(
                conv(channels, channels, 3, weight_bits, bias=True, padding=1), relu(act_bits, step)
            )
            for channels in groups
        )

    def forward(self, x: Tensor) -> Tensor:
        """Splits, convolves, and concatenates crosswise."""
        front, rear = torch.split(x, list(self.groups), dim=1)
        return torch.cat([self.parts[1](rear), self.parts[0](front)], dim=1)


def _repeat_pixels(layer: nn.Module, picture: int, factor: int) -> None:
    """Makes the last convolution copy the channels from `picture` on; features start with little weight."""
    weight = layer.weight.data
    assert isinstance(weight, Tensor)
    weight.mul_(0.25)
    weight[:, picture:] = 0
    for channel in range(3):
        weight[channel * factor**2 : (channel + 1) * factor**2, picture + channel, 1, 1] = 1
    layer.bias.data.zero_()  # type: ignore[operator]
