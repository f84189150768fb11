"""TFC, the tiny fully connected network of BNN-PYNQ: 784-64-64-64-10, for the digits of MNIST.

Every quantizer has scale 1, so that there are only integers between the layers: the results of the matrix
products are exact in float32, in whatever order they are summed.
"""

from __future__ import annotations

import numpy as np
import torch
from brevitas.core.zero_point import ZeroZeroPoint
from brevitas.inject import ExtendedInjector, value
from brevitas.inject.enum import (
    BitWidthImplType,
    FloatToIntImplType,
    QuantType,
    RestrictValueType,
    ScalingImplType,
)
from brevitas.nn import QuantIdentity, QuantLinear
from brevitas.quant.solver import ActQuantSolver, WeightQuantSolver
from numpy.typing import NDArray
from torch import Tensor, nn

from levada import models

from . import strokes

IMAGE = 28 * 28
HIDDEN = (64, 64, 64)
CLASSES = 10


def build(variant: str) -> nn.Module:
    """The untrained network of a variant, with weights from torch's random state."""
    bits = models.find(f"tfc-{variant}").bits
    return TFC(bits["weight"], bits["activation"])


def constrain(network: nn.Module) -> None:
    """Keeps the weights behind the quantizers in -1..1, where gradients pass: called after each step."""
    for module in network.modules():
        if isinstance(module, QuantLinear):
            module.weight.data.clamp_(-1, 1)


def samples(variant: str) -> NDArray[np.uint8]:  # noqa: ARG001  # the same for all
    """The sample inputs: uint8 [16, 1, 28, 28], the same at each call."""
    return strokes.draw(16, seed=1)


class TFC(nn.Module):
    """Four fully connected layers: float [N, 1, 28, 28] in 0..1 to logits, float [N, 10].

    Weights and activations of n bits are the integers -(2**(n-1) - 1) .. 2**(n-1) - 1 (narrow range, so that
    zero is in the middle), and of one bit they are -1 or 1.
    """

    def __init__(self, weight_bits: int, act_bits: int, hidden: tuple[int, ...] = HIDDEN) -> None:
        super().__init__()
        layers: list[nn.Module] = [_activation(act_bits)]
        width = IMAGE
        for out in hidden:
            layers += [_linear(width, out, weight_bits), nn.BatchNorm1d(out), _activation(act_bits)]
            width = out
        # One factor for all classes: the accelerator's integers alone decide which logit is the largest.
        layers += [_linear(width, CLASSES, weight_bits), Scale(1 / width**0.5)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Flattens the image and moves 0..1 to -1..1, so that the input is quantized like an activation."""
        logits: Tensor = self.layers(2.0 * x.reshape(x.shape[0], IMAGE) - 1.0)
        return logits


class Scale(nn.Module):
    """Multiplies by one learned number."""

    def __init__(self, start: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(start))

    def forward(self, x: Tensor) -> Tensor:
        """The input times the number, of the same shape."""
        return x * self.weight


class _UnitScale(ExtendedInjector):  # type: ignore[misc]  # brevitas comes without types
    """Scale 1, zero point 0, narrow range; one bit is the sign."""

    bit_width_impl_type = BitWidthImplType.CONST
    scaling_impl_type = ScalingImplType.CONST
    restrict_scaling_type = RestrictValueType.FP
    zero_point_impl = ZeroZeroPoint
    float_to_int_impl_type = FloatToIntImplType.ROUND
    scaling_per_output_channel = False
    narrow_range = True
    signed = True

    @value  # type: ignore[untyped-decorator]
    def quant_type(bit_width: int) -> QuantType:  # noqa: N805  # an injected value, not a method
        return QuantType.BINARY if bit_width == 1 else QuantType.INT


class _WeightQuant(_UnitScale, WeightQuantSolver):  # type: ignore[misc]
    """The solver divides this by the largest integer, so that 1.0 means scale 1 for up to two bits."""

    scaling_const = 1.0


class _ActQuant(_UnitScale, ActQuantSolver):  # type: ignore[misc]
    """The range in which gradients pass; with up to two bits it also means scale 1."""

    min_val = -1.0
    max_val = 1.0


def _linear(inputs: int, outputs: int, bits: int) -> QuantLinear:
    layer = QuantLinear(inputs, outputs, bias=False, weight_quant=_WeightQuant, weight_bit_width=bits)
    nn.init.uniform_(layer.weight, -1, 1)
    return layer


def _activation(bits: int) -> QuantIdentity:
    return QuantIdentity(act_quant=_ActQuant, bit_width=bits)
