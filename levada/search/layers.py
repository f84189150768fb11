"""What single layers of the hardware cost at the widths that they depend on.

A layer depends on few knobs: of its weights, of its results, of what it reads. So what all candidates cost
follows from tables that are small beside the number of candidates, but for converters and FIFOs.
"""

from __future__ import annotations

from collections.abc import Mapping

from levada.graph import Graph, Node
from levada.offers import Menu
from levada.search.hardware import Evaluator
from levada.search.space import Candidate
from levada.search.subject import Subject

#: Indices of the knobs of a space, ascending.
Knobs = tuple[int, ...]


def knobs_of(subject: Subject, evaluator: Evaluator) -> Mapping[str, Knobs]:
    """For each layer by name, the knobs that change its types or its widths."""
    own = subject.space.own
    known = _kinds(evaluator.graph_of(own))
    found: dict[str, set[int]] = {name: set() for name in known}
    for index, knob in enumerate(subject.space.knobs):
        for bits in knob.values:
            for name, kind in _kinds(evaluator.graph_of(own.turned(knob, bits))).items():
                if kind != known[name]:
                    found[name].add(index)
    return {name: tuple(sorted(knobs)) for name, knobs in found.items()}


def choices(subject: Subject, evaluator: Evaluator, node: str, knobs: Knobs, bits: tuple[int, ...]) -> Menu:
    """The offers of a layer when these knobs have these bits; see `levada.offers`."""
    graph = evaluator.graph_of(turned(subject, knobs, bits))
    return evaluator.offered(graph.node(node).layer)


def turned(subject: Subject, knobs: Knobs, bits: tuple[int, ...]) -> Candidate:
    """The network as it is, but for some knobs."""
    found = subject.space.own
    for index, width in zip(knobs, bits, strict=True):
        found = found.turned(subject.space.knobs[index], width)
    return found


def _kinds(graph: Graph) -> dict[str, object]:
    """What tells a layer from the same one at other widths."""
    return {node.name: _kind(node) for node in graph.nodes}


def _kind(node: Node) -> object:
    ports = (*node.layer.inputs, *node.layer.outputs)
    return node.layer.precision, tuple(port.dtype for port in ports)
