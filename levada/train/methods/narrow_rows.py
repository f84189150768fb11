"""Some output channels of each layer with weights of fewer bits than the others."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn

from levada.errors import LevadaError
from levada.precision import TERNARY
from levada.train.methods import Method, option
from levada.train.own import Own, Quantizer, quantizers_of

if TYPE_CHECKING:
    from levada.train.run import Run

_TERNARY_BITS = 2


@dataclasses.dataclass(eq=False)
class NarrowRows(Method):
    """Of each `period` output channels the last `count` have weights of `bits` bits.

    Precision for each channel, as in Wang et al., "HAQ: Hardware-Aware Automated Quantization with Mixed
    Precision", CVPR 2019, and others, in a form of levada's own: channels are chosen by their place, so that
    whole lanes of the hardware have few bits, whatever their number is, as long as it is a multiple of the
    period. Which feature is learned by which channel is left to the training.

    The scale of such a channel follows its largest weight as that of the layer's other channels does; with
    two bits weights are 0 up to about 0.7 of their mean magnitude: the nearest power of two. Layers with one
    scale for all channels, and those of no more bits, stay as they are. The exported network has quantizers
    of the layer's own bits, whose integers are small in those channels.
    """

    bits: int = option(2, 2, 7)
    period: int = option(8, 2, 64)
    count: int = option(4, 1, 63)

    excludes: ClassVar[frozenset[str]] = frozenset(
        {
            "attention_rounding",
            "calibration",
            "learned_bits",
            "learned_levels",
            "learned_rounding",
            "learned_scales",
            "nested",
        }
    )

    def start(self, run: Run) -> None:
        """Gives quantizers of weights a scale that makes the integers of these channels small."""
        if self.count >= self.period:
            raise LevadaError(
                f"narrow_rows: count={self.count} of period={self.period} are all channels; give the layers "
                "fewer bits, or the method a smaller count"
            )
        self._found = [
            (quantizer, NarrowScale(quantizer, self).to(run.fabric.device))
            for quantizer in quantizers_of(run.network)
            if quantizer.weights is not None and quantizer.scale.numel() > 1 and quantizer.bits > self.bits
        ]
        if not self._found:
            raise LevadaError(
                f"narrow_rows: no layer has a scale for each channel and more than {self.bits} bits; leave "
                "the method out"
            )
        for quantizer, scale in self._found:
            quantizer.give_scale(scale)

    def after_step(self, run: Run) -> None:  # noqa: ARG002
        """Weights stay where their integers reach."""
        for quantizer, scale in self._found:
            assert quantizer.weights is not None
            scale.clip(quantizer.weights.parameter.data, quantizer.scale.detach())

    def finish(self, run: Run) -> None:  # noqa: ARG002
        """The scales stay what they are."""
        for quantizer, scale in self._found:
            constant = quantizer.scale.detach()
            quantizer.give_scale(Own(constant))
            assert quantizer.weights is not None
            scale.clip(quantizer.weights.parameter.data, constant)


class NarrowScale(nn.Module):
    """The scale that a quantizer had, larger for some rows."""

    def __init__(self, quantizer: Quantizer, options: NarrowRows) -> None:
        super().__init__()
        self.inner = quantizer.module.scaling_impl
        shape = quantizer.scale.shape
        rows = torch.arange(shape.numel()) % options.period >= options.period - options.count
        self.rows: Tensor
        self.register_buffer("rows", rows.view(shape), persistent=False)
        self.ternary = options.bits == _TERNARY_BITS
        self.most = 2 ** (options.bits - 1) - 1
        scaling = quantizer.module.int_scaling_impl
        self.factor = float(scaling(quantizer.bits) / scaling(torch.tensor(float(options.bits))))

    def forward(self, x: Tensor, threshold: Tensor) -> Tensor:
        """Of weights x [outputs, ...]: [outputs, 1, ...]."""
        wide: Tensor = self.inner(x, threshold)
        if self.ternary:
            mean = x.detach().abs().flatten(1).mean(1).view_as(wide)
            nearest = (2 * TERNARY * mean.clamp(min=torch.finfo(x.dtype).tiny)).log2().round()
            return torch.where(self.rows, nearest.exp2(), wide)
        return torch.where(self.rows, self.factor * wide, wide)

    def clip(self, x: Tensor, scale: Tensor) -> None:
        """Clips weights of those rows to their largest integer."""
        most = self.most * scale
        x.copy_(torch.where(self.rows, torch.minimum(torch.maximum(x, -most), most), x))
