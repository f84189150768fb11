"""Levels of weights that lie where the weights are."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from levada.errors import LevadaError
from levada.train.methods import Method, option
from levada.train.own import Own, Quantizer, quantizers_of
from levada.train.quantizers import Handles, Weights

if TYPE_CHECKING:
    from levada.train.run import Run

_MOST_BITS = 4  # a code: 2**bits levels are compared with each weight


@dataclasses.dataclass(eq=False)
class LearnedLevels(Method):
    """LQ-Nets: a weight is a sum of basis numbers, each with its own sign, and the basis is learned.

    Zhang et al., "LQ-Nets: Learned Quantization for Highly Accurate and Compact Deep Neural Networks", ECCV
    2018. Weights of K bits, 2 to 4, are one of the levels +-v[1] +-v[2] ... +-v[K]. After each step, for each
    scale of the quantizer (one a layer, or one a channel), one round of the paper's quantization error
    minimisation: each weight w takes the signs B of the nearest level, and v moves to the least squares

        solution u = (B^T B)^-1 B^T w:    v <- momentum * v + (1 - momentum) * u

    Gradients pass straight through. What hardware multiplies by is not the signs but the level, so levels
    are made integers of `width` bits: v is rounded to multiples of a power of two s with which the largest
    level fits. The file has weights of `width` bits, and hardware pays for so many: memory as for `width`
    bits, though only 2**K of their values occur.
    """

    excludes: ClassVar[frozenset[str]] = frozenset(
        {"dampening", "freezing", "full_precision", "learned_rounding", "noise_decay"}
    )

    width: int = option(4, 2, 8)
    momentum: float = option(0.9, 0.0, 1.0)

    def start(self, run: Run) -> None:
        """Changes the quantizers of weights of two to four bits."""
        self._levels = {}
        for quantizer in quantizers_of(run.network):
            if quantizer.weights is not None and float(quantizer.bits) <= min(self.width, _MOST_BITS):
                self._levels[quantizer.name] = Levels(quantizer, quantizer.weights, self.width)
        if not self._levels:
            raise LevadaError(
                f"{run.title}: learned_levels is for weights of 2 to {min(self.width, _MOST_BITS)} bits, and "
                "it has none; leave it out, or raise its width"
            )
        self._handles = Handles([levels.handle for levels in self._levels.values()])

    def after_step(self, run: Run) -> None:  # noqa: ARG002
        """Fits each basis to the weights of now."""
        for levels in self._levels.values():
            levels.fit(self.momentum)

    def state(self) -> dict[str, Any]:
        """Each basis."""
        return {name: levels.basis for name, levels in self._levels.items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Sets each basis."""
        for name, levels in self._levels.items():
            levels.take(state[name])

    def finish(self, run: Run) -> None:  # noqa: ARG002
        """Weights become their levels."""
        self._handles.remove()
        with torch.no_grad():
            for levels in self._levels.values():
                levels.weights.parameter.copy_(levels.nearest(levels.weights.parameter))


class Levels:
    """The levels of one layer's weights.

    Attributes:
        basis: before rounding, float [scales, K].
        scale: of the integers, a power of two for each of the quantizer's scales.
    """

    def __init__(self, quantizer: Quantizer, weights: Weights, width: int) -> None:
        self.weights = weights
        bits = int(quantizer.bits)
        self.most = 2 ** (width - 1) - 1
        scale = quantizer.scale.detach()
        self.scale = Own(scale)
        quantizer.give_scale(self.scale)
        quantizer.give_bits(Own(torch.tensor(float(width), device=scale.device)))
        self.codes = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=bits)), device=scale.device)
        mean = self._rows(weights.parameter.detach()).abs().mean(dim=1, keepdim=True)
        # Levels at equal distances 2 * a have the mean size a * 2**(bits - 1).
        self.take(mean / 2 ** (bits - 1) * 2.0 ** torch.arange(bits, device=scale.device))
        self.handle = weights.quantizer.register_forward_pre_hook(self._before)

    def take(self, basis: Tensor) -> None:
        """Another basis, and the smallest scale with which its largest level fits."""
        self.basis = basis
        exponent = (basis.abs().sum(dim=1) / (self.most + 0.5)).log2().ceil()
        self.scale.own.copy_(torch.exp2(exponent).view_as(self.scale.own))

    def fit(self, momentum: float) -> None:
        """One round of quantization error minimisation."""
        rows = self._rows(self.weights.parameter.detach())
        levels = self.basis @ self.codes.T
        signs = self.codes[(rows[:, :, None] - levels[:, None, :]).abs().argmin(dim=2)]
        found = torch.linalg.lstsq(signs, rows[:, :, None], driver="gelsd").solution[:, :, 0]
        self.take(momentum * self.basis + (1 - momentum) * found)

    def nearest(self, weights: Tensor) -> Tensor:
        """The level for each weight, a multiple of the scale."""
        rows, scale = self._rows(weights), self.scale.own.reshape(-1, 1)
        integers = (self.basis / scale).round() @ self.codes.T
        levels = integers.clamp(-self.most, self.most) * scale
        index = (rows[:, :, None] - levels[:, None, :]).abs().argmin(dim=2)
        return levels.gather(1, index).reshape(weights.shape)

    def _rows(self, weights: Tensor) -> Tensor:
        return weights.reshape(self.scale.own.numel(), -1)

    def _before(self, _: nn.Module, arguments: tuple[Tensor]) -> tuple[Tensor]:
        (weights,) = arguments
        return (weights + (self.nearest(weights) - weights).detach(),)
