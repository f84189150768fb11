"""Gradients taken where the loss is worst around the quantized weights."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from levada.train.methods import Method, option
from levada.train.quantizers import Handles, Weights, weights_of

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
        self._layers = [(weights, _Offset(weights)) for weights in weights_of(run.network)]
        self._norms = [m for m in run.network.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
        self._handles = Handles([offset.handle for _, offset in self._layers])

    def before_step(self, run: Run) -> None:
        """Takes the gradients anew, at the offset."""
        offsets = [offset.value for _, offset in self._layers]
        gradients = [torch.zeros_like(o) if o.grad is None else o.grad for o in offsets]
        norm = torch.stack([gradient.norm() for gradient in gradients]).norm()
        factor = self.radius / norm if norm > 0 else torch.zeros_like(norm)
        momenta = [norm.momentum for norm in self._norms]
        with torch.no_grad():
            for offset, gradient in zip(offsets, gradients, strict=True):
                offset.copy_(factor * gradient)
        for layer in self._norms:
            layer.momentum = 0.0
        run.gradients()
        for layer, momentum in zip(self._norms, momenta, strict=True):
            layer.momentum = momentum
        with torch.no_grad():
            for offset in offsets:
                offset.zero_()
                offset.grad = None

    def finish(self, run: Run) -> None:  # noqa: ARG002
        """Takes the offsets out."""
        self._handles.remove()


class _Offset:
    """Added to what the quantizer of some weights gives; its gradient is that of the quantized weights."""

    def __init__(self, weights: Weights) -> None:
        self.value = torch.zeros_like(weights.parameter).requires_grad_()
        self.handle = weights.quantizer.register_forward_hook(self._add)

    def _add(self, _: nn.Module, arguments: tuple[Tensor], quantized: Any) -> Any:  # noqa: ANN401, ARG002
        return quantized._replace(value=quantized.value + self.value)
