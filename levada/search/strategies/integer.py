"""An integer program over sensitivities of widths, with the layers' own foldings in it."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from levada_driver.datatype import IntArray

from levada import cost as costs
from levada.search import sensitivities, work
from levada.search.joint import Layer, Losses, choose
from levada.search.rungs import Rung, rungs
from levada.search.strategies import Strategy, option
from levada.search.tabled import tables

if TYPE_CHECKING:
    from levada.search.context import Search
    from levada.search.hardware import Cost
    from levada.search.space import Candidate

#: How often a budget is lowered by what converters and FIFOs took beyond it.
_TRIES = 6


@dataclasses.dataclass(eq=False)
class Integer(Strategy):
    """Finds out what each width costs in quality by itself, then solves for the best sum that fits.

    What a width costs comes from the file `sensitivity` of `levada/search/sensitivities/`, which takes those
    of `steps`, `batches` and `vectors` that it has a use for. Widths and foldings are then chosen together
    (`levada.search.joint`), for a ladder of rates, or, where a rate is given, of shares of the budget. After
    HAWQ-V3 (Yao et al., "HAWQ-V3: Dyadic Neural Network Quantization", ICML 2021), with measured losses in
    place of the Hessian's trace unless that is asked for, and the hardware itself in place of counts of
    operations.
    """

    about: ClassVar[str] = "an integer program over sensitivities of widths"

    sensitivity: str = option("measured")
    steps: int = option(150, 1, 1_000_000)
    batches: int = option(10, 1, 1_000_000)
    vectors: int = option(50, 1, 1_000_000)

    def __post_init__(self) -> None:
        self._source = sensitivities.create(self.sensitivity, dataclasses.asdict(self))

    def propose(self, search: Search) -> list[Candidate]:
        """The answers of the ladder, each once, those of the best quality first."""
        started = time.perf_counter()
        losses = self._source.losses(search)
        measured = time.perf_counter()
        layers = tables(search)
        tabled = time.perf_counter()
        found = _ladder(search, losses, layers)
        search.notes["sensitivity"] = self.sensitivity
        search.notes["sensitivities"] = [
            {"knob": str(knob), "loss": {str(bits): value for bits, value in own.items()}}
            for knob, own in zip(search.subject.space.knobs, losses, strict=True)
        ]
        search.notes["seconds"] = {
            "sensitivities": measured - started,
            "costs of layers": tabled - measured,
            "solving": time.perf_counter() - tabled,
        }
        ordered = sorted(found, key=lambda candidate: found[candidate])
        return ordered[: search.designs]


def _ladder(search: Search, losses: Losses, layers: list[Layer]) -> dict[Candidate, float]:
    """Answers at several rates or shares of the budget, with their losses."""
    found: dict[Candidate, float] = {}
    # Twice as many as designs, since some have the same answer.
    steps = rungs(search, 2 * search.designs)
    for answer in search.workers.all(_fitting, [(search.work, losses, layers, rung) for rung in steps]):
        if answer is not None:
            found.setdefault(*answer)
    return found


def _fitting(
    own: work.Work, losses: Losses, layers: list[Layer], rung: Rung
) -> tuple[Candidate, float] | None:
    """The answer at a rung that fits with its converters and FIFOs, too; in another process."""
    whole = (rung.share * costs.budget(own.goal.budget)).astype(np.int64)
    budget, offers = whole, [layer.within(rung.interval) for layer in layers]
    for _ in range(_TRIES):
        own.deadline.check()
        answer = choose(losses, offers, budget)
        if answer is None:
            return None
        candidate = own.subject.space.at(answer.bits)
        took = work.cost_at(own, candidate, rung.interval)
        excess = np.maximum(0, _counts(took) - whole)
        if took.fits and not excess.any():
            return candidate, answer.loss
        budget = budget - np.maximum(excess, whole // 100)
    return None


def _counts(cost: Cost) -> IntArray:
    return np.array([getattr(cost, name) for name in costs.FIELDS], np.int64)
