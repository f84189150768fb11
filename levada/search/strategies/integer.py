"""An integer program over sensitivities of widths, with the layers' own foldings in it."""

from __future__ import annotations

import dataclasses
import functools
import time
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from levada_driver.datatype import IntArray

from levada import cost as costs
from levada.search import sensitivities, work
from levada.search.climb import Bits, climbed, loss
from levada.search.evolution import spread
from levada.search.joint import Layer, Losses, choose
from levada.search.rungs import Rung, rungs
from levada.search.strategies import Strategy, option
from levada.search.tabled import tables

if TYPE_CHECKING:
    from levada.search.context import Search
    from levada.search.hardware import Cost
    from levada.search.space import Candidate

#: Parts of a budget that layers may take, one after the other, until converters and FIFOs have room, too.
_PARTS = (1.0, 0.96, 0.92, 0.87, 0.8, 0.7, 0.55, 0.35)
#: How many other candidates are folded to make the answer of a rung better.
_TURNS = 60


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
        """The answers of the ladder, each once, that add most to the front of predicted loss and effort."""
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
        return _chosen(search, found)


def _ladder(search: Search, losses: Losses, layers: list[Layer]) -> dict[Candidate, float]:
    """Answers at several rates or shares of the budget, with their losses."""
    found: dict[Candidate, float] = {}
    # Twice as many as designs, since some have the same answer.
    steps = rungs(search, 2 * search.designs)
    for answer in search.workers.all(_fitting, [(search.work, losses, layers, rung) for rung in steps]):
        if answer is not None:
            found.setdefault(*answer)
    return found


def _chosen(search: Search, found: dict[Candidate, float]) -> list[Candidate]:
    """As many as there may be designs, those of the least loss first."""
    candidates = sorted(found, key=lambda candidate: (found[candidate], str(candidate)))
    efforts = [search.goal.effort(cost) for cost in search.costs(candidates)]
    points = np.array([(found[one], effort) for one, effort in zip(candidates, efforts, strict=True)])
    return [candidates[place] for place in sorted(spread(points, search.designs))] if candidates else []


def _fitting(
    own: work.Work, losses: Losses, layers: list[Layer], rung: Rung
) -> tuple[Candidate, float] | None:
    """The answer at a rung that fits with its converters and FIFOs, too; in another process.

    The integer program knows the layers alone. So it is asked for less until its answer fits as a whole, and
    what is left is used by turning knobs.
    """
    space = own.subject.space
    whole = (rung.share * costs.budget(own.goal.budget)).astype(np.int64)
    offers = [layer.within(rung.interval) for layer in layers]

    @functools.cache
    def fits(bits: Bits) -> bool:
        own.deadline.check()
        took = work.cost_at(own, space.at(bits), rung.interval)
        return took.fits and bool((_counts(took) <= whole).all())

    for part in _PARTS:
        answer = choose(losses, offers, (part * whole).astype(np.int64))
        if answer is None:
            return None
        if fits(answer.bits):
            bits = climbed(losses, answer.bits, fits, _TURNS)
            return space.at(bits), loss(losses, bits)
    return None


def _counts(cost: Cost) -> IntArray:
    return np.array([getattr(cost, name) for name in costs.FIELDS], np.int64)
