"""A training in which the widths are learned, too: what the differentiable strategies share."""

from __future__ import annotations

import abc
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from levada.search.banks import Bank, install
from levada.search.expected import Expected, Tables
from levada.search.rungs import Rung
from levada.search.space import Candidate
from levada.search.subject import Subject
from levada.train.methods import Method

if TYPE_CHECKING:
    from levada.train.run import Run

#: How far what is learned of a knob may go, so that a width can come back.
_BOUND = 4.0
#: The multiplier rises by this power of e in a rung whose cost is twice what it may be.
_RISE = 40.0
#: By this power of e at once, so that it does not overshoot.
_ATONCE = 4.0
#: Bounds of the multiplier's logarithm.
_LEAST, _MOST = -7.0, 5.0
#: By how much at most the true cost corrects the expected one.
_OFF = 2.0


@dataclass(frozen=True)
class Plan:
    """What a relaxed training needs to know of a search.

    Attributes:
        subject: what is searched.
        expected: costs of distributions.
        rungs: what has to be met, one after the other, the loosest first.
        share_at: the share of the budget that a candidate takes within so many cycles, infinite if it cannot.
        reach: how far what is learned of a knob may move in one rung.
        settling: the part of all steps before the widths are learned.
    """

    subject: Subject
    expected: Expected
    rungs: tuple[Rung, ...]
    share_at: Callable[[Candidate, int], float]
    reach: float
    settling: float


@dataclass(frozen=True)
class Record:
    """The end of a rung: the probabilities of each knob's widths, the expected share, the multiplier."""

    probabilities: list[list[float]]
    expected: float
    multiplier: float


class Relaxed(Method, abc.ABC):
    """Learns weights and the distribution of widths together, with the budget in the loss.

    With the loss L of the task, the expected share E of the budget (`levada.search.expected`), times the
    factor c by which the likeliest candidate truly takes more, and the share T that the rung allows:

        loss = L + m * L' * c * E / T           L' is L, a constant for the gradient
        v = c * E / T - 1,    log m = i + 4 * v,    i += 40 / steps of the rung * clip(v, -1, 1)

    So the multiplier m rises until the constraint holds and falls where it does not bind: dual ascent, in
    the logarithm since nobody knows the size of m beforehand. L' makes it the same for all tasks. The rungs
    follow each other in one training; weights and distribution go on from where they are. What is learned of
    the knobs has an Adam of its own, whose rate does not fall, as the last rungs have to be met as well.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.records: list[Record] = []
        self._rise = 0.0

    @abc.abstractmethod
    def initial(self, widths: int) -> Tensor:
        """What is learned of a knob, before the first step."""

    @abc.abstractmethod
    def probabilities(self) -> list[Tensor]:
        """The probability of each knob's widths, from what is learned."""

    @abc.abstractmethod
    def mixed(self, bank: Bank, x: Tensor) -> Tensor:
        """What a quantizer gives in training."""

    def start(self, run: Run) -> None:
        """Puts the quantizers of all widths into the network."""
        self._handles = install(run.network, self.plan.subject, self.mixed)
        knobs = self.plan.subject.space.knobs
        self.learned = [nn.Parameter(self.initial(len(knob.values))) for knob in knobs]
        self._settled = int(self.plan.settling * run.steps)
        self._length = (run.steps - self._settled) / len(self.plan.rungs)
        self._adam = torch.optim.Adam(self.learned, lr=self.plan.reach / self._length, betas=(0.9, 0.95))

    @property
    def rung(self) -> Rung:
        """The one at hand."""
        return self.plan.rungs[min(len(self.records), len(self.plan.rungs) - 1)]

    def epoch_start(self, run: Run) -> None:  # noqa: ARG002
        """Looks at what the hardware truly takes now."""
        self._observe()

    def loss(self, run: Run, outputs: Tensor, loss: Tensor) -> Tensor:  # noqa: ARG002
        """Adds the expected cost."""
        relative = self._factor * self._tables.share(self.probabilities()) / self.rung.share
        self._violation = float(relative.detach()) - 1
        return loss + self.multiplier * loss.detach() * relative

    @property
    def multiplier(self) -> float:
        """Of the cost in the loss."""
        power = min(max(self._rise + _ATONCE * self._violation, _LEAST), _MOST)
        return math.exp(power)

    def before_step(self, run: Run) -> None:
        """Learns the distribution."""
        if run.step >= self._settled:
            self._adam.step()
            with torch.no_grad():
                for learned in self.learned:
                    learned.clamp_(-_BOUND, _BOUND)
            step = min(max(self._violation, -1.0), 1.0) * _RISE / self._length
            self._rise = min(max(self._rise + step, _LEAST), _MOST)
        self._adam.zero_grad()

    def after_step(self, run: Run) -> None:
        """At the end of a rung, writes down what has been found."""
        ended = False
        while len(self.records) < len(self.plan.rungs) and run.step >= self._end(len(self.records)):
            self.records.append(self._record())
            ended = True
        if ended:
            self._observe()

    def _end(self, rung: int) -> int:
        """The step with which a rung ends."""
        return round(self._settled + (rung + 1) * self._length)

    def done(self, run: Run) -> float:
        """The part of the rung at hand that is done, from 0 to 1."""
        number = min(len(self.records), len(self.plan.rungs) - 1)
        return min(max((run.step - self._end(number - 1)) / self._length, 0.0), 1.0)

    def _record(self) -> Record:
        probabilities = self.probabilities()
        expected = float(self._factor * self._tables.share(probabilities).detach())
        return Record([p.tolist() for p in probabilities], expected, self.multiplier)

    def _observe(self) -> None:
        """Balances the foldings for the distribution as it is, and compares with the likeliest candidate."""
        plan, interval = self.plan, self.rung.interval
        with torch.no_grad():
            found = self.probabilities()
        self._tables = plan.expected.tables(interval, found)
        places = likeliest([p.tolist() for p in found])
        predicted = predicted_share(self._tables, plan.subject, places)
        true = plan.share_at(plan.subject.space.at_places(places), interval)
        known = true < float("inf") and predicted > 0
        self._factor = min(max(true / predicted, 1 / _OFF), _OFF) if known else 1.0
        self._violation = float(self._factor * self._tables.share(found)) / self.rung.share - 1

    def finish(self, run: Run) -> None:  # noqa: ARG002
        """Takes the quantizers out again."""
        self._handles.remove()

    def state(self) -> dict[str, Any]:
        """What is learned, its optimizer, the multiplier and all records; the rest follows from these."""
        return {
            "learned": [learned.detach() for learned in self.learned],
            "adam": self._adam.state_dict(),
            "rise": self._rise,
            "records": [[r.probabilities, r.expected, r.multiplier] for r in self.records],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on."""
        with torch.no_grad():
            for learned, value in zip(self.learned, state["learned"], strict=True):
                learned.copy_(value)
        self._adam.load_state_dict(state["adam"])
        self._rise = state["rise"]
        self.records = [Record(*fields) for fields in state["records"]]


def likeliest(probabilities: Sequence[Sequence[float]]) -> list[int]:
    """The index of each knob's likeliest width."""
    return [max(range(len(own)), key=own.__getitem__) for own in probabilities]


def predicted_share(tables: Tables, subject: Subject, places: Sequence[int]) -> float:
    """The expected share of a distribution that is certain."""
    certain = [
        nn.functional.one_hot(torch.tensor(place), len(knob.values)).float()
        for knob, place in zip(subject.space.knobs, places, strict=True)
    ]
    return float(tables.share(certain))
