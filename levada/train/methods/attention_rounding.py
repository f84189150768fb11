"""Weights rounded to any integer, the more likely the nearer, and moved by what the layer's outputs want."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from levada.train.methods import Method, option
from levada.train.quantizers import Weights
from levada.train.reconstruction import Pairs, error, layers_in_turn

if TYPE_CHECKING:
    from levada.train.run import Run

_LEAST_ERROR = 1e-12


@dataclasses.dataclass(eq=False)
class AttentionRounding(Method):
    """Layer by layer, each weight takes an integer near it, whichever serves the sums.

    The idea of Diao et al., "Attention Round for Post-Training Quantization", 2022, in a form of levada's
    own. With weights w of scale s, a layer's inputs x' in the rounded network and x in the one without
    rounding, offsets a are learned by

        minimise |W' x' - W x|**2 / E,    W' = s * clip(round(w / s + a))

    from a drawn from a normal distribution of standard deviation `deviation`, t. So at first a weight may be
    any integer n, with the probability F((n + 1/2 - w / s) / t) - F((n - 1/2 - w / s) / t), where F is the
    normal distribution's: it decays with the distance as a Gaussian does. Gradients pass straight through
    rounding, and attend to what is near:

        dL/da = s * dL/dW' * F(-a / t) where that makes a larger,    * F(a / t) where it makes it smaller

    so an offset moves the more slowly the further it gets away, and comes back freely. The rate of learning
    falls to 0 along half a cosine. A layer whose sums err more in the end than with each weight rounded to
    the nearest keeps the latter; the paper has no such choice. Weights of one bit become -1 or 1. E is the
    error of the nearest. Scales stay what they are from then on. It belongs behind `full_precision` and
    `calibration`; unlike `learned_rounding` it can go further than the integers below and above.
    """

    excludes: ClassVar[frozenset[str]] = frozenset({"learned_bits", "learned_levels", "learned_rounding"})

    batches: int = option(10, 1)
    iterations: int = option(1000, 1)
    learning_rate: float = option(0.03, 1e-6, 1.0)
    deviation: float = option(0.5, 1e-3, 10.0)

    def finish(self, run: Run) -> None:
        """Rounds one layer after the other, in the order in which they run."""
        for weights, pairs in layers_in_turn(run, self.batches):
            self._round(weights, pairs)

    def _round(self, weights: Weights, pairs: Pairs) -> None:
        """Finds the integers for pairs of what the layer reads and what it should give."""
        rounding = Attention(weights, self.deviation)
        optimizer = torch.optim.Adam([rounding.offsets], lr=self.learning_rate)
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.iterations)
        nearest = rounding.nearest()
        least = _mean(weights, nearest, pairs)
        for iteration in range(self.iterations):
            x, y = pairs[iteration % len(pairs)]
            loss = error(weights.layer, x, rounding.values(), y) / least.clamp(min=_LEAST_ERROR)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            scheduler.step()
        with torch.no_grad():
            found = rounding.values()
            weights.parameter.copy_(found if _mean(weights, found, pairs) < least else nearest)


class Attention:
    """Some weights, in steps of their integers, and how far beside each is what is rounded."""

    def __init__(self, weights: Weights, deviation: float) -> None:
        self.scale = weights.integers()[1]
        self.least, self.most = weights.bounds()
        self.step = 2 if weights.bits == 1 else 1
        self.deviation = deviation
        self.places = (weights.parameter.detach() / self.scale).clamp(self.least, self.most)
        self.offsets = (torch.randn_like(self.places) * deviation).requires_grad_()

    def values(self) -> Tensor:
        """The weights, at integers; offsets are in steps."""
        rounded: Tensor = _Attentive.apply(self._steps, self.offsets, self.deviation)  # type: ignore[no-untyped-call]
        return self._at(rounded)

    def nearest(self) -> Tensor:
        """The weights, each at the integer nearest to it."""
        return self._at(self._steps.round())

    @property
    def _steps(self) -> Tensor:
        return (self.places - self.least) / self.step

    def _at(self, steps: Tensor) -> Tensor:
        """Of so many whole steps from the least."""
        return (self.least + self.step * steps).clamp(self.least, self.most) * self.scale


class _Attentive(torch.autograd.Function):
    """round(x + offsets); what goes back to the offsets attends to those near 0."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, offsets: Tensor, deviation: float) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(offsets)
        ctx.deviation = deviation
        return (x + offsets).round()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor, None]:  # noqa: ANN401
        (gradient,), (offsets,) = gradients, ctx.saved_tensors
        # Descent makes an offset larger where the gradient is below 0.
        towards = -gradient.sign()
        attention = torch.special.erfc(towards * offsets / (ctx.deviation * math.sqrt(2))) / 2
        return None, gradient * attention, None


def _mean(weights: Weights, values: Tensor, pairs: Pairs) -> Tensor:
    """The error of all pairs."""
    with torch.no_grad():
        return torch.stack([error(weights.layer, x, values, y) for x, y in pairs]).mean()
