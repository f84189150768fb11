"""LPYOLO, a detector of faces in 416 x 416 colour pictures that is small enough for a low-cost FPGA.

Ten convolutions, five 2 x 2 max pools, and a map of 13 x 13 cells with 3 anchors each: 153.6 million products
a picture, 350,696 weights. The first and the last layer have 8-bit weights, the others those of the variant.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from brevitas.nn import QuantHardTanh
from numpy.typing import NDArray
from torch import Tensor, nn

from levada import models
from levada.models import Model
from levada.train.recipe import Recipe
from levada.train.task import Task

from ..blocks import pictures
from ..blocks.quantizers import FixedSigned, constrain, conv, relu, unsigned

__all__ = ["LPYOLO", "build", "constrain", "frames", "samples", "task"]

SIZE = 416
STRIDE = 32
CELLS = SIZE // STRIDE
ANCHORS = 3
VALUES = 4 + 1 + 1  # a box, whether there is one, and one class
BORDER_BITS = 8  # of the first and last layer's weights, and of the output
#: The line through sigmoid's middle that is nearest to it: (hardtanh(x / REACH) + 1) / 2.
REACH = 3.0


def task(model: Model, recipe: Recipe) -> Task:
    """Trained on WIDER FACE; see detection.py."""
    from ..data import widerface
    from .detection import Detection
    from .faces import Faces

    data = widerface.load()
    return Detection(model, recipe, Faces(data.train, SIZE), Faces(data.validation, SIZE))


class Layer(NamedTuple):
    """A convolution: output channels, kernel size, and whether a 2 x 2 max pool follows."""

    channels: int
    kernel: int
    pool: bool


LAYERS = (
    Layer(8, 3, True),
    Layer(8, 3, True),
    Layer(16, 3, True),
    Layer(32, 3, True),
    Layer(56, 3, True),
    Layer(104, 3, False),
    Layer(208, 3, False),
    Layer(56, 1, False),
    Layer(104, 3, False),
)


def build(variant: str) -> nn.Module:
    """The untrained network of a variant, with weights from torch's random state."""
    bits = models.find(f"lpyolo-{variant}").bits
    return LPYOLO(bits["weight"], bits["activation"])


def samples(variant: str) -> NDArray[np.uint8]:
    """The sample inputs: uint8 [2, 3, 416, 416], the same at each call."""
    return frames(variant, 2, seed=1)


def frames(variant: str, count: int, seed: int) -> NDArray[np.uint8]:  # noqa: ARG001  # one size for all
    """Generated inputs: uint8 [count, 3, 416, 416]."""
    return pictures.draw(count, (3, SIZE, SIZE), seed, shapes=24)


class LPYOLO(nn.Module):
    """Float [N, 3, H, W] in 0..1 to [N, 18, H / 32, W / 32], 8-bit numbers from -1 to 1.

    (output + 1) / 2 stands for the sigmoid that the network is first trained with; `soft` chooses which. The
    18 channels are 3 anchors times x, y, width, height, confidence and class; see host.py.
    """

    def __init__(self, weight_bits: int, act_bits: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [unsigned(8, 1 / 255)]
        width = 3
        for number, (channels, kernel, pool) in enumerate(LAYERS):
            bits = BORDER_BITS if number == 0 else weight_bits
            layers += [
                conv(width, channels, kernel, bits, padding=kernel // 2),
                nn.BatchNorm2d(channels),
                relu(act_bits),
            ]
            if pool:
                layers.append(nn.MaxPool2d(2))
            width = channels
        outputs = ANCHORS * VALUES
        layers.append(conv(width, outputs, 3, BORDER_BITS, per_channel=False, bias=True, padding=1))
        self.layers = nn.Sequential(*layers)
        step = 2.0 ** (1 - BORDER_BITS)
        self.out = QuantHardTanh(
            act_quant=FixedSigned, bit_width=BORDER_BITS, min_val=step - 1, max_val=1 - step
        )
        self.soft = False

    def forward(self, x: Tensor) -> Tensor:
        """The map as the accelerator gives it; with `soft` by sigmoid, in floats."""
        raw = self.layers(x)
        if self.soft:
            return _sigmoid(raw)
        result: Tensor = self.out(raw * (1.0 / REACH))
        if self.training:  # values of the one, gradients of the other
            return _sigmoid(raw) + (result - _sigmoid(raw)).detach()
        return result


def _sigmoid(x: Tensor) -> Tensor:
    """From -1 to 1, as HardTanh."""
    return 2.0 * torch.sigmoid(x) - 1.0
