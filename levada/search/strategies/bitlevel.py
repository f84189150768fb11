"""Planes of bits with gates that close or open for good, as the loss and the budget want it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from levada.search.annealed import Relaxation, anneal
from levada.search.banks import Bank
from levada.search.relaxed import Plan, Relaxed
from levada.search.strategies import Strategy, option

if TYPE_CHECKING:
    from levada.search.context import Search
    from levada.search.space import Candidate
    from levada.train.run import Run


@dataclasses.dataclass(eq=False)
class Bitlevel(Strategy):
    """Sums the planes that each further width adds, each behind a gate, and hardens the gates.

    After Xiao et al., "CSQ: Growing Mixed-Precision Quantization Scheme with Bi-level Continuous
    Sparsification", DAC 2023, and Yang et al., "BSQ: Exploring Bit-Level Sparsity for Mixed-Precision Neural
    Network Quantization", ICLR 2021. With the quantizers Q_1 .. Q_n of a knob's widths, ascending, and a
    learned m_i for each but the first:

        y = Q_1(x) + sum over i > 1 of g_2 * ... * g_i * (Q_i(x) - Q_i-1(x)),    g_i = sigmoid(beta * m_i)

    A plane counts only if all coarser ones stay, so the precision is that of the last open gate before a
    closed one, and g_2 .. g_i (1 - g_i+1) is the probability of width i. beta grows from 1 to `hardness`
    along each rung of a ladder and falls back for the next, where gates may move again.

    In the papers a plane is one binary digit of each weight, and the digits are learned, CSQ's by gates of
    their own. Here a plane is what the family's quantizer of one width gives beyond that of the next lower
    one, the weights stay floats with gradients that pass straight through, and activations have planes, too.
    The penalty is the expected share of the budget (`levada.search.relaxed`) and not the number of bits.
    """

    about: ClassVar[str] = "planes of bits behind gates that harden, from wide to narrow"

    passes: float = option(1.0, 0.01, 1000.0)
    reach: float = option(4.0, 0.1, 1000.0)
    settling: float = option(0.1, 0.0, 0.9)
    hardness: float = option(20.0, 1.0, 1000.0)

    def propose(self, search: Search) -> list[Candidate]:
        """One for each rung."""
        how = Relaxation("bitlevel", self.passes, self.reach, self.settling, repr(self))
        return anneal(search, how, lambda plan: Gates(plan, self.hardness))


class Gates(Relaxed):
    """A gate for each width of each knob but the lowest."""

    def __init__(self, plan: Plan, hardness: float) -> None:
        super().__init__(plan)
        self._hardness = hardness

    def start(self, run: Run) -> None:
        """Looks at how far the training is."""
        self._run = run
        super().start(run)

    def initial(self, widths: int) -> Tensor:
        """All gates are more open than closed."""
        return torch.ones(widths - 1)

    def probabilities(self) -> list[Tensor]:
        """Of each width, that it is where the open gates end."""
        beta = self._hardness ** self.done(self._run)
        return [ends((beta * learned).sigmoid()) for learned in self.learned]

    def mixed(self, bank: Bank, x: Tensor) -> Tensor:
        """The sum of all planes, ordered by quantizers."""
        beta = self._hardness ** self.done(self._run)
        shares = ends((beta * self.learned[bank.knob]).sigmoid())
        values = [share * bank.value(index, x) for index, share in enumerate(shares)]
        return torch.stack(values).sum(dim=0)


def ends(gates: Tensor) -> Tensor:
    """The probability of each of n widths, from n - 1 gates: [n], and their sum is 1."""
    one = torch.ones(1)
    passed = torch.cat([one, gates.cumprod(dim=0)])
    return passed * torch.cat([1 - gates, one])
