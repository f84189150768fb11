"""Thresholds of activations, learned; what they lead to stays uniform."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

import torch
from brevitas.nn import QuantReLU
from torch import Tensor, nn

from levada.errors import LevadaError
from levada.train.methods import Method, option
from levada.train.own import Quantizer, Staircase, quantizers_of

if TYPE_CHECKING:
    from levada.train.run import Run


@dataclasses.dataclass(eq=False)
class NonuniformThresholds(Method):
    """N2UQ: intervals of learned widths become integers at equal distances.

    Liu et al., "Nonuniform-to-Uniform Quantization: Towards Accurate Quantization via Generalized
    Straight-Through Estimation", CVPR 2022. Each ReLU to b bits learns a start d[0] and widths
    a[1] .. a[N], N = 2**b - 1, at least `least` times the quantizer's scale s; d[k] = d[k-1] + a[k]. It gives

        y = s * |{k: x >= T[k]}|,    T[k] = d[k-1] + a[k] / 2    in the middle of each width

    and passes on the gradients of what rounding at random, by how near, would give on average (the
    generalized straight-through estimator):

        s * sum over k of clip((x - d[k-1]) / a[k], 0, 1),    so dy/dx = s / a[k] between d[k-1] and d[k]

    It starts with all widths s, which is the quantizer as it was. Hardware compares with thresholds whatever
    they are, or with lines where they are near some (docs/architecture.md#thresholds): searches cost the
    same, lines more. The file has a MultiThreshold before each such quantizer.
    """

    excludes: ClassVar[frozenset[str]] = frozenset({"calibration", "full_precision", "learned_bits"})

    least: float = option(0.05, 1e-3, 1.0)

    def start(self, run: Run) -> None:
        """Puts learned thresholds before the quantizers, behind ReLU."""
        quantizers = {id(quantizer.module): quantizer for quantizer in quantizers_of(run.network)}
        self._found = []
        for relu in (module for module in run.network.modules() if isinstance(module, QuantReLU)):
            proxy = relu.act_quant.fused_activation_quant_proxy
            quantizer = quantizers.pop(id(proxy.tensor_quant), None)
            if quantizer is not None:
                proxy.activation_impl = LearnedThresholds(quantizer, self.least).to(run.fabric.device)
                self._found.append(proxy)
        if not self._found:
            raise LevadaError(
                f"{run.title}: nonuniform_thresholds is for ReLU of two bits or more, and it has none; "
                "leave it out"
            )

    def after_step(self, run: Run) -> None:  # noqa: ARG002
        """Keeps the widths above 0."""
        for proxy in self._found:
            proxy.activation_impl.bound()

    def finish(self, run: Run) -> None:  # noqa: ARG002
        """The thresholds stay what they are."""
        for proxy in self._found:
            learned = proxy.activation_impl
            # In place of ReLU, too: the first threshold is above 0, and what is below it becomes 0.
            proxy.activation_impl = Staircase(learned.thresholds, learned.quantizer.scale)


class LearnedThresholds(nn.Module):
    """The function and the gradients of the method, for one quantizer."""

    def __init__(self, quantizer: Quantizer, least: float) -> None:
        super().__init__()
        self.quantizer = quantizer
        scale = float(quantizer.scale)
        self.least = least * scale
        self.start = nn.Parameter(torch.zeros(()))
        self.widths = nn.Parameter(torch.full((int(quantizer.bounds[1]),), scale))

    @property
    def ends(self) -> Tensor:
        """d[1] .. d[N]."""
        return self.start + self.widths.cumsum(0)

    @property
    def thresholds(self) -> Tensor:
        """T[1] .. T[N], ascending and above 0."""
        return self.ends - self.widths / 2

    def forward(self, x: Tensor) -> Tensor:
        """Multiples of the quantizer's scale, of the shape of x."""
        x = torch.relu(x)
        ends = self.ends
        with torch.no_grad():
            count = torch.bucketize(x, self.thresholds, right=True).to(x.dtype)
            inside = torch.bucketize(x, ends, right=True).clamp(max=len(ends) - 1)
        part = ((x - ends[inside] + self.widths[inside]) / self.widths[inside]).clamp(0, 1)
        mean = inside + part
        return self.quantizer.scale * (count + mean - mean.detach())

    def bound(self) -> None:
        """Widths of at least `least`, a start at which the first threshold is above 0."""
        with torch.no_grad():
            self.widths.clamp_(min=self.least)
            self.start.clamp_(min=float(self.least - self.widths[0]) / 2)
