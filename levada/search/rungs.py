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
    narrow, wide = search.costs([space.narrowest, space.widest])
    if goal.target_fps is not None:
        interval = partition.interval(goal.target_fps, goal.clock_mhz)
        most = goal.share(wide) if wide.fits else 1.0
        shares = np.linspace(most, min(most, goal.share(narrow)), count)
        return [Rung(interval, float(share)) for share in shares]
    ladder = np.geomspace(max(wide.cycles, 2 * narrow.cycles), narrow.cycles, count)
    return [Rung(int(interval), 1.0) for interval in ladder]
