"""Binary weights that are balanced, and a gradient for the sign that sharpens."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn

from levada.errors import LevadaError
from levada.train.methods import Method, option
from levada.train.quantizers import Handles, Quantized, rewrite, weights_of

if TYPE_CHECKING:
    from levada.train.run import Run


@dataclasses.dataclass(eq=False)
class InformationRetaining(Method):
    """IR-Net: weights of one bit carry the most information where half of them are positive.

    Qin et al., "Forward and Backward Information Retention for Accurate Binary Neural Networks", CVPR 2020.
    Forward, for the weights w of each output channel:

        b = sign((w - mean(w)) / std(w))

    Backward, the sign's derivative, of weights and of activations alike, is that of k * tanh(t * x), where
    over the part p of all steps that is done

        t = least * (most / least)**p,    k = max(1 / t, 1)

    so that at first every weight gets a gradient, and at last those near 0 alone. The paper's factor 2**s of
    the weights is left out: the batch normalisation behind takes it up. What is exported are the weights b.
    """

    excludes: ClassVar[frozenset[str]] = frozenset({"dampening", "freezing", "full_precision", "noise_decay"})

    least: float = option(0.1, 1e-3, 1e3)
    most: float = option(10.0, 1e-3, 1e3)

    def start(self, run: Run) -> None:
        """Changes the quantizers of one bit; there has to be a layer with such weights."""
        self._run = run
        self._layers = [weights for weights in weights_of(run.network) if weights.bits == 1]
        if not self._layers:
            raise LevadaError(
                f"{run.title}: information_retaining is for weights of one bit, and it has none; leave it out"
            )
        hooks = [weights.quantizer.register_forward_pre_hook(_standardise) for weights in self._layers]
        self._handles = Handles(hooks)
        self._signs = rewrite(run.network, self._estimated, binary_only=True)

    def finish(self, run: Run) -> None:  # noqa: ARG002
        """Writes the standardised weights into the network: their signs stay the same without hooks."""
        with torch.no_grad():
            for weights in self._layers:
                weights.parameter.copy_(standardised(weights.parameter))
        self._handles.remove()
        self._signs.remove()

    def _estimated(self, q: Quantized) -> Tensor:
        t = self.least * (self.most / self.least) ** self._run.progress
        soft: Tensor = max(1 / t, 1.0) * torch.tanh(t * q.x)
        result: Tensor = q.y.detach() + q.scale * (soft - soft.detach())
        return result


def standardised(weights: Tensor) -> Tensor:
    """Each output channel of [outputs, ...] with mean 0 and deviation 1."""
    flat = weights.flatten(1)
    centred = flat - flat.mean(dim=1, keepdim=True)
    deviation = centred.std(dim=1, keepdim=True).clamp(min=math.ulp(1.0))
    return (centred / deviation).reshape(weights.shape)


def _standardise(_: nn.Module, arguments: tuple[Tensor]) -> tuple[Tensor]:
    return (standardised(arguments[0]),)
