"""Bit widths of weights and activations, learned."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn

from levada.train.methods import Method, option
from levada.train.own import Own, Quantizer, quantizers_of

if TYPE_CHECKING:
    from levada.train.run import Run

_LEAST, _MOST = 2, 8


@dataclasses.dataclass(eq=False)
class LearnedBits(Method):
    """Each quantizer learns its scale and its range; the width is what they need.

    Uhlich et al., "Mixed Precision DNNs: All you need is a good parametrization", ICLR 2020, whose choice of
    two parameters this is: the scale s, a power of two, and the largest value m. A signed quantizer has

        b = round(log2(m / s + 1)) + 1 bits, an unsigned one log2(m / s + 1), rounded, from 2 to 8

    (the paper rounds up). Rounding of b and of log2(s) is passed straight through, so that, where b is whole
    anyway, dy/ds = round(v / s) - v / s and dy/dm = 0 within the range, dy/ds = 0 and dy/dm = +-1 beyond it.

        loss += strength * (max(0, W - weight_bits)**2 + max(0, A - activation_bits)**2)

    for the mean width W of all weights and A of all quantizers of activations. In the end widths and scales
    are what they are then; the log has them. Quantizers of one bit stay as they are.
    """

    excludes: ClassVar[frozenset[str]] = frozenset(
        {"dampening", "freezing", "full_precision", "learned_levels", "nonuniform_thresholds"}
    )

    weight_bits: float = option(4.0, float(_LEAST), float(_MOST))
    activation_bits: float = option(4.0, float(_LEAST), float(_MOST))
    strength: float = option(0.1, 0.0)

    def start(self, run: Run) -> None:
        """Gives the quantizers learned ranges, which are the network's own parameters from then on."""
        self._found: list[tuple[Quantizer, LearnedRange]] = []
        for quantizer in quantizers_of(run.network):
            learned = LearnedRange(quantizer).to(run.fabric.device)
            quantizer.give_scale(_Scale(learned))
            quantizer.give_bits(_Bits(learned))
            self._found.append((quantizer, learned))

    def loss(self, run: Run, outputs: Tensor, loss: Tensor) -> Tensor:  # noqa: ARG002
        """Adds the penalty for means above their targets."""
        for mean, target in zip(self.means(), (self.weight_bits, self.activation_bits), strict=True):
            loss = loss + self.strength * (mean - target).clamp(min=0).square()
        return loss

    def after_step(self, run: Run) -> None:  # noqa: ARG002
        """Keeps widths from 2 to 8."""
        for _, learned in self._found:
            learned.bound()

    def finish(self, run: Run) -> None:
        """Widths and scales stay what they are."""
        weights, activations = (
            " ".join(str(int(learned.bits())) for _, learned in part) for part in self._parts()
        )
        run.log(f"{run.title}: learned_bits: weights {weights or '-'}, activations {activations or '-'}")
        for quantizer, learned in self._found:
            quantizer.give_scale(Own(learned.scale()))
            quantizer.give_bits(Own(learned.bits()))

    def means(self) -> tuple[Tensor, Tensor]:
        """The mean width of all weights, and of all quantizers of activations; 0 where there are none."""
        weights, activations = self._parts()
        counts = [q.weights.parameter.numel() for q, _ in weights if q.weights is not None]
        sums = [count * learned.bits() for count, (_, learned) in zip(counts, weights, strict=True)]
        of_activations = [learned.bits() for _, learned in activations]
        zero = torch.zeros(())
        return (
            torch.stack(sums).sum() / sum(counts) if sums else zero,
            torch.stack(of_activations).mean() if of_activations else zero,
        )

    def _parts(self) -> tuple[list[tuple[Quantizer, LearnedRange]], list[tuple[Quantizer, LearnedRange]]]:
        """Those of weights, and those of activations."""
        weights = [pair for pair in self._found if pair[0].weights is not None]
        return weights, [pair for pair in self._found if pair[0].weights is None]


class LearnedRange(nn.Module):
    """log2 of a quantizer's scales, and of the largest value in multiples of what it is at first.

    Scales may be many, one for each output channel; the width is one.
    """

    def __init__(self, quantizer: Quantizer) -> None:
        super().__init__()
        scale, most = quantizer.scale.detach(), quantizer.bounds[1].detach()
        self.signed = int(float(quantizer.bounds[0]) < 0)
        self.log2_scale = nn.Parameter(scale.log2())
        self.log2_most = nn.Parameter((scale * most).log2().mean())

    def scale(self) -> Tensor:
        """Powers of two."""
        return torch.exp2(_rounded(self.log2_scale))

    def bits(self) -> Tensor:
        """A whole number; its gradient is that of what was rounded."""
        return _rounded(torch.log2(self._ratio() + 1) + self.signed).clamp(_LEAST, _MOST)

    def bound(self) -> None:
        """Moves the largest value to where the width is from 2 to 8."""
        with torch.no_grad():
            middle = _rounded(self.log2_scale).mean()
            least, most = (torch.log2(torch.tensor(2.0 ** (b - self.signed) - 1)) for b in (_LEAST, _MOST))
            self.log2_most.copy_(torch.minimum(torch.maximum(self.log2_most, middle + least), middle + most))

    def _ratio(self) -> Tensor:
        return torch.exp2(self.log2_most - _rounded(self.log2_scale).mean())


class _Scale(nn.Module):
    """Gives a quantizer the scale of a range."""

    def __init__(self, learned: LearnedRange) -> None:
        super().__init__()
        self.range = learned

    def forward(self, *_: Tensor) -> Tensor:
        return self.range.scale()


class _Bits(_Scale):
    """Gives a quantizer the width of a range."""

    def forward(self, *_: Tensor) -> Tensor:
        return self.range.bits()


def _rounded(x: Tensor) -> Tensor:
    return x + (x.round() - x).detach()
