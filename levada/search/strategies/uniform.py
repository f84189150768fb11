"""One width for all weights and one for all activations: what any search has to beat."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

from levada.search.strategies import Strategy

if TYPE_CHECKING:
    from levada.search.context import Search
    from levada.search.space import Candidate


@dataclasses.dataclass(eq=False)
class Uniform(Strategy):
    """All pairs of a width of weights and one of activations; knobs take the nearest that they have.

    Of each pair all shapes, the largest first.
    """

    about: ClassVar[str] = "the same widths in all layers, to compare with"
    shapes: ClassVar[bool] = True

    def propose(self, search: Search) -> list[Candidate]:
        """Those that fit, the widest first."""
        found = search.subject.uniforms(search.subject.space.shapes()[::-1])
        fitting = [c for c, cost in zip(found, search.costs(found), strict=True) if cost.fits]
        return fitting[: search.designs]
