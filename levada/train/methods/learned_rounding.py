"""Weights rounded up or down by what the layer's outputs want."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from levada.train.methods import Method, option
from levada.train.quantizers import Weights
from levada.train.reconstruction import Pairs, error, layers_in_turn

if TYPE_CHECKING:
    from levada.train.run import Run

#: The rectified sigmoid reaches a little below 0 and above 1, and so 0 and 1 themselves.
_LOW, _HIGH = -0.1, 1.1
_FIRST_POWER, _LAST_POWER = 20.0, 2.0
_LEAST_ERROR = 1e-12
_FREE = 0.2  # the part of all iterations in which no weight is pressed to a side


@dataclasses.dataclass(eq=False)
class LearnedRounding(Method):
    """AdaRound: layer by layer, each weight takes the integer below or above it, whichever serves the sums.

    Nagel et al., "Up or Down? Adaptive Rounding for Post-Training Quantization", ICML 2020. With weights w of
    scale s, a layer's inputs x' in the rounded network and x in the one without rounding, V is learned by

        minimise |W' x' - W x|**2 / E + `strength` * mean of (1 - |2 h(V) - 1|**b),
        W' = s * clip(floor(w / s) + h(V)),    h(V) = clip(1.2 * sigmoid(V) - 0.1, 0, 1)

    where b falls from 20 to 2, and the second term, which presses each h to 0 or 1, comes in after a fifth of
    the iterations. V starts where floor(w / s) + h(V) = w / s. Weights of one bit become -1 or 1. E is
    the first term for weights rounded to the nearest: the paper has neither E nor the mean, so that its
    `strength` depends on the sizes of the layer and of its values. Scales stay what they are from then on. It
    belongs behind `full_precision` and `calibration`.
    """

    excludes: ClassVar[frozenset[str]] = frozenset({"attention_rounding", "learned_bits", "learned_levels"})

    batches: int = option(10, 1)
    iterations: int = option(1000, 1)
    learning_rate: float = option(0.01, 1e-6, 1.0)
    strength: float = option(5.0, 0.0)

    def finish(self, run: Run) -> None:
        """Rounds one layer after the other, in the order in which they run."""
        for weights, pairs in layers_in_turn(run, self.batches):
            self._round(weights, pairs)

    def _round(self, weights: Weights, pairs: Pairs) -> None:
        """Finds the integers for pairs of what the layer reads and what it should give."""
        rounding = Rounding(weights)
        optimizer = torch.optim.Adam([rounding.v], lr=self.learning_rate)
        nearest = rounding.values(final=True).detach()
        scale = torch.stack([error(weights.layer, x, nearest, y).detach() for x, y in pairs]).mean()
        for iteration in range(self.iterations):
            x, y = pairs[iteration % len(pairs)]
            done = iteration / self.iterations
            loss = error(weights.layer, x, rounding.values(), y) / scale.clamp(min=_LEAST_ERROR)
            if done >= _FREE:
                part = (done - _FREE) / (1 - _FREE)
                power = _FIRST_POWER + part * (_LAST_POWER - _FIRST_POWER)
                loss = loss + self.strength * (1 - (2 * rounding.h() - 1).abs() ** power).mean()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        with torch.no_grad():
            weights.parameter.copy_(rounding.values(final=True))


class Rounding:
    """The integers below some weights, and how far each is on its way to the one above."""

    def __init__(self, weights: Weights) -> None:
        with torch.no_grad():
            self.scale = weights.integers()[1]
            self.least, self.most = weights.bounds()
            whole = (weights.parameter / self.scale).clamp(self.least, self.most)
            self.step = 2 if weights.bits == 1 else 1
            self.below = torch.full_like(whole, -1.0) if weights.bits == 1 else whole.floor()
            part = (whole - self.below) / self.step
            start = torch.logit((part - _LOW) / (_HIGH - _LOW))
        self.v = start.requires_grad_()

    def h(self) -> Tensor:
        """0 for the integer below, 1 for that above."""
        return (torch.sigmoid(self.v) * (_HIGH - _LOW) + _LOW).clamp(0, 1)

    def values(self, *, final: bool = False) -> Tensor:
        """The weights: on their way, or, at the end, at integers."""
        h = (self.h() >= 0.5).to(self.v.dtype) if final else self.h()
        return (self.below + self.step * h).clamp(self.least, self.most) * self.scale
