"""The hardware of a network in another shape: its layers, and which of the largest shape's they are.

A shape is built and lowered, once for all its candidates. Its weights are not trained; what counts are types
and sizes (`levada.search.requantize`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from levada.errors import LevadaError
from levada.graph import Graph
from levada.search.modules import KINDS, Kept, kept
from levada.search.places import Site, lowered_network, places_of
from levada.search.space import Candidate, What
from levada.search.subject import Subject
from levada.train.task import Shape, wide_family_of


@dataclass(frozen=True)
class Shaped:
    """A shape in hardware.

    Attributes:
        graph: its layers, not folded.
        sites: for sites of the largest shape their names here; those that are missing here are left out.
    """

    graph: Graph
    sites: Mapping[str, str]

    def local(self, candidate: Candidate) -> Candidate:
        """The widths of a candidate of this shape, by the names of its own sites."""
        choices = ((self.sites[site], own) for site, own in candidate.choices if site in self.sites)
        return Candidate(tuple(choices))


def shaped(subject: Subject, shape: Shape, board: str, clock_mhz: float) -> Shaped:
    """A shape of a subject in hardware, for a board and a clock.

    LevadaError where its layers cannot be told from those of the largest shape.
    """
    sites = {site: site for site, _ in subject.space.own.choices}
    if shape == subject.space.own.shape:
        return Shaped(subject.graph, sites)
    model, family = subject.model, wide_family_of(subject.model)
    own = family.widths_of(model.variant, shape)
    graph = lowered_network(model, family.build(model.variant, own), board, clock_mhz)
    left = kept(model, subject.own, shape)
    if list(map(len, left)) != [len(subject.own.weights), len(subject.own.activations)]:
        here, there = (_by_width(places_of(model, widths, board)) for widths in (own, subject.own))
        sites = _matched(here, there, left)
    names = {node.name for node in graph.nodes}
    for site, other in sites.items():
        if other not in names:
            numbers = ",".join(f"{name}={number}" for name, number in shape)
            raise LevadaError(
                f"{model.name}: has no {site} in hardware with {numbers}; leave that shape away"
            )
    return Shaped(graph, sites)


#: The sites of each width, in topological order.
_ByWidth = Mapping[tuple[What, int], list[str]]


def _by_width(places: Mapping[Site, int]) -> _ByWidth:
    found: dict[tuple[What, int], list[str]] = {}
    for (what, site), place in places.items():
        found.setdefault((what, place), []).append(site)
    return found


def _matched(here: _ByWidth, there: _ByWidth, left: Kept) -> dict[str, str]:
    """For sites of the largest shape, those of the same width here."""
    found: dict[str, str] = {}
    for (what, place), sites in there.items():
        places = getattr(left, KINDS[what])
        if place in places:
            found.update(zip(sites, here[what, places.index(place)], strict=True))
    return found
