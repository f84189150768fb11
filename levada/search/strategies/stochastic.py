"""Widths that are drawn at each step of a training, from distributions that are learned in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from levada.search.annealed import Relaxation, anneal
from levada.search.banks import Bank
from levada.search.relaxed import Plan, Relaxed
from levada.search.strategies import Strategy, option

if TYPE_CHECKING:
    from levada.search.context import Search
    from levada.search.space import Candidate
    from levada.train.run import Run


@dataclasses.dataclass(eq=False)
class Stochastic(Strategy):
    """Draws a width for each knob at each step, and learns how likely each is.

    After Huang et al., "SDQ: Stochastic Differentiable Quantization with Mixed Precision", ICML 2022, where
    each layer's width is drawn from two adjacent ones, whose probability is learned. Here it is drawn from
    all widths of the knob, by the straight-through estimator of Jang, Gu and Poole, "Categorical
    Reparameterization with Gumbel-Softmax", ICLR 2017. With learned logits a and Gumbel noise g:

        s = softmax((a + g) / temperature),    y = Q_k(x) for the k of the largest s
        dL/ds_i = <dL/dy, Q_i(x)>

    Activations have widths of their own, and in place of a penalty on the error of quantization there is
    the expected share of the budget (`levada.search.relaxed`), which falls from rung to rung of a ladder.
    Proposals are trained from the start, by the recipe, where the paper goes on with a teacher.
    """

    about: ClassVar[str] = "widths drawn in training, from distributions that learn the budget"

    passes: float = option(1.0, 0.01, 1000.0)
    reach: float = option(12.0, 0.1, 1000.0)
    settling: float = option(0.1, 0.0, 0.9)
    temperature: float = option(1.0, 0.05, 10.0)

    def propose(self, search: Search) -> list[Candidate]:
        """One for each rung."""
        how = Relaxation("stochastic", self.passes, self.reach, self.settling, repr(self))
        return anneal(search, how, lambda plan: Drawing(plan, self.temperature))


class Drawing(Relaxed):
    """Logits for each knob, from which a width is drawn for each batch."""

    def __init__(self, plan: Plan, temperature: float) -> None:
        super().__init__(plan)
        self._temperature = temperature

    def start(self, run: Run) -> None:
        """Lets the network draw before each pass."""
        super().start(run)
        self._draws = run.network.register_forward_pre_hook(self._draw)

    def finish(self, run: Run) -> None:
        """Draws no more."""
        super().finish(run)
        self._draws.remove()

    def initial(self, widths: int) -> Tensor:
        """All widths are equally likely."""
        return torch.zeros(widths)

    def probabilities(self) -> list[Tensor]:
        """Of the logits."""
        return [logits.softmax(dim=0) for logits in self.learned]

    def mixed(self, bank: Bank, x: Tensor) -> Tensor:
        """The quantizer that is drawn."""
        weights, drawn = self._drawn[bank.knob]

        def all_values() -> list[Tensor]:
            return [bank.value(index, x) for index in range(len(bank))]

        y: Tensor = _Drawn.apply(bank.value(drawn, x), weights, all_values)  # type: ignore[no-untyped-call]
        return y

    def _draw(self, module: nn.Module, _: tuple[Any, ...]) -> None:
        if module.training:
            self._drawn = [self._one(logits) for logits in self.learned]

    def _one(self, logits: Tensor) -> tuple[Tensor, int]:
        noise = -torch.empty_like(logits).exponential_().log()
        weights = ((logits + noise) / self._temperature).softmax(dim=0)
        return weights, int(weights.argmax())


class _Drawn(torch.autograd.Function):
    """Passes y on; the gradient of each weight is the product of y's with the value that it stands for.

    The values are only computed for that, so that they take no memory in the meantime.
    """

    @staticmethod
    def forward(ctx: Any, y: Tensor, weights: Tensor, values: Callable[[], list[Tensor]]) -> Tensor:  # noqa: ANN401
        ctx.values = values
        ctx.like = weights
        return y.view_as(y)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:  # noqa: ANN401
        (gradient,) = gradients
        scores = torch.stack([(gradient * value).sum() for value in ctx.values()])
        return gradient, scores.to(ctx.like), None
