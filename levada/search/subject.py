"""A network in its two forms: in torch, with a width for each layer, and as layers of hardware at sites.

Which site of the hardware a width of the torch network sets is not known from names: branches may be exported
in another order than they are executed in, and one quantizer may become several. So networks are built whose
widths tell their number, and lowered.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from levada import models
from levada.build import Options, lowered
from levada.build.state import required
from levada.errors import LevadaError
from levada.export import export
from levada.graph import Graph
from levada.models import Model
from levada.search.space import LEAST, MOST, Candidate, Knob, Space, What, space
from levada.train.task import WideFamily, Widths, wide_family_of

if TYPE_CHECKING:
    from torch import nn

Bits = tuple[int, ...]
Site = tuple[What, str]
_NAMES: dict[What, str] = {"weight": "weights", "activation": "activations"}


@dataclass(frozen=True)
class Subject:
    """What is searched.

    Attributes:
        model: its variant is where widths that are not searched come from.
        graph: that variant, trained, as layers that are not folded.
        space: the widths that may be chosen, each with what the hardware and the family can build.
        places: for each of the space's knobs, which of the weights or of the activations of `Widths` it is.
    """

    model: Model
    graph: Graph
    space: Space
    places: tuple[int, ...]

    def widths(self, candidate: Candidate) -> Widths:
        """What the torch network of a candidate is built with."""
        own = wide_family_of(self.model).widths_of(self.model.variant)
        bits = {"weight": list(own.weights), "activation": list(own.activations)}
        for knob, place in zip(self.space.knobs, self.places, strict=True):
            bits[knob.what][place] = candidate.bits(knob)
        return Widths(tuple(bits["weight"]), tuple(bits["activation"]))

    def network(self, candidate: Candidate) -> nn.Module:
        """The untrained network of a candidate, with weights from torch's random state."""
        return wide_family_of(self.model).build(self.model.variant, self.widths(candidate))

    def uniform(self, weights: int, activations: int) -> Candidate:
        """The candidate nearest to one width for all weights and one for all activations."""
        wanted = {"weight": weights, "activation": activations}

        def nearest(knob: Knob) -> int:
            return min(knob.bits, key=lambda bits: (abs(bits - wanted[knob.what]), bits))

        return self.space.at(map(nearest, self.space.knobs))

    def uniforms(self) -> list[Candidate]:
        """Those nearest to any width for all weights and any for all activations, the widest first."""
        bits = {
            what: sorted({b for knob in self.space.knobs if knob.what == what for b in knob.bits}) or [0]
            for what in _NAMES
        }
        pairs = [(w, a) for w in bits["weight"] for a in bits["activation"]]
        return list(dict.fromkeys(self.uniform(w, a) for w, a in reversed(pairs)))

    @property
    def widest(self) -> Candidate:
        """The candidate with all knobs at their highest width."""
        return self.space.at(knob.bits[-1] for knob in self.space.knobs)

    @property
    def narrowest(self) -> Candidate:
        """The candidate with all knobs at their lowest width."""
        return self.space.at(knob.bits[0] for knob in self.space.knobs)


def subject(
    name: str,
    board: str,
    clock_mhz: float | None,
    weights: Collection[int],
    activations: Collection[int],
    keep: Collection[str] = (),
) -> Subject:
    """The model `name` with the widths that both its family and the hardware can build.

    Sites named in `keep` stay as they are.

    Raises:
        LevadaError: the family has no widths to choose, or none of those given is possible.
    """
    model = models.find(name)
    family = wide_family_of(model)
    graph = required(lowered(Options(name, board=board, clock_mhz=clock_mhz, samples=1)).graph)
    found = space(graph, weights, activations, keep=keep, keep_ends=False)
    places = _places(model, family, board)
    knobs, order, refused = list[Knob](), list[int](), list(found.refused)
    for knob in found.knobs:
        numbers = {places.get((knob.what, site)) for site in knob.sites}
        number = numbers.pop()
        if numbers:
            raise LevadaError(
                f"{name}: the {knob} share a width in hardware, but not in the family's network"
            )
        if number is not None:
            legal, reasons = _buildable(model, family, knob, number)
            refused += reasons
            if legal:
                knobs.append(replace(knob, bits=legal))
                order.append(number)
    if not knobs:
        why = refused[0] if refused else f"all of {found.own} are kept"
        raise LevadaError(f"{name}: there is no bit width to choose: {why}")
    return Subject(model, graph, replace(found, knobs=tuple(knobs), refused=tuple(refused)), tuple(order))


