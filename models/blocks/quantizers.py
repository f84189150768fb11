"""Quantized layers whose scales are powers of two, so that float32 sums of their products are exact.

Weights of one or two bits have scale 1: they are -1 and 1, or -1, 0 and 1. Those of n bits are multiples of
2**(p + 1 - n), where 2**p is the power of two nearest, by its logarithm, to the largest weight of an output
channel (or of the layer); one above 2**p is clipped. Activations have a fixed scale: batch normalisation
before them brings every channel to about the same range, and learns the rest.
"""

from __future__ import annotations

from typing import Any

import torch
from brevitas.core.zero_point import ZeroZeroPoint
from brevitas.inject import ExtendedInjector, value
from brevitas.inject.enum import (
    BitWidthImplType,
    FloatToIntImplType,
    QuantType,
    RestrictValueType,
    ScalingImplType,
    StatsOp,
)
from brevitas.nn import QuantConv2d, QuantIdentity, QuantLinear, QuantReLU
from brevitas.quant.solver import ActQuantSolver, WeightQuantSolver
from torch import Tensor, nn

#: Up to so many bits weights have scale 1; they start anywhere in -1..1 and are kept there in training.
UNIT_BITS = 2


class Scale(nn.Module):
    """Multiplies by one learned number."""

    def __init__(self, start: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(start))

    def forward(self, x: Tensor) -> Tensor:
        """The input times the number, of the same shape."""
        return x * self.weight


class _Quant(ExtendedInjector):  # type: ignore[misc]  # brevitas comes without types
    """Zero point 0; one bit is the sign."""

    bit_width_impl_type = BitWidthImplType.CONST
    zero_point_impl = ZeroZeroPoint
    float_to_int_impl_type = FloatToIntImplType.ROUND

    @value  # type: ignore[untyped-decorator]
    def quant_type(bit_width: int) -> QuantType:  # noqa: N805  # an injected value, not a method
        return QuantType.BINARY if bit_width == 1 else QuantType.INT


class _UnitWeight(_Quant, WeightQuantSolver):  # type: ignore[misc]
    """The solver divides `scaling_const` by the largest integer: scale 1 for one and two bits."""

    scaling_impl_type = ScalingImplType.CONST
    restrict_scaling_type = RestrictValueType.FP
    scaling_const = 1.0
    scaling_per_output_channel = False
    narrow_range = True
    signed = True


class _TensorWeight(_Quant, WeightQuantSolver):  # type: ignore[misc]
    """The largest weight of the layer, rounded up to a power of two."""

    scaling_impl_type = ScalingImplType.STATS
    scaling_stats_op = StatsOp.MAX
    restrict_scaling_type = RestrictValueType.POWER_OF_TWO
    scaling_per_output_channel = False
    narrow_range = True
    signed = True


class _ChannelWeight(_TensorWeight):
    """The largest weight of each output channel, rounded up to a power of two."""

    scaling_per_output_channel = True


class FixedSigned(_Quant, ActQuantSolver):  # type: ignore[misc]
    """`max_val` divided by the largest integer is the scale; both are given where this is used."""

    scaling_impl_type = ScalingImplType.CONST
    restrict_scaling_type = RestrictValueType.FP
    scaling_per_output_channel = False
    narrow_range = True
    signed = True


class FixedUnsigned(FixedSigned):
    """From 0 up."""

    narrow_range = False
    signed = False


def conv(
    inputs: int,
    outputs: int,
    kernel: int | tuple[int, int],
    bits: int,
    *,
    per_channel: bool = True,
    bias: bool = False,
    **options: Any,  # noqa: ANN401  # of torch's Conv2d: stride, padding, groups
) -> nn.Module:
    """A convolution with weights of `bits` bits: [N, inputs, H, W] to [N, outputs, H', W']."""
    quant, fixed = _weights(bits, per_channel)
    layer = QuantConv2d(
        inputs, outputs, kernel, bias=bias, weight_quant=quant, weight_bit_width=bits, **options
    )
    return _started(layer, fixed)


def linear(
    inputs: int, outputs: int, bits: int, *, per_channel: bool = True, bias: bool = False
) -> nn.Module:
    """A matrix product with weights of `bits` bits: [N, inputs] to [N, outputs]."""
    quant, fixed = _weights(bits, per_channel)
    layer = QuantLinear(inputs, outputs, bias=bias, weight_quant=quant, weight_bit_width=bits)
    return _started(layer, fixed)


def classifier(inputs: int, classes: int, bits: int) -> nn.Module:
    """The last layer: [N, inputs] to logits, float [N, classes].

    One factor, learned, for all classes: the accelerator's integers alone decide which logit is the largest.
    """
    factor = 1 / inputs**0.5 if bits <= UNIT_BITS else 1.0
    return nn.Sequential(linear(inputs, classes, bits, per_channel=False), Scale(factor))


def relu(bits: int, step: float | None = None) -> nn.Module:
    """ReLU to the integers 0 .. 2**bits - 1, times `step`; 2**(2 - bits), at most 1/2, unless given.

    That default reaches to nearly 4, where normalised values hardly go.
    """
    step = min(0.5, 2.0 ** (2 - bits)) if step is None else step
    quant: nn.Module = QuantReLU(act_quant=FixedUnsigned, bit_width=bits, max_val=step * (2**bits - 1))
    return quant


def unsigned(bits: int, step: float) -> nn.Module:
    """The nearest of the integers 0 .. 2**bits - 1, times `step`."""
    quant: nn.Module = QuantIdentity(act_quant=FixedUnsigned, bit_width=bits, max_val=step * (2**bits - 1))
    return quant


def signed(bits: int, step: float) -> nn.Module:
    """The nearest of the integers -(2**(bits-1) - 1) .. 2**(bits-1) - 1, times `step`; one bit: the sign."""
    most = step * max(1, 2 ** (bits - 1) - 1)
    quant: nn.Module = QuantIdentity(act_quant=FixedSigned, bit_width=bits, min_val=-most, max_val=most)
    return quant


def constrain(network: nn.Module) -> None:
    """Keeps weights of scale 1 in -1..1, where gradients pass: called after each step of training."""
    for module in network.modules():
        if isinstance(module, QuantConv2d | QuantLinear) and _is_unit(module):
            module.weight.data.clamp_(-1, 1)


def _is_unit(layer: nn.Module) -> bool:
    bits = layer.weight_quant.bit_width()  # type: ignore[union-attr, operator]
    return bits is not None and float(bits) <= UNIT_BITS


def _weights(bits: int, per_channel: bool) -> tuple[type, bool]:
    """The quantizer of weights, and whether its scale is fixed."""
    if bits <= UNIT_BITS:
        return _UnitWeight, True
    return (_ChannelWeight if per_channel else _TensorWeight), False


def _started(layer: nn.Module, fixed: bool) -> nn.Module:
    if fixed:
        nn.init.uniform_(layer.weight, -1, 1)  # type: ignore[arg-type]
    return layer
