"""Weights that jump between two integers are fixed."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from levada.train.methods import Method, option
from levada.train.quantizers import Weights, weights_of

if TYPE_CHECKING:
    from levada.train.run import Run


@dataclasses.dataclass(eq=False)
class Freezing(Method):
    """Iterative weight freezing: what oscillates too often keeps the integer that it was at most of the time.

    Nagel et al., "Overcoming Oscillations in Quantization-Aware Training", ICML 2022. With the
    integer n of a weight at step t, momentum m and the direction of its last change:

        o = 1 if n has changed, and not in the direction of the last change, else 0
        f = m * o + (1 - m) * f             how often it oscillates
        e = m * n + (1 - m) * e             where it is on average
        f > threshold:  n = round(e) from now on

    The threshold falls from `start_threshold` to `end_threshold` along half a cosine.
    """

    excludes: ClassVar[frozenset[str]] = frozenset({"dampening", "information_retaining"})

    momentum: float = option(0.01, 1e-6, 1.0)
    start_threshold: float = option(0.04, 0.0, 1.0)
    end_threshold: float = option(0.01, 0.0, 1.0)

    def start(self, run: Run) -> None:
        """Takes the integers that the weights start from."""
        self._layers = [(weights, Oscillation(weights)) for weights in weights_of(run.network)]

    def after_step(self, run: Run) -> None:
        """Counts, freezes, and puts frozen weights back to where they stay."""
        share = (1 + math.cos(math.pi * run.progress)) / 2
        threshold = self.end_threshold + share * (self.start_threshold - self.end_threshold)
        for weights, oscillation in self._layers:
            integers, scale = weights.integers()
            oscillation.update(integers, self.momentum, threshold, binary=weights.bits == 1)
            hold(weights, oscillation, scale)

    def state(self) -> dict[str, Any]:
        """One table a layer."""
        return {weights.name: vars(oscillation) for weights, oscillation in self._layers}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on counting."""
        for weights, oscillation in self._layers:
            vars(oscillation).update(state[weights.name])

    @property
    def frozen(self) -> float:
        """The part of all weights that is frozen."""
        masks = [oscillation.frozen for _, oscillation in self._layers]
        return sum(int(mask.sum()) for mask in masks) / sum(mask.numel() for mask in masks)


class Oscillation:
    """What is known of each weight of a layer; all tensors have the parameter's shape.

    Attributes:
        integers: at the last step; of frozen weights, for good.
        direction: of the last change: -1, 1, or 0 where there was none yet.
        frequency: moving average of oscillations a step.
        average: moving average of the integers.
        frozen: whether it is.
    """

    def __init__(self, weights: Weights) -> None:
        self.integers = weights.integers()[0]
        self.direction = torch.zeros_like(self.integers)
        self.frequency = torch.zeros_like(self.integers)
        self.average = self.integers.clone()
        self.frozen = torch.zeros_like(self.integers, dtype=torch.bool)

    def update(self, integers: Tensor, momentum: float, threshold: float, *, binary: bool) -> None:
        """One step of the algorithm, for the integers after the optimizer's step."""
        free = ~self.frozen
        change = (integers - self.integers).sign() * free
        back = (change * self.direction < 0).float()
        self.frequency += free * momentum * (back - self.frequency)
        self.average += free * momentum * (integers - self.average)
        self.direction = torch.where(change != 0, change, self.direction)
        freeze = free & (self.frequency > threshold)
        # Of one bit there is nothing between -1 and 1.
        nearest = torch.where(self.average < 0, -1.0, 1.0) if binary else self.average.round()
        self.integers = torch.where(free, integers, self.integers)
        self.integers = torch.where(freeze, nearest, self.integers)
        self.frozen |= freeze


def hold(weights: Weights, oscillation: Oscillation, scale: Tensor) -> None:
    """Puts frozen weights onto their integers, at the scale of now.

    Where the scale is taken from the largest weight, and that is frozen at less, it falls: the same values
    are larger integers then.
    """
    if oscillation.frozen.any():
        with torch.no_grad():
            held = oscillation.integers * scale
            weights.parameter.copy_(torch.where(oscillation.frozen, held, weights.parameter))
        oscillation.integers = weights.integers()[0]
