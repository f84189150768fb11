"""Weights are drawn to the middle of the interval that rounds to their integer."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, ClassVar

import torch

from levada.train.methods import Method, option
from levada.train.quantizers import weights_of

if TYPE_CHECKING:
    from levada.train.run import Run


@dataclasses.dataclass(eq=False)
class Dampening(Method):
    """Oscillation dampening: a penalty for weights near the boundary between two integers.

    Nagel et al., "Overcoming Oscillations in Quantization-Aware Training", ICML 2022. With the
    weight w, its quantized value q (a constant for the gradient) and the quantizer's range:

        loss += s(t) * sum over all weights of (q - clip(w, least, most))**2

    where s(t) grows from 0 to `strength` along half a cosine.
    """

    excludes: ClassVar[frozenset[str]] = frozenset({"freezing", "information_retaining"})

    strength: float = option(0.001, 0.0)

    def start(self, run: Run) -> None:
        """Finds the weights."""
        self._layers = weights_of(run.network)

    def loss(self, run: Run, outputs: torch.Tensor, loss: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """Adds the penalty."""
        strength = self.strength * (1 - math.cos(math.pi * run.progress)) / 2
        for weights in self._layers:
            integers, scale = weights.integers()
            least, most = (bound * scale for bound in weights.bounds())
            clipped = torch.minimum(torch.maximum(weights.parameter, least), most)
            loss = loss + strength * (integers * scale - clipped).square().sum()
        return loss
