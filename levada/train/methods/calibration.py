"""Scales that fit what quantizers get, chosen after training."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn

from levada.errors import LevadaError
from levada.train.methods import Method, option
from levada.train.observe import observe, unrounded
from levada.train.own import Own, Quantizer, quantizers_of

if TYPE_CHECKING:
    from levada.train.run import Run


@dataclasses.dataclass(eq=False)
class Calibration(Method):
    """Smaller scales where they make smaller errors: some values are clipped, all others are finer.

    Section 3.1 of Nagel et al., "A White Paper on Neural Network Quantization", 2021. After training each
    quantizer of two bits and more takes one of 2s, s, s/2, ... s/2**`halvings` for its scale s, so that
    powers of two stay powers of two. Of these it takes, `by` "mse", the one with the least

        sum over its values v of (v - quantized(v))**2

    or, `by` "percentile", the smallest that clips no more than 100 - `percentile` percent of its values. They
    are the weights, for each of their scales, or the activations of `batches` batches in the network without
    rounding. So it belongs behind `full_precision`, and before methods that choose integers.
    """

    excludes: ClassVar[frozenset[str]] = frozenset({"learned_bits", "learned_levels", "learned_scales"})

    by: str = option("mse")
    percentile: float = option(99.9, 0.0, 100.0)
    batches: int = option(10, 1)
    halvings: int = option(4, 1, 16)

    def start(self, run: Run) -> None:
        """Checks what can be checked before training."""
        if self.by not in {"mse", "percentile"}:
            raise LevadaError(f'{run.title}: calibration.by is {self.by!r}; write "mse" or "percentile"')

    def finish(self, run: Run) -> None:
        """Gives each quantizer its best scale, for good."""
        found = [_Candidates(quantizer, self.halvings) for quantizer in quantizers_of(run.network)]
        of_activations = {one.quantizer.module.int_quant: one for one in found if not one.quantizer.weights}

        def see(module: nn.Module, _: Tensor, clipped: Tensor) -> None:
            of_activations[module].add(clipped)

        inputs = list(run.some_inputs(self.batches))
        with unrounded(run.network):
            observe(run.network, list(of_activations), inputs, see)
        for one in found:
            if one.quantizer.weights is not None:
                one.add(one.quantizer.weights.parameter.detach())
            if one.count:  # what is not used has seen nothing
                best = one.least_error() if self.by == "mse" else one.smallest(self.percentile)
                one.quantizer.give_scale(Own(best))


class _Candidates:
    """Scales that a quantizer may take, the largest first, and what they would do to its values.

    Tensors are [candidates, scales].
    """

    def __init__(self, quantizer: Quantizer, halvings: int) -> None:
        self.quantizer = quantizer
        self.scale = quantizer.scale.detach()
        self.factors = [2.0**-halving for halving in range(-1, halvings + 1)]
        self.errors = self.scale.new_zeros(len(self.factors), self.scale.numel())
        self.clipped = torch.zeros_like(self.errors)
        self.count = 0

    def add(self, values: Tensor) -> None:
        """Counts more values in."""
        least, most = self.quantizer.bounds
        rows = values.reshape(self.scale.numel(), -1)  # of each output channel, or all
        self.count += rows.shape[1]
        for index, factor in enumerate(self.factors):
            scale = self.scale.reshape(-1, 1) * factor
            whole = (rows / scale).round()
            self.errors[index] += (self.quantizer.quantized(rows, scale) - rows).square().sum(dim=1)
            self.clipped[index] += ((whole < least) | (whole > most)).sum(dim=1)

    def least_error(self) -> Tensor:
        """For each scale the candidate of the least sum of squares; the larger of two."""
        return self._chosen(self.errors.argmin(dim=0))

    def smallest(self, percentile: float) -> Tensor:
        """For each scale the smallest candidate that keeps so many percent of values; else the largest."""
        fits = self.clipped <= self.count * (1 - percentile / 100)
        return self._chosen((fits.sum(dim=0) - 1).clamp(min=0))

    def _chosen(self, index: Tensor) -> Tensor:
        return self.scale * self.scale.new_tensor(self.factors)[index].reshape(self.scale.shape)
