"""Which bit widths a network may have: sites, what each may be, and candidates, which choose for all of them.

A site is a layer with trained weights, or with a quantizer of its results, or with both. Quantizers whose
results meet in one layer, as the branches of an addition do, share one width: integers of different steps do
not add. A network that may have several shapes has the sites of the largest one.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Literal

import numpy as np

from levada.errors import LevadaError
from levada.graph import Graph, Node
from levada.precision import Precision
from levada.search.requantize import LayerOf, requantized, requantized_layer

if TYPE_CHECKING:
    from levada.train.task import Shape

#: Widths that can be searched: the tables of thresholds double with each bit.
LEAST, MOST = 1, 8
What = Literal["weight", "activation"]
_FORM = re.compile(r"(?P<site>\w+)=(?:w(?P<weight>\d+))?(?:a(?P<activation>\d+))?")
_NUMBER = re.compile(r"(?P<name>\w+)=(?P<number>\d+)")


@dataclass(frozen=True)
class Candidate:
    """A choice for each site, in topological order, and for each number of the network's shape.

    Equal choices are equal, and have the same text.
    """

    choices: tuple[tuple[str, Precision], ...]
    shape: Shape = ()

    def __str__(self) -> str:
        """For example "depth=2,thresholding_0=a8,mvau_0=w4a2,mvau_1=w8"."""
        return ",".join(f"{name}={choice}" for name, choice in (*self.shape, *self.choices))

    @property
    def precisions(self) -> Mapping[str, Precision]:
        """The choices by site."""
        return dict(self.choices)

    def value(self, knob: Knob | Dim) -> int:
        """What a knob, or a number of the shape, is set to."""
        if isinstance(knob, Dim):
            return dict(self.shape)[knob.name]
        found: int = getattr(self.precisions[knob.sites[0]], knob.what)
        return found

    def turned(self, knob: Knob | Dim, value: int) -> Candidate:
        """The same with another value at one knob."""
        if isinstance(knob, Dim):
            numbers = ((name, value if name == knob.name else own) for name, own in self.shape)
            return replace(self, shape=tuple(numbers))
        changes = {knob.what: value}
        choices = (
            (site, replace(own, **changes) if site in knob.sites else own) for site, own in self.choices
        )
        return replace(self, choices=tuple(choices))


@dataclass(frozen=True)
class Knob:
    """One width that is chosen: of the weights of a site, or of the results of sites that share it.

    `values` are the bits that it may have, ascending.
    """

    what: What
    sites: tuple[str, ...]
    values: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.what}s of {' and '.join(self.sites)}"


@dataclass(frozen=True)
class Dim:
    """One number of the network's shape that is chosen, such as the channels of a layer; `values` ascend."""

    name: str
    values: tuple[int, ...]

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Space:
    """What candidates there are.

    Attributes:
        name: of the network.
        own: the network as it is, in its largest shape.
        knobs: the widths that may be turned.
        refused: errors of the hardware, for widths that a knob does not have for that reason.
        dims: the numbers of the shape that may be turned.
        idle: numbers of the shape, with the indices of the knobs whose layers the network lacks then. These
            knobs are always at their widest, so that equal networks are equal candidates.
    """

    name: str
    own: Candidate
    knobs: tuple[Knob, ...]
    refused: tuple[str, ...] = ()
    dims: tuple[Dim, ...] = ()
    idle: tuple[tuple[str, int, tuple[int, ...]], ...] = ()

    @property
    def turnable(self) -> tuple[Knob | Dim, ...]:
        """All that may be turned: the numbers of the shape first."""
        return (*self.dims, *self.knobs)

    @property
    def size(self) -> int:
        """How many candidates there are."""
        return sum(
            prod(len(knob.values) for index, knob in enumerate(self.knobs) if index not in idle)
            for idle in map(self._idle, self.shapes())
        )

    def shapes(self) -> list[Shape]:
        """All shapes, the largest last; one without numbers where none is turnable."""
        numbers = [[(dim.name, number) for number in dim.values] for dim in self.dims]
        return list(itertools.product(*numbers))

    def at(self, values: Iterable[int]) -> Candidate:
        """The candidate with these values at all that is turnable, one for each, in their order."""
        found = self.own
        for knob, value in zip(self.turnable, values, strict=True):
            found = found.turned(knob, value)
        return self._settled(found)

    def at_places(self, places: Iterable[int]) -> Candidate:
        """The same, with the places that values have among those of their knobs, from 0; -1 is the last."""
        return self.at(knob.values[place] for knob, place in zip(self.turnable, places, strict=True))

    def draw(self, random: np.random.Generator) -> Candidate:
        """A random candidate, each value of a knob as likely as any other."""
        return self.at(int(random.choice(knob.values)) for knob in self.turnable)

    def all(self) -> Iterator[Candidate]:
        """Every candidate, once."""
        found = map(self.at, itertools.product(*(knob.values for knob in self.turnable)))
        return iter(dict.fromkeys(found)) if self.idle else found

    def neighbours(self, candidate: Candidate) -> Iterator[Candidate]:
        """Candidates with one knob at the next lower or the next higher value."""
        for knob in self.turnable:
            value = candidate.value(knob)
            lower, higher = ([v for v in knob.values if v < value], [v for v in knob.values if v > value])
            for near in (*lower[-1:], *higher[:1]):
                found = self._settled(candidate.turned(knob, near))
                if found != candidate:
                    yield found

    def widest_of(self, shape: Shape) -> Candidate:
        """The candidate of a shape with all widths at their highest."""
        found = replace(self.own, shape=shape)
        for knob in self.knobs:
            found = found.turned(knob, knob.values[-1])
        return found

    def _idle(self, shape: Shape) -> set[int]:
        """The indices of the knobs without a layer at a shape."""
        numbers = set(shape)
        return {index for name, number, knobs in self.idle if (name, number) in numbers for index in knobs}

    def _settled(self, candidate: Candidate) -> Candidate:
        for index in sorted(self._idle(candidate.shape)):
            candidate = candidate.turned(self.knobs[index], self.knobs[index].values[-1])
        return candidate

    def parse(self, text: str) -> Candidate:
        """The candidate that a text stands for: sites in any order, those left out as the network has them.

        LevadaError for a site or a width that the space does not have.
        """
        parts = [part for part in text.replace(" ", "").split(",") if part]
        numbers = [match for match in map(_NUMBER.fullmatch, parts) if match]
        found = self._reshaped(text, {match["name"]: int(match["number"]) for match in numbers})
        wanted = dict(self._choice(part) for part in parts if not _NUMBER.fullmatch(part))
        for knob in self.knobs:
            asked = {getattr(wanted[site], knob.what) for site in knob.sites if site in wanted} - {None}
            if len(asked) > 1:
                raise LevadaError(f"{text}: the {knob} meet in one layer; give them one width")
            for bits in asked:
                if bits not in knob.values:
                    raise LevadaError(f"{text}: the {knob} have {_listed(knob.values)} bits, not {bits}")
                found = found.turned(knob, bits)
        for site, precision in wanted.items():
            made = found.precisions[site]
            if any(asked not in (None, has) for asked, has in zip(precision, made, strict=True)):
                raise LevadaError(f"{text}: {site} is not searched and stays {made}, not {precision}")
        return self._settled(found)

    def _reshaped(self, text: str, numbers: Mapping[str, int]) -> Candidate:
        dims = {dim.name: dim for dim in self.dims}
        found = self.own
        for name, number in numbers.items():
            if name not in dims:
                raise LevadaError(
                    f"{text}: {name} is no number that is searched; {', '.join(dims) or 'none'} is"
                )
            if number not in dims[name].values:
                raise LevadaError(f"{text}: {name} may be {_listed(dims[name].values)}, not {number}")
            found = found.turned(dims[name], number)
        return found

    def _choice(self, part: str) -> tuple[str, Precision]:
        match = _FORM.fullmatch(part)
        if match is None or match["weight"] == match["activation"] is None:
            raise LevadaError(f"{part!r} is no choice of widths; write SITE=w4a2, SITE=w4 or SITE=a2")
        if match["site"] not in self.own.precisions:
            sites = ", ".join(site for site, _ in self.own.choices)
            raise LevadaError(f"{match['site']}: no such site in {self.name}; it has {sites}")
        return match["site"], Precision(*(int(bits) if bits else None for bits in match.group(2, 3)))


