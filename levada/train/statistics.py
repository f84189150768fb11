"""Statistics of batch normalisation, measured anew for the weights as they are."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn


def reestimate(network: nn.Module, inputs: Iterable[Tensor]) -> None:
    """Replaces mean and variance of each normalisation by the plain means of those of some batches.

    That is

        mean = 1/B * sum of the batches' means,    variance = 1/B * sum of their variances

    Only normalisations are in training mode for it; the network is in evaluation mode then.

    Args:
        network: any, with or without normalisations.
        inputs: the B batches, as the network takes them.
    """
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    network.eval()
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean of all batches
        norm.train()
    with torch.no_grad():
        for batch in inputs:
            network(batch)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()
