"""A relaxed training from the loosest to the tightest rung of a ladder, and what comes of it.

It begins with the weights of the widest candidate, trained by the recipe.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from levada import content
from levada.search.clock import Stopwatch, TimeUpError
from levada.search.expected import Expected
from levada.search.relaxed import Plan, Record, Relaxed
from levada.search.rungs import Rung, rungs
from levada.search.settle import Settling
from levada.search.tabled import tables
from levada.search.transplant import transplanted

if TYPE_CHECKING:
    from levada.search.context import Search
    from levada.search.space import Candidate

#: A share that does not fit.
_ABOVE = 1.001


@dataclass(frozen=True)
class Relaxation:
    """How long and how fast widths are learned.

    Attributes:
        name: of the strategy.
        passes: epochs, as a multiple of those that a candidate is trained with.
        reach, settling: as in `Plan`.
        options: all that the result depends on beside these, as a text.
    """

    name: str
    passes: float
    reach: float
    settling: float
    options: str


def anneal(search: Search, how: Relaxation, make: Callable[[Plan], Relaxed]) -> list[Candidate]:
    """One candidate for each rung that has any, each once, the loosest rung first.

    TimeUpError where the time is over before the first rung is done; later it ends the ladder.
    """
    started = time.perf_counter()
    search.log("costs of all layers ...")
    expected = Expected(tables(search), search.subject.space, search.goal.budget)
    tabled = time.perf_counter()
    shares = functools.cache(functools.partial(_share_at, search))
    plan = Plan(
        search.subject, expected, tuple(rungs(search, search.designs)), shares, how.reach, how.settling
    )
    method = _trained(search, how, plan, make)
    trained = time.perf_counter()
    found: dict[Candidate, None] = {}
    notes = []
    for rung, record in zip(plan.rungs, method.records, strict=False):
        settling = Settling(search.subject, expected, shares, rung, record.probabilities)
        candidate = settling.candidate()
        notes.append(_note(plan, rung, record, candidate))
        if candidate is not None:
            found.setdefault(candidate)
    search.notes[how.name] = notes
    search.notes["seconds"] = {
        "costs of layers": tabled - started,
        "training": trained - tabled,
        "settling": time.perf_counter() - trained,
    }
    return list(found)


def _trained(search: Search, how: Relaxation, plan: Plan, make: Callable[[Plan], Relaxed]) -> Relaxed:
    """The method after its training, with a record of each rung that is done."""
    from levada.train.loop import fit
    from levada.train.run import Job

    epochs = math.ceil(how.passes * search.recipe.epochs)
    # Methods of the recipe are for networks whose widths are fixed.
    recipe = replace(search.recipe, epochs=epochs, methods=())
    search.train_widest()
    search.log(f"{how.name}: learning widths for {len(plan.rungs)} rungs in {epochs} epochs")
    method = make(plan)
    model, widths, start = (
        search.subject.model,
        search.subject.widths(search.subject.widest),
        search.work.start,
    )
    goal = search.goal.budget, search.goal.clock_mhz, plan.rungs
    key = repr((how, goal, search.subject.space, content.digest(start.read_bytes())))
    job = Job(
        model,
        recipe,
        search.work.task,
        search.work.place(key),
        search.log,
        title=how.name,
        make=functools.partial(transplanted, model, start, widths, widths),
        key=key,
        extra=(
            (how.name, lambda: method),
            ("stopwatch", functools.partial(Stopwatch, search.proposing)),
        ),
    )
    try:
        fit(job)
    except TimeUpError:
        if not method.records:
            raise
        search.shortened = True
        search.log(f"{how.name}: the time is over after {len(method.records)} of {len(plan.rungs)} rungs")
    return method


def _share_at(search: Search, candidate: Candidate, interval: int) -> float:
    """The share of the budget that a candidate takes within so many cycles; infinite if it cannot.

    Above 1 where it does not fit: the figures of such a design are without its FIFOs. Of a search for rates
    it is what the fastest folding may take, which a build chooses then: it is as fast as that.
    """
    goal, cost = search.goal, search.cost_at(candidate, interval)
    share = goal.share(cost, surely=goal.target_fps is None)
    if cost.fits:
        return share
    return max(share, _ABOVE) if cost.cycles <= interval else math.inf


def _note(plan: Plan, rung: Rung, record: Record, candidate: Candidate | None) -> dict[str, object]:
    """A rung, as the report shows it."""
    knobs = plan.subject.space.knobs
    return {
        "interval": rung.interval,
        "share": rung.share,
        "candidate": None if candidate is None else str(candidate),
        "expected": record.expected,
        "true": None if candidate is None else plan.share_at(candidate, rung.interval),
        "multiplier": record.multiplier,
        "probabilities": {
            str(knob): {str(bits): p for bits, p in zip(knob.values, own, strict=True)}
            for knob, own in zip(knobs, record.probabilities, strict=True)
        },
    }