def space(
    graph: Graph,
    weights: Collection[int],
    activations: Collection[int],
    *,
    keep: Collection[str] = (),
    keep_ends: bool = True,
) -> Space:
    """The candidates of a lowered graph, with weights and activations of the given bits.

    Sites named in `keep` stay as they are; with `keep_ends` so do the weights of the first and of the last
    layer that has any, and all quantizers before the first one and from the last one on: what the host gives
    and takes. A width that the hardware refuses for a site is left out and told in `refused`.

    LevadaError where there is nothing to choose, or a width is none that can be searched.
    """
    widths = {"weight": _checked("weights", weights), "activation": _checked("activations", activations)}
    own = _own(graph)
    if unknown := sorted(set(keep) - own.precisions.keys()):
        sites = ", ".join(own.precisions) or "none"
        raise LevadaError(f"{unknown[0]}: no such site in {graph.name}; it has {sites}")
    kept = {(what, site) for site in keep for what in widths} | (_ends(own) if keep_ends else set())
    knobs, refused = list[Knob](), list[str]()
    layer_of = functools.cache(requantized_layer)  # most layers are the same at most widths
    for knob in _all_knobs(graph, own, widths):
        if not any((knob.what, site) in kept for site in knob.sites):
            legal, errors = _legal(graph, own, knob, layer_of)
            refused += errors
            knobs += [replace(knob, values=legal)] if legal else []
    if not knobs:
        nothing = "it has neither trained weights nor quantizers"
        kept_all = f"its sites are {own}, and all of them are kept" if own.choices else nothing
        why = refused[0] if refused else kept_all
        raise LevadaError(f"{graph.name}: there is no bit width to choose: {why}")
    return Space(graph.name, own, tuple(knobs), tuple(refused))


