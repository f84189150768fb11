"""TinyYOLOv3 at a quarter of its width: an object detector with two heads, for colour pictures.

The backbone halves the picture five times; the coarse head looks at cells of 32 x 32 pixels. A route back to
cells of 16 x 16, by 1 x 1 convolution, upsampling and concatenation, feeds the fine head. The max pool of
stride 1 of the original, which needs one-sided padding, is left out.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from levada import models

from ..blocks import pictures
from ..blocks.quantizers import constrain, conv, relu, signed, unsigned

__all__ = ["TinyYOLOv3", "build", "constrain", "frames", "samples"]

SIZE = 416
FULL_WIDTHS = (16, 32, 64, 128, 256, 512, 1024)
DIVIDE = 4
ANCHORS = 3  # a head
CLASSES = 20
VALUES = ANCHORS * (4 + 1 + CLASSES)
BORDER_BITS = 8  # of the first and the last weights, and of the outputs


def size(variant: str) -> int:
    """Height and width of the pictures: 416, or what stands behind the hyphen of the variant's name."""
    _, _, pixels = variant.partition("-")
    return int(pixels) if pixels else SIZE


def build(variant: str) -> nn.Module:
    """The untrained network of a variant, with weights from torch's random state."""
    bits = models.find(f"tinyyolov3-{variant}").bits
    return TinyYOLOv3(bits["weight"], bits["activation"])


def samples(variant: str) -> NDArray[np.uint8]:
    """The sample inputs: 2 large or 4 small pictures, the same at each call."""
    return frames(variant, 2 if size(variant) == SIZE else 4, seed=1)


def frames(variant: str, count: int, seed: int) -> NDArray[np.uint8]:
    """Generated inputs: uint8 [count, 3, size, size]."""
    return pictures.draw(count, (3, size(variant), size(variant)), seed, shapes=24)


class TinyYOLOv3(nn.Module):
    """Float [N, 3, H, W] in 0..1 to [N, 75, H / 32, W / 32] and [N, 75, H / 16, W / 16].

    The 75 channels are 3 anchors times x, y, width, height, confidence and 20 classes, before the sigmoid:
    8-bit numbers in steps of 1/16.
    """

    def __init__(self, weight_bits: int, act_bits: int, divide: int = DIVIDE) -> None:
        super().__init__()
        self.bits = (weight_bits, act_bits)
        widths = [width // divide for width in FULL_WIDTHS]
        layers: list[nn.Module] = [unsigned(8, 1 / 255)]
        inputs = 3
        for number, width in enumerate(widths[:5]):
            layers += [self._unit(inputs, width, 3, BORDER_BITS if number == 0 else weight_bits)]
            layers += [nn.MaxPool2d(2)] if number < 4 else []
            inputs = width
        self.front = nn.Sequential(*layers)  # to the cells of 16 x 16 pixels
        route, coarse = widths[4], widths[4]
        self.back = nn.Sequential(
            nn.MaxPool2d(2),
            self._unit(route, widths[5], 3),
            self._unit(widths[5], widths[6], 3),
            self._unit(widths[6], coarse, 1),
        )
        self.coarse = nn.Sequential(self._unit(coarse, widths[5], 3), *_head(widths[5]))
        # Both inputs of the concatenation have the scale that all quantizers of activations have.
        self.up = nn.Sequential(
            self._unit(coarse, coarse // 2, 1), nn.Upsample(scale_factor=2, mode="nearest")
        )
        self.fine = nn.Sequential(self._unit(coarse // 2 + route, route, 3), *_head(route))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The coarse map, and the fine one."""
        route = self.front(x)
        deep = self.back(route)
        return self.coarse(deep), self.fine(torch.cat([self.up(deep), route], dim=1))

    def _unit(self, inputs: int, outputs: int, kernel: int, weight_bits: int | None = None) -> nn.Module:
        bits, act_bits = self.bits
        return nn.Sequential(
            conv(inputs, outputs, kernel, weight_bits or bits, padding=kernel // 2),
            nn.BatchNorm2d(outputs),
            relu(act_bits),
        )


def _head(inputs: int) -> tuple[nn.Module, nn.Module]:
    return conv(inputs, VALUES, 1, BORDER_BITS, per_channel=False, bias=True), signed(BORDER_BITS, 1 / 16)
