"""Quantizers with noise that dies away."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from levada.train.methods import Method, option
from levada.train.quantizers import Handles, Quantized, rewrite

if TYPE_CHECKING:
    from levada.train.run import Run

_LEAST = 0.1  # of a gradient's scale: at 0 a quantizer would learn no more


@dataclasses.dataclass(eq=False)
class NoiseDecay(Method):
    """Noise of the size of each value's own rounding error, and a learned scale of each quantizer's gradient.

    After the idea of Wang et al., "Error-aware Quantization through Noise Tempering", 2022: noise in
    proportion to the error, decaying exponentially, with a learnable scale of the gradient. The form is
    levada's own. With the clipped value c, its quantized value q, u drawn evenly from -1..1, and the part p
    of all steps that is done, each quantizer gives in training

        y = q + a(p) * |c - q| * u,    a(p) = amplitude * exp(-decay * p)

    and passes the gradient on as g * dL/dy, where g starts at 1 and is learned as the factor in
    y = q + (g * c - constant): dL/dg = sum of c * dL/dy. In evaluation y = q.
    """

    excludes: ClassVar[frozenset[str]] = frozenset({"full_precision", "information_retaining"})

    amplitude: float = option(1.0, 0.0)
    decay: float = option(5.0, 0.0)

    def start(self, run: Run) -> None:
        """Changes all quantizers, of weights and of activations."""
        self._run = run
        self._handles: Handles = rewrite(run.network, self._noisy)
        device = run.fabric.device
        self._scales = {name: nn.Parameter(torch.ones((), device=device)) for name in self._handles.names}

    def parameters(self) -> list[nn.Parameter]:
        """The scales of gradients."""
        return list(self._scales.values())

    def state(self) -> dict[str, Any]:
        """The scales of gradients."""
        return {name: scale.detach() for name, scale in self._scales.items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Sets the scales of gradients."""
        with torch.no_grad():
            for name, scale in self._scales.items():
                scale.copy_(state[name])

    def after_step(self, run: Run) -> None:  # noqa: ARG002
        """Keeps the scales above 0."""
        with torch.no_grad():
            for scale in self._scales.values():
                scale.clamp_(min=_LEAST)

    def finish(self, run: Run) -> None:  # noqa: ARG002
        """The exported network has no noise."""
        self._handles.remove()

    def _noisy(self, q: Quantized) -> Tensor | None:
        if not q.training:
            return None
        amplitude = self.amplitude * math.exp(-self.decay * self._run.progress)
        noise = amplitude * (q.clipped - q.y).detach().abs() * (2 * torch.rand_like(q.y) - 1)
        # y has a gradient of 1 already.
        scaled = (self._scales[q.name] - 1) * q.clipped
        return q.y + noise + scaled - scaled.detach()
