"""Joins layers: width converters where streams differ, fifos where beats must wait."""

from __future__ import annotations

from dataclasses import replace

from levada.graph import Graph, Node, verify
from levada.layer import Layer, Tensor, adapter, buffer
from levada.plan import Plan


def connect(graph: Graph) -> Graph:
    """The folded graph with its width converters and FIFOs."""
    return insert_fifos(convert_widths(graph))


def convert_widths(graph: Graph) -> Graph:
    """The graph with an adapter on every tensor whose producer and consumer disagree on the beat."""
    joined = _Joined(graph)
    for node in graph.nodes:
        for place, (name, taken) in enumerate(zip(node.inputs, node.streams[0], strict=True)):
            if name not in graph.inputs and (given := graph.stream(name)) != taken:
                layer = adapter()(graph.tensors[name], given.elements, taken.elements)
                node = joined.put_before(node, place, layer)
        joined.nodes.append(node)
    return verify(joined.graph(), "connected")


def insert_fifos(graph: Graph) -> Graph:
    """The graph with fifos that let it run at its bottleneck's interval (see levada.timing).

    They hold what a periodic schedule claims that stores little (see levada.plan).
    """
    depths = _depths(graph)
    joined = _Joined(graph)
    for node in graph.nodes:
        for place, name in enumerate(node.inputs):
            if name in depths:
                stream = node.streams[0][place]
                layer = buffer()(graph.tensors[name], stream.elements, max(2, depths[name]))
                node = joined.put_before(node, place, layer)
        joined.nodes.append(node)
    return verify(joined.graph(), "connected")


def reasons(graph: Graph) -> dict[str, str]:
    """What each buffer of a graph holds, how long and what for, in words, by the buffer's name."""
    buffers = [node for node in graph.nodes if node.layer.role == "buffer"]
    if not buffers:
        return {}
    plan = Plan(graph)
    moves = plan.moves(frozenset())
    waits = {node.name: plan.wait(node.inputs[0], node.outputs[0], moves) for node in buffers}
    return {node.name: _reason(graph, node, waits[node.name]) for node in buffers}


def _reason(graph: Graph, buffer: Node, cycles: int) -> str:
    """Beats wait at a layer with several inputs for the slowest of them, and else even out a burst."""
    found = graph.consumer(buffer.outputs[0])
    assert found is not None, f"{buffer.name} is at the end of {graph.name}"
    reader, place = found
    places, bits = buffer.layer.schedule(buffer.folding).slots, graph.stream(buffer.inputs[0]).bits
    held = f"{places} beats of {bits} bits, up to {cycles} cycles"
    others = [_source(graph, name) for name in (*reader.inputs[:place], *reader.inputs[place + 1 :])]
    if others:
        return f"{held}, until {', '.join(others)} gives what {reader.name} takes with them"
    return f"{held}, where {_source(graph, buffer.inputs[0])} gives faster than {reader.name} takes"


def _source(graph: Graph, tensor: str) -> str:
    """The layer that computes what a tensor carries, adapters and buffers looked through."""
    found = graph.producer(tensor)
    if found is None:
        return tensor
    node = found[0]
    return _source(graph, node.inputs[0]) if node.layer.role in ("adapter", "buffer") else node.name


def _depths(graph: Graph) -> dict[str, int]:
    """Depth of a fifo for each inner tensor that claims more places at once than its layer has.

    A fifo delays its beats by a cycle, which may make another one necessary: so until none is missing.
    """
    plan = Plan(graph)
    buffered: set[str] = set()
    while True:
        moves = plan.moves(frozenset(buffered))
        missing = {name for name in moves.keys() - buffered if plan.misses_room(name, moves[name])}
        if not missing:
            return {name: plan.depth(name, moves[name]) for name in buffered}
        buffered |= missing


class _Joined:
    """A graph that grows node by node, with layers put between others."""

    def __init__(self, graph: Graph) -> None:
        self.nodes: list[Node] = []
        self._old = graph
        self._tensors = dict(graph.tensors)

    def put_before(self, node: Node, place: int, layer: Layer) -> Node:
        """Appends `layer` in front of an input of `node`, which is returned reading it."""
        name = node.inputs[place]
        fresh = f"{name}_{layer.kind}"
        self._tensors[fresh] = Tensor(fresh, self._tensors[name].shape, self._tensors[name].dtype)
        own = f"{layer.kind}_{node.name}" + (f"_{place}" if place else "")
        self.nodes.append(Node(own, layer, (name,), (fresh,), next(layer.foldings())))
        reads = (*node.inputs[:place], fresh, *node.inputs[place + 1 :])
        return replace(node, inputs=reads)

    def graph(self) -> Graph:
        """The graph as it is now."""
        return replace(self._old, nodes=tuple(self.nodes), tensors=self._tensors)
