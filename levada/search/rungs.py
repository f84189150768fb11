"""A ladder along the front that is looked for: from what the widest candidate needs to the narrowest."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from levada import partition

if TYPE_CHECKING:
    from levada.search.context import Search


class Rung(NamedTuple):
    """What a design has to meet: cycles between frames, and the largest share of the budget."""

    interval: int
    share: float


def rungs(search: Search, count: int) -> list[Rung]:
    """The loosest first: shares of the budget where a rate is given, rates where none is."""
    goal, space = search.goal, search.subject
    if goal.target_fps is not None:
        interval = partition.interval(goal.target_fps, goal.clock_mhz)
        least, *_ = search.costs([space.narrowest])
        shares = np.linspace(1.0, min(1.0, goal.share(least)), count)
        return [Rung(interval, float(share)) for share in shares]
    fast, slow = search.costs([space.narrowest, space.widest])
    ladder = np.geomspace(max(slow.cycles, 2 * fast.cycles), fast.cycles, count)
    return [Rung(int(interval), 1.0) for interval in ladder]
