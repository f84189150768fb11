"""The loss's gradient with regard to the binary digits that a width leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from levada.search import probes
from levada.search.sensitivities import Source

if TYPE_CHECKING:
    from levada.search.context import Search
    from levada.search.joint import Losses
    from levada.search.probes import Probe


@dataclass(frozen=True)
class Gradient(Source):
    """The sum of the magnitudes of the digits' gradients, for the digits that are left out.

    The idea of Kundu et al., "BMPQ: Bit-Gradient Sensitivity-Driven Mixed-Precision Quantization of DNNs from
    Scratch", DATE 2022, in a form of levada's own. A value q * s whose integer q has the digits d_0, d_1, ...
    has, by the chain rule, the gradients dL/dd_i = +-2**i * s * dL/d(q * s). Of the widest width B the width
    b keeps the upper digits, and costs

        Omega_b = sum over i < B - b of the mean of |dL/dd_i| = (2**(B - b) - 1) * mean of |s * dL/d(q * s)|

    The mean is over the layer's weights, or over the activations of one example, whose magnitudes are summed
    over the batch: so neither the size of a layer nor that of a batch counts, and weights and activations
    have one scale. There are `batches` batches.

    The paper gathers the gradients of weights in a training from scratch, in the course of which an integer
    program gives layers other widths. Here the widest candidate is trained, its network is asked once, as it
    is in the end, and activations are asked, too. The sum over the digits left out is levada's own, and that
    a quantizer of b bits gives the upper digits of a wider one is nearly so, as both have the same range.
    """

    batches: int

    def losses(self, search: Search) -> Losses:
        """Omega of each width."""
        return probes.losses(search, "bit gradients", self.batches, omegas)


def omegas(loss: Tensor, found: Sequence[Probe]) -> list[list[float]]:
    """Omega of each width of each probe."""
    gradients = torch.autograd.grad(loss, [probe.zero for probe in found], materialize_grads=True)
    return [_costs(probe, gradient) for probe, gradient in zip(found, gradients, strict=True)]


def _costs(probe: Probe, gradient: Tensor) -> list[float]:
    mean = float((probe.scale * gradient).abs().sum()) / probe.size
    bits = probe.bank.bits
    return [(2.0 ** (bits[-1] - own) - 1) * mean for own in bits]
