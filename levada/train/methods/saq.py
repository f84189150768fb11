"""Gradients taken where the loss is worst around the quantized weights."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import torch

from levada.train.methods import Method, option
from levada.train.observe import Offset, still_statistics
from levada.train.quantizers import Handles, weights_of

if TYPE_CHECKING:
    from levada.train.run import Run


@dataclasses.dataclass(eq=False)
class Saq(Method):
    """Sharpness-aware quantization: looks for flat minima of the loss over the *quantized* weights.

    Liu, Cai and Zhuang, "Sharpness-aware Quantization for Deep Neural Networks", 2021, after the minimisation
    of Foret et al. With the quantized weights Q(w) of all layers, seen as one vector:

        g = gradient of the loss at Q(w),    e = radius * g / |g|
        the optimizer steps by the gradient at Q(w) + e, passed straight through to w

    Each step costs two; batch statistics are those of the first pass. Several processes take an e each.
    """

    radius: float = option(0.05, 0.0)

    def start(self, run: Run) -> None:
        """Lets each quantizer of weights add an offset, which is 0 but for the second pass."""
        self._layers = [(weights, Offset(weights)) for weights in weights_of(run.network)]
        self._handles = Handles([offset.handle for _, offset in self._layers])

    def before_step(self, run: Run) -> None:
        """Takes the gradients anew, at the offset."""
        offsets = [offset.value for _, offset in self._layers]
        gradients = [torch.zeros_like(o) if o.grad is None else o.grad for o in offsets]
        norm = torch.stack([gradient.norm() for gradient in gradients]).norm()
        factor = self.radius / norm if norm > 0 else torch.zeros_like(norm)
        with torch.no_grad():
            for offset, gradient in zip(offsets, gradients, strict=True):
                offset.copy_(factor * gradient)
        with still_statistics(run.network):
            run.gradients()
        with torch.no_grad():
            for offset in offsets:
                offset.zero_()
                offset.grad = None

    def finish(self, run: Run) -> None:  # noqa: ARG002
        """Takes the offsets out."""
        self._handles.remove()
