"""The curvature of the loss, times how far a width moves the values."""

from __future__ import annotations

import functools
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
class Hessian(Source):
    """The mean eigenvalue of the loss's Hessian, times the squared error of each width.

    After Dong et al., "HAWQ-V2: Hessian Aware trace-Weighted Quantization of Neural Networks", NeurIPS 2020.
    For a quantizer that gives n values Q(x), weights or activations, the width b costs

        Omega_b = 1/2 * Tr(H) / n * |Q_b(x) - Q_widest(x)|**2,    H = d2 L / dQ(x)2

    the second term of the loss's Taylor series if errors go in all directions alike. Traces are estimated
    by Hutchinson's method: Tr(H) = E[v' H v] for v of -1 and 1, equally likely; here by `vectors` of them
    for each of `batches` batches. All v are drawn at once, and the products of different blocks have the mean
    0. An estimate below 0 counts as 0.

    The paper takes the Hessian of the network in full precision and the error against its values. Here both
    are those of the widest candidate, normalised by its running statistics; gradients pass straight through
    rounding. So the widest width costs 0, and weights and activations have one scale, that of the loss. A
    batch's activations are one vector: their n and their error both grow with the batch, so its size does
    not count.
    """

    batches: int
    vectors: int

    def losses(self, search: Search) -> Losses:
        """Omega of each width."""
        measure = functools.partial(omegas, self.vectors)
        return probes.losses(search, f"hessian of {self.vectors} vectors", self.batches, measure)


def omegas(vectors: int, loss: Tensor, found: Sequence[Probe]) -> list[list[float]]:
    """Omega of each width of each probe."""
    estimates = traces(loss, [probe.zero for probe in found], vectors)
    return [_costs(probe, max(0.0, trace)) for probe, trace in zip(found, estimates, strict=True)]


def _costs(probe: Probe, trace: float) -> list[float]:
    mean = trace / probe.zero.numel()
    return [mean / 2 * float(probe.moved(place).square().sum()) for place in range(len(probe.bank))]


def traces(loss: Tensor, parts: Sequence[Tensor], vectors: int) -> list[float]:
    """Estimates of the traces of the loss's Hessian with regard to each part, by so many random vectors.

    These come from torch's random state.
    """
    gradients = torch.autograd.grad(loss, parts, create_graph=True, materialize_grads=True)
    sums = [0.0] * len(parts)
    for _ in range(vectors):
        drawn = [torch.randint(2, part.shape).to(part) * 2 - 1 for part in parts]
        product = torch.stack([(g * v).sum() for g, v in zip(gradients, drawn, strict=True)]).sum()
        if not product.requires_grad:  # all gradients are constants
            break
        curved = torch.autograd.grad(product, parts, retain_graph=True, materialize_grads=True)
        for place, (hv, v) in enumerate(zip(curved, drawn, strict=True)):
            sums[place] += float((hv * v).sum())
    return [total / vectors for total in sums]
