"""Gradients at disturbed weights, and a penalty where the loss curves."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from levada.errors import LevadaError
from levada.train.methods import Method, option
from levada.train.observe import Offset, still_statistics
from levada.train.quantizers import Handles, weights_of

if TYPE_CHECKING:
    from levada.train.run import Run


@dataclasses.dataclass(eq=False)
class Hero(Method):
    """Robust against small changes of the weights: a low loss there, and small eigenvalues of the Hessian.

    After Yang et al., "HERO: Hessian-Enhanced Robust Optimization for Unifying and Improving Generalization
    and Quantization Performance", DAC 2022, whose two terms it has, over *quantized* weights, in a form of
    levada's own. With the quantized weights Q of each layer and the gradient g of the loss L there,

        z = radius * |Q| * g / |g|        for each layer, a constant for what follows
        minimise  L(Q + z) + strength * |L'(Q + z) - L'(Q)|**2

    where |L'(Q + z) - L'(Q)| is about |H z|, the Hessian's part along z. Both terms have exact gradients,
    passed straight through to the weights. Each step costs about six; batch statistics are those of the
    first pass. One process only.
    """

    excludes: ClassVar[frozenset[str]] = frozenset({"saq"})

    radius: float = option(0.01, 0.0)
    strength: float = option(0.1, 0.0)

    def start(self, run: Run) -> None:
        """Lets each quantizer of weights add an offset, which is 0 but for the second pass."""
        if run.fabric.world_size > 1:
            raise LevadaError(f"{run.title}: hero trains in one process; use --processes 1, or leave it out")
        self._layers = [(weights, Offset(weights)) for weights in weights_of(run.network)]
        self._handles = Handles([offset.handle for _, offset in self._layers])

    def before_step(self, run: Run) -> None:
        """Takes the gradients anew, those of both terms."""
        offsets = [offset for _, offset in self._layers]
        with still_statistics(run.network):
            _, here = self._slopes(run)
            for (weights, offset), slope in zip(self._layers, here, strict=True):
                integers, scale = weights.integers()
                norm = slope.detach().norm()
                size = self.radius * (integers * scale).norm() / norm if norm > 0 else torch.zeros_like(norm)
                offset.value = (size * slope.detach()).requires_grad_()
            loss, there = self._slopes(run)
        change = torch.stack([(b - a).square().sum() for a, b in zip(here, there, strict=True)]).sum()
        run.backward(loss + self.strength * change)
        for offset in offsets:
            offset.value = torch.zeros_like(offset.value).requires_grad_()

    def finish(self, run: Run) -> None:  # noqa: ARG002
        """Takes the offsets out."""
        self._handles.remove()

    def _slopes(self, run: Run) -> tuple[Tensor, list[Tensor]]:
        """The loss, and its gradients at the quantized weights, which have gradients themselves."""
        loss = run.loss()
        offsets = [offset.value for _, offset in self._layers]
        return loss, list(torch.autograd.grad(loss, offsets, create_graph=True, materialize_grads=True))
