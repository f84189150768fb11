"""Which site of the hardware a width of the torch network sets.

It is not known from names: branches may be exported in another order than they are executed in, and one
quantizer may become several. So networks are built whose widths tell their number, and lowered.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from levada.build import Options, lowered
from levada.build.state import required
from levada.export import export
from levada.graph import Graph
from levada.models import Model
from levada.search.modules import KINDS, possible
from levada.search.space import What
from levada.train.task import Widths, wide_family_of

if TYPE_CHECKING:
    from torch import nn

Site = tuple[What, str]


@functools.lru_cache(maxsize=64)
def places_of(model: Model, own: Widths, board: str) -> Mapping[Site, int]:
    """For each kind and site, in order, which of the widths sets it; without those that none sets.

    `own` are widths of the family, of the shape that counts. Networks are built and lowered, in which the
    width of a layer is one digit of its number; and one more in which every width is another one than in the
    first: what has the same there is set by none.
    """
    digits = {what: possible(model, own, what) for what in KINDS}
    base = min(len(bits) for bits in digits.values())

    def coded(place: int, more: int = 0) -> Mapping[Site, int]:
        """The digits that sites have at a place, `more` added to each."""
        numbers = {what: range(len(getattr(own, name))) for what, name in KINDS.items()}
        given = {w: tuple(digits[w][(n // place + more) % base] for n in numbers[w]) for w in KINDS}
        widths = Widths(given["weight"], given["activation"], own.shape)
        found = _widths_of_sites(model, widths, board)
        return {site: digits[site[0]].index(bits) for site, bits in found.items() if bits in digits[site[0]]}

    first, moved = coded(1), coded(1, more=1)
    found = {site: digit for site, digit in first.items() if moved.get(site) == (digit + 1) % base}
    place = base
    while place < max(len(own.weights), len(own.activations)):
        for site, digit in coded(place).items():
            if site in found:
                found[site] += place * digit
        place *= base
    return found


def _widths_of_sites(model: Model, widths: Widths, board: str) -> Mapping[Site, int]:
    """What the hardware makes of an untrained network with these widths."""
    graph = lowered_network(model, wide_family_of(model).build(model.variant, widths), board)
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
