"""A network in its two forms: in torch, with a width for each layer, and as layers of hardware at sites."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from levada import models
from levada.build import Options, lowered
from levada.build.state import required
from levada.errors import LevadaError
from levada.graph import Graph
from levada.models import Model
from levada.search import modules
from levada.search.places import lowered_network, places_of
from levada.search.space import Candidate, Dim, Knob, Space, What, space
from levada.train.task import Shape, WideFamily, Widths, wide_family_of

if TYPE_CHECKING:
    from torch import nn

Bits = tuple[int, ...]


@dataclass(frozen=True)
class Subject:
    """What is searched.

    Attributes:
        model: its variant is where widths that are not searched come from.
        graph: that variant, trained, as layers that are not folded; untrained, where shapes are searched, in
            the largest of them.
        space: the widths and shapes that may be chosen, with what the hardware and the family can build.
        places: for each of the space's knobs, which of the weights or of the activations of `Widths` it is.
    """

    model: Model
    graph: Graph
    space: Space
    places: tuple[int, ...]

    @property
    def own(self) -> Widths:
        """What the variant has, in the largest shape."""
        return wide_family_of(self.model).widths_of(self.model.variant, self.space.own.shape)

    def all_widths(self, candidate: Candidate) -> Widths:
        """The widths of a candidate, also of layers that it lacks in its shape."""
        own = self.own
        bits = {"weight": list(own.weights), "activation": list(own.activations)}
        for knob, place in zip(self.space.knobs, self.places, strict=True):
            bits[knob.what][place] = candidate.value(knob)
        return Widths(tuple(bits["weight"]), tuple(bits["activation"]), candidate.shape)

    def widths(self, candidate: Candidate) -> Widths:
        """What the torch network of a candidate is built with."""
        found = self.all_widths(candidate)
        kept = modules.kept(self.model, self.own, candidate.shape)
        return found._replace(
            weights=tuple(found.weights[place] for place in kept.weights),
            activations=tuple(found.activations[place] for place in kept.activations),
        )

    def network(self, candidate: Candidate) -> nn.Module:
        """The untrained network of a candidate, with weights from torch's random state."""
        return wide_family_of(self.model).build(self.model.variant, self.widths(candidate))

    def uniform(self, weights: int, activations: int, shape: Shape | None = None) -> Candidate:
        """The candidate nearest to one width for all weights and one for all activations, in a shape.

        That is the largest one unless given.
        """
        wanted = {"weight": weights, "activation": activations}
        numbers = dict(self.space.own.shape if shape is None else shape)

        def nearest(knob: Knob | Dim) -> int:
            if isinstance(knob, Dim):
                return numbers[knob.name]
            return min(knob.values, key=lambda bits: (abs(bits - wanted[knob.what]), bits))

        return self.space.at(map(nearest, self.space.turnable))

    def uniforms(self, shapes: Sequence[Shape] = ()) -> list[Candidate]:
        """Those nearest to any width for all weights and any for all activations, the widest first.

        Of each pair all the shapes, in their order; the largest one unless any are given.
        """
        bits = {
            what: sorted({b for knob in self.space.knobs if knob.what == what for b in knob.values}) or [0]
            for what in modules.KINDS
        }
        pairs = [(w, a) for w in bits["weight"] for a in bits["activation"]]
        found = (self.uniform(w, a, s) for w, a in reversed(pairs) for s in shapes or [self.space.own.shape])
        return list(dict.fromkeys(found))

    @property
    def widest(self) -> Candidate:
        """The candidate with all that is turnable at its highest."""
        return self.space.at(knob.values[-1] for knob in self.space.turnable)

    @property
    def narrowest(self) -> Candidate:
        """The candidate with all that is turnable at its lowest."""
        return self.space.at(knob.values[0] for knob in self.space.turnable)


