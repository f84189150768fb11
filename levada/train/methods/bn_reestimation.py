"""Batch normalisation measured again at the end."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import nn

from levada.train.methods import Method, option

if TYPE_CHECKING:
    from levada.train.run import Run


@dataclasses.dataclass(eq=False)
class BnReestimation(Method):
    """Mean and variance of each normalisation, taken anew with the final weights.

    While weights jump between two integers, the moving averages that training keeps belong to no weights at
    all. Before export they are replaced by the plain mean of the statistics of `batches` training batches (of
    one epoch at most):

        mean = 1/B * sum of the batches' means,    variance = 1/B * sum of their variances

    Sun et al., "Hybrid 8-bit Floating Point (HFP8) Training and Inference for Deep Neural Networks", NeurIPS
    2019; Nagel et al., "Overcoming Oscillations in Quantization-Aware Training", ICML 2022.
    """

    last: ClassVar[bool] = True  # for the network as it is exported

    batches: int = option(100, 1)

    def finish(self, run: Run) -> None:
        """For the final weights."""
        reestimate(run, self.batches)


def reestimate(run: Run, batches: int) -> None:
    """Measures all normalisations anew; only they are in training mode for it, and nothing is then."""
    norms = [m for m in run.network.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    run.network.eval()
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean of all batches
        norm.train()
    with torch.no_grad():
        for _, batch in zip(range(batches), run.whole_batches(), strict=False):
            run.network(batch.inputs)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()
