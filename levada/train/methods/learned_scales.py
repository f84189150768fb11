"""Scales of weights and activations, learned."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn

from levada.train.methods import Method, option
from levada.train.own import Own, Quantizer, quantizers_of

if TYPE_CHECKING:
    from levada.train.run import Run

#: Of float32: with so many nothing is rounded.
_ALL_BITS = 24


@dataclasses.dataclass(eq=False)
class LearnedScales(Method):
    """Each scale is a parameter, trained with the weights by the same loss.

    LSQ: Esser et al., "Learned Step Size Quantization", ICLR 2020; with scales that are powers of two, TQT:
    Jain et al., "Trained Quantization Thresholds for Accurate and Efficient Fixed-Point Inference", MLSys
    2020. With the value v, its scale s and the largest integer Q, a quantizer passes to s

        dy/ds = round(v / s) - v / s  where round(v / s) is in range, else the least or greatest integer,

    times g = 1 / sqrt(N * Q) for N weights a scale, or N elements of one example. (In the paper v / s itself
    is in range, half a step less.) What is learned is log2(s), as in TQT. Before use s is rounded to
    `significant` bits, which the gradient does not see: 1 for powers of two, with which float32 sums are
    exact, up to 24 for s as it is. Scales of weights start from 2 * mean|w| / sqrt(Q), as LSQ's; those of
    activations from what the family gives. Quantizers of one bit stay as they are: batch normalisation takes
    their scale up.
    """

    significant: int = option(1, 1, _ALL_BITS)
    weights: bool = option(default=True)
    activations: bool = option(default=True)

    excludes: ClassVar[frozenset[str]] = frozenset({"learned_bits", "learned_levels"})

    def start(self, run: Run) -> None:
        """Gives the quantizers learned scales, which are the network's own parameters from then on."""
        wanted = {True: self.weights, False: self.activations}
        self._found = [q for q in quantizers_of(run.network) if wanted[q.weights is not None]]
        for quantizer in self._found:
            quantizer.give_scale(LearnedScale(quantizer, self.significant).to(run.fabric.device))

    def finish(self, run: Run) -> None:  # noqa: ARG002
        """The scales stay what they are."""
        for quantizer in self._found:
            quantizer.give_scale(Own(quantizer.scale))


class LearnedScale(nn.Module):
    """2**log2, rounded to some significant bits."""

    def __init__(self, quantizer: Quantizer, significant: int) -> None:
        super().__init__()
        self.significant = significant
        self.most = float(quantizer.bounds[1])
        self.per_example = quantizer.weights is None
        start = quantizer.scale.detach()
        if quantizer.weights is not None:
            start = 2 * _mean(quantizer.weights.parameter.detach().abs(), start) / math.sqrt(self.most)
        self.log2 = nn.Parameter(start.log2())

    def forward(self, x: Tensor, _: Tensor) -> Tensor:
        """The scale for x, of the shape that the quantizer had it in."""
        count = x[0].numel() if self.per_example and x.ndim else x.numel() / self.log2.numel()
        factor = 1 / math.sqrt(max(count, 1) * self.most)
        scale = torch.exp2(self.log2)
        scale = factor * scale + (scale - factor * scale).detach()
        return scale + (rounded(scale, self.significant) - scale).detach()


def rounded(scale: Tensor, significant: int) -> Tensor:
    """The nearest numbers of so many significant bits."""
    if significant >= _ALL_BITS:
        return scale
    step = torch.exp2(scale.log2().floor() + 1 - significant)
    return (scale / step).round() * step


def _mean(values: Tensor, like: Tensor) -> Tensor:
    """One mean for all, or one for each output channel."""
    return values.mean().expand_as(like) if like.numel() == 1 else values.flatten(1).mean(1).view_as(like)