def subject(
    name: str,
    board: str,
    clock_mhz: float | None,
    weights: Collection[int],
    activations: Collection[int],
    keep: Collection[str] = (),
    shape: Mapping[str, Collection[int]] = MappingProxyType({}),
) -> Subject:
    """The model `name` with the widths that both its family and the hardware can build.

    Sites named in `keep` stay as they are. `shape` has the values of each number of the family's shape that
    may be chosen.

    Raises:
        LevadaError: the family has no widths to choose, no such number, or none of those given is possible.
    """
    model = models.find(name)
    family = wide_family_of(model)
    dims = _dims(model, family, shape)
    largest = tuple((dim.name, dim.values[-1]) for dim in dims)
    own = family.widths_of(model.variant, largest)
    if dims:
        graph = lowered_network(model, family.build(model.variant, own), board, clock_mhz)
    else:
        graph = required(lowered(Options(name, board=board, clock_mhz=clock_mhz, samples=1)).graph)
    found = space(graph, weights, activations, keep=keep, keep_ends=False)
    found = replace(found, own=replace(found.own, shape=largest), dims=dims)
    places = places_of(model, own, board)
    knobs, order, refused = list[Knob](), list[int](), list(found.refused)
    for knob in found.knobs:
        numbers = {places.get((knob.what, site)) for site in knob.sites}
        number = numbers.pop()
        if numbers:
            raise LevadaError(
                f"{name}: the {knob} share a width in hardware, but not in the family's network"
            )
        if number is not None:
            legal, reasons = _buildable(model, own, knob, number)
            refused += reasons
            if legal:
                knobs.append(replace(knob, values=legal))
                order.append(number)
    if not knobs:
        why = refused[0] if refused else f"all of {found.own} are kept"
        raise LevadaError(f"{name}: there is no bit width to choose: {why}")
    made = Subject(model, graph, replace(found, knobs=tuple(knobs), refused=tuple(refused)), tuple(order))
    return replace(made, space=replace(made.space, idle=idle(made)))


def _dims(model: Model, family: WideFamily, shape: Mapping[str, Collection[int]]) -> tuple[Dim, ...]:
    """The numbers of the shape that are searched, each with all its values buildable."""
    for name, numbers in shape.items():
        if not numbers:
            raise LevadaError(f"{model.name}: no value is given for {name}")
        for number in numbers:
            family.widths_of(model.variant, ((name, number),))  # raises what it cannot build
    known = family.widths_of(model.variant).shape
    return tuple(Dim(name, tuple(sorted(set(shape[name])))) for name, _ in known if name in shape)


def idle(subject: Subject) -> tuple[tuple[str, int, Bits], ...]:
    """For each number of the shape, the indices of the knobs whose layers the network lacks with it."""
    found = []
    for dim in subject.space.dims:
        for number in dim.values:
            shape = subject.space.own.turned(dim, number).shape
            kept = modules.kept(subject.model, subject.own, shape)
            lost = tuple(
                index
                for index, (knob, place) in enumerate(zip(subject.space.knobs, subject.places, strict=True))
                if place not in getattr(kept, modules.KINDS[knob.what])
            )
            if lost:
                found.append((dim.name, number, lost))
    return tuple(found)


def _with(own: Widths, what: What, number: int, bits: int) -> Widths:
    changed = list(getattr(own, modules.KINDS[what]))
    changed[number] = bits
    return own._replace(**{modules.KINDS[what]: tuple(changed)})


def _buildable(model: Model, own: Widths, knob: Knob, number: int) -> tuple[Bits, list[str]]:
    """The bits of a knob that the family builds, and why not the others."""
    legal, reasons = [], []
    family = wide_family_of(model)
    for bits in knob.values:
        try:
            family.build(model.variant, _with(own, knob.what, number, bits))
        except LevadaError as error:
            reasons.append(f"{knob}: not {bits} bits: {error}")
        else:
            legal.append(bits)
    return tuple(legal), reasons