def _with(own: Widths, what: What, number: int, bits: int) -> Widths:
    changed = list(getattr(own, _NAMES[what]))
    changed[number] = bits
    return own._replace(**{_NAMES[what]: tuple(changed)})


def _buildable(model: Model, family: WideFamily, knob: Knob, number: int) -> tuple[Bits, list[str]]:
    """The bits of a knob that the family builds, and why not the others."""
    legal, reasons = [], []
    own = family.widths_of(model.variant)
    for bits in knob.bits:
        try:
            family.build(model.variant, _with(own, knob.what, number, bits))
        except LevadaError as error:
            reasons.append(f"{knob}: not {bits} bits: {error}")
        else:
            legal.append(bits)
    return tuple(legal), reasons


def _places(model: Model, family: WideFamily, board: str) -> Mapping[Site, int]:
    """For each kind and site, which of the family's widths sets it; sites that none sets are left out.

    Networks are built and lowered, in which the width of a layer is one digit of its number; and one more
    in which every width is another one than in the first: what has the same there is set by none.
    """
    own = family.widths_of(model.variant)
    digits = {what: _possible(model, family, what) for what in _NAMES}
    base = min(len(bits) for bits in digits.values())

    def coded(place: int, more: int = 0) -> Mapping[Site, int]:
        """The digits that sites have at a place, `more` added to each."""
        numbers = {what: range(len(getattr(own, name))) for what, name in _NAMES.items()}
        given = {w: tuple(digits[w][(n // place + more) % base] for n in numbers[w]) for w in _NAMES}
        found = _widths_of_sites(model, family, Widths(given["weight"], given["activation"]), board)
        return {site: digits[site[0]].index(bits) for site, bits in found.items() if bits in digits[site[0]]}

    first, moved = coded(1), coded(1, more=1)
    found = {site: digit for site, digit in first.items() if moved.get(site) == (digit + 1) % base}
    place = base
    while place < max(len(bits) for bits in own):
        for site, digit in coded(place).items():
            if site in found:
                found[site] += place * digit
        place *= base
    return found


def _possible(model: Model, family: WideFamily, what: What) -> Bits:
    """The bits that all widths of a kind can have at once."""
    own, name, legal = family.widths_of(model.variant), _NAMES[what], []
    for bits in range(LEAST, MOST + 1):
        with contextlib.suppress(LevadaError):
            family.build(model.variant, own._replace(**{name: (bits,) * len(getattr(own, name))}))
            legal.append(bits)
    return tuple(legal)


def _widths_of_sites(model: Model, family: WideFamily, widths: Widths, board: str) -> Mapping[Site, int]:
    """What the hardware makes of an untrained network with these widths."""
    graph = lowered_network(model, family.build(model.variant, widths), board)
    precisions = {node.name: node.layer.precision for node in graph.nodes}
    sites: dict[Site, int | None] = {("weight", name): p.weight for name, p in precisions.items()}
    sites |= {("activation", name): p.activation for name, p in precisions.items()}
    return {site: bits for site, bits in sites.items() if bits is not None}


def lowered_network(model: Model, network: nn.Module, board: str, clock_mhz: float | None = None) -> Graph:
    """A network of the model's family as layers that are not folded, for a clock or the board's own."""
    shape = wide_family_of(model).samples(model.variant).shape[1:]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{model.name}.onnx"
        path.write_bytes(export(network.eval(), (1, *shape)))
        options = Options(str(path), board=board, clock_mhz=clock_mhz, samples=1, input=model.input)
        return required(lowered(options).graph)
