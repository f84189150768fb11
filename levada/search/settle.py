"""From a distribution of widths to a candidate that truly fits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import torch

from levada.search.expected import Expected
from levada.search.relaxed import likeliest, predicted_share
from levada.search.rungs import Rung
from levada.search.space import Candidate
from levada.search.subject import Subject

#: A probability below this counts as this.
_LEAST = 1e-6
#: What the table predicts to exceed a rung by this factor is not folded.
_NEAR = 1.25


class Settling:
    """Turns single knobs until a candidate just meets a rung.

    Args:
        subject: what is searched.
        expected: costs of distributions.
        share_at: the share of the budget that a candidate truly takes within so many cycles.
        rung: what has to be met.
        probabilities: of each knob's widths.
    """

    def __init__(
        self,
        subject: Subject,
        expected: Expected,
        share_at: Callable[[Candidate, int], float],
        rung: Rung,
        probabilities: Sequence[Sequence[float]],
    ) -> None:
        self._subject, self._share_at, self._rung = subject, share_at, rung
        self._probabilities = probabilities
        self._tables = expected.tables(rung.interval, [torch.tensor(own) for own in probabilities])

    def candidate(self) -> Candidate | None:
        """The likeliest candidate, lowered until it fits, then raised as long as it does; None if none fits.

        The knob to turn is that of the least regret: the one of which the distribution prefers its width
        least above the next lower one, among those that the table says make it smaller.
        """
        places = likeliest(self._probabilities)
        while self._true(places) > self._rung.share:
            lower = min(self._lower(places), default=None)
            if lower is None:
                return None
            places[lower[1]] -= 1
        self._raise(places)
        return self._subject.space.at_places(places)

    def _raise(self, places: list[int]) -> None:
        """Raises knobs in place, those that the distribution would like best first, each while it fits."""
        beside = self._true(places) - self._predicted(places)  # converters and FIFOs
        open_ = set(range(len(places)))
        while open_:
            options = [
                (self._regret(knob, place + 1), knob)
                for knob, place in enumerate(places)
                if knob in open_ and place + 1 < len(self._probabilities[knob])
            ]
            if not options:
                return
            _, knob = max(options)
            places[knob] += 1
            likely = self._predicted(places) + beside <= _NEAR * self._rung.share
            if not (likely and self._true(places) <= self._rung.share):
                places[knob] -= 1
                open_.remove(knob)

    def _lower(self, places: list[int]) -> Iterator[tuple[float, int]]:
        """The regret of turning each knob to its next lower width; those that save nothing come last."""
        whole = self._predicted(places)
        for knob, place in enumerate(places):
            if place:
                less = self._predicted([p - (k == knob) for k, p in enumerate(places)])
                yield self._regret(knob, place) + (0.0 if less < whole else 1e3), knob

    def _regret(self, knob: int, place: int) -> float:
        """The logarithm of how much likelier a width is than the one below it."""
        own = self._probabilities[knob]
        return math.log(max(own[place], _LEAST) / max(own[place - 1], _LEAST))

    def _predicted(self, places: Sequence[int]) -> float:
        return predicted_share(self._tables, self._subject, places)

    def _true(self, places: Sequence[int]) -> float:
        return self._share_at(self._subject.space.at_places(places), self._rung.interval)
