"""Several networks as one graph, of which one is chosen while the accelerator is idle.

They have the same layers, joined in the same way, and a layer is either alike in all of them or of a kind
that takes several settings (`Layer.joined`). Streams, foldings and weights there are once for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from levada.errors import LevadaError
from levada.graph import Graph, Node, verify
from levada.layer import Tensor

#: The most settings of a design.
MOST = 16


def joined(graphs: Sequence[Graph], names: Sequence[str]) -> Graph:
    """The first of these lowered graphs, with the others as settings; `names` are those of the settings.

    LevadaError, which names the layer and the rule, where they are not alike enough.
    """
    first = graphs[0]
    if len(graphs) == 1:
        return first
    for graph, name in zip(graphs[1:], names[1:], strict=True):
        if _joints(graph) != _joints(first):
            raise LevadaError(
                f"setting {name}: has other layers than {names[0]} ({_first_other(first, graph)}); export "
                "both from one training"
            )
    nodes = tuple(_node([graph.nodes[at] for graph in graphs], names) for at in range(len(first.nodes)))
    found = first.with_nodes(nodes)
    if found.settings == 1:
        raise LevadaError(f"{first.name}: its settings are all the same network; build one of them alone")
    return verify(_retyped(found), "lowered")


def weight_bits(graph: Graph, setting: int) -> int:
    """Bits of the widest weights that there are in a setting."""
    layers = [node.layer for node in graph.nodes]
    return max((layer.precision.weight or 0) - layer.planes[setting % layer.settings] for layer in layers)


def _joints(graph: Graph) -> list[tuple[str, str, tuple[str, ...], tuple[str, ...]]]:
    return [(node.name, node.layer.kind, node.inputs, node.outputs) for node in graph.nodes]


def _first_other(one: Graph, other: Graph) -> str:
    pairs = zip(_joints(one), _joints(other), strict=False)
    return next((f"{b[0]} for {a[0]}" for a, b in pairs if a != b), f"{len(other.nodes)} of them")


def _node(nodes: Sequence[Node], names: Sequence[str]) -> Node:
    first, *others = nodes
    layer = first.layer.joined([other.layer for other in others])
    if isinstance(layer, str):
        raise LevadaError(
            f"{first.name} ({first.layer.kind}): cannot have the settings {', '.join(names)}: {layer}; build "
            "the networks apart, or train them as docs/nested.md says"
        )
    return replace(first, layer=layer)


def _retyped(graph: Graph) -> Graph:
    """The graph with wider outputs where sums of other settings are larger."""
    tensors = dict(graph.tensors)
    for node in graph.nodes:
        for name, port in zip(node.outputs, node.layer.outputs, strict=True):
            if port.dtype == tensors[name].dtype:
                continue
            reader = graph.consumer(name)
            if reader is not None:
                raise LevadaError(
                    f"{node.name}: its sums would have {port.dtype.bits} bits in one of the settings, which "
                    f"{reader[0].name} does not take; build the networks apart"
                )
            tensors[name] = Tensor(name, tensors[name].shape, port.dtype)
    return replace(graph, tensors=tensors)