def _listed(bits: Sequence[int]) -> str:
    return ", ".join(map(str, bits))


def _checked(what: str, bits: Collection[int]) -> tuple[int, ...]:
    for width in bits:
        if not LEAST <= width <= MOST:
            raise LevadaError(f"{what} of {width} bits cannot be searched; choose {LEAST} to {MOST}")
    return tuple(sorted(set(bits)))


def _own(graph: Graph) -> Candidate:
    """The sites of a graph, as they are."""
    pairs = ((node.name, node.layer.precision) for node in graph.nodes)
    return Candidate(tuple(pair for pair in pairs if pair[1] != Precision()))


def _ends(own: Candidate) -> set[tuple[What, str]]:
    """What stays at both ends of a network."""
    weighted = [place for place, (_, precision) in enumerate(own.choices) if precision.weight is not None]
    if not weighted:
        return set()
    first, last = weighted[0], weighted[-1]
    names = [site for site, _ in own.choices]
    weights: set[tuple[What, str]] = {("weight", names[first]), ("weight", names[last])}
    return weights | {("activation", site) for site in (*names[:first], *names[last:])}


def _all_knobs(graph: Graph, own: Candidate, widths: Mapping[str, tuple[int, ...]]) -> Iterator[Knob]:
    """Every width of a graph that could be chosen, in the order of its first site."""
    shared = _shared(graph)
    for site, precision in own.choices:
        if precision.weight is not None:
            yield Knob("weight", (site,), widths["weight"])
        if precision.activation is not None:
            group = next((group for group in shared if site in group), {site})
            ordered = tuple(name for name, _ in own.choices if name in group)
            if site == ordered[0]:
                yield Knob("activation", ordered, widths["activation"])


def _shared(graph: Graph) -> list[set[str]]:
    """The quantizers that share a width, a set for each width."""
    groups: list[set[str]] = []
    reach: dict[str, set[str]] = {}  # the quantizers that a tensor's integers come from
    for node in graph.nodes:
        inputs = [reach.get(name, set()) for name in node.inputs]
        if len(inputs) > 1:
            met = set().union(*inputs)
            groups = [g for g in groups if not g & met] + [met.union(*(g for g in groups if g & met))]
        reach.update(dict.fromkeys(node.outputs, _quantizers(node, inputs)))
    return groups


def _quantizers(node: Node, inputs: Sequence[set[str]]) -> set[str]:
    """Where the integers of a layer's results come from: sums of products have no width that is chosen."""
    own = node.layer.precision
    if own.activation is not None:
        return {node.name}
    return set() if own.weight is not None else set().union(*inputs)


def _legal(graph: Graph, own: Candidate, knob: Knob, layer_of: LayerOf) -> tuple[tuple[int, ...], list[str]]:
    """The widths of a knob that hardware can be made for, and why not of the others."""
    legal, errors = [], []
    for bits in knob.values:
        try:
            requantized(graph, own.turned(knob, bits).precisions, layer_of)
        except LevadaError as error:
            errors.append(f"{knob}: not {bits} bits: {error}")
        else:
            legal.append(bits)
    return tuple(legal), errors
