"""Joins layers: width converters where streams differ, fifos where beats must wait."""

from __future__ import annotations

from dataclasses import replace

from levada import timing
from levada.graph import Graph, Node, verify
from levada.layer import Tensor, adapter, buffer

# Frames after which the periodic schedule has settled: a frame is in few layers at a time.
_SETTLING_FRAMES = 4


def convert_widths(graph: Graph) -> Graph:
    """The graph with an adapter on every tensor whose producer and consumer disagree on the beat."""
    for name in list(graph.tensors):
        produced, consumed = graph.producer(name), graph.consumer(name)
        if produced is None or consumed is None:
            continue
        given = produced[0].streams[1][produced[1]]
        taken = consumed[0].streams[0][consumed[1]]
        if given != taken:
            layer = adapter()(graph.tensors[name], given.elements, taken.elements)
            graph = _insert(graph, name, _node(f"{layer.kind}_{consumed[0].name}", layer), consumed[0])
    return verify(graph, "connected")


def insert_fifos(graph: Graph) -> Graph:
    """The graph with just the fifos that let it run at its bottleneck's interval (see levada.timing)."""
    spacing = timing.interval(graph)
    times = timing.simulate(graph, _SETTLING_FRAMES + len(graph.nodes), spacing)
    for name in list(graph.tensors):
        produced, consumed = graph.producer(name), graph.consumer(name)
        if produced is None or consumed is None:
            continue
        schedule = produced[0].layer.schedule(produced[0].folding)
        taken = times.taken[name]
        claimed = timing.high_water(times.issued[name], taken + schedule.release)
        if claimed > schedule.slots:
            depth = timing.high_water(times.valid[name], taken + 1)
            elements = graph.stream(name).elements
            layer = buffer()(graph.tensors[name], elements, max(2, depth))
            graph = _insert(graph, name, _node(f"{layer.kind}_{consumed[0].name}", layer), consumed[0])
    return verify(graph, "connected")


def _node(name: str, layer: object) -> Node:
    return Node(name, layer, ("",), ("",), next(layer.foldings()))  # type: ignore[attr-defined, arg-type]


def _insert(graph: Graph, tensor: str, node: Node, consumer: Node) -> Graph:
    """The graph with `node` between a tensor and its consumer."""
    fresh = f"{tensor}_{node.layer.kind}"
    old = graph.tensors[tensor]
    node = replace(node, inputs=(tensor,), outputs=(fresh,))
    moved = replace(consumer, inputs=tuple(fresh if name == tensor else name for name in consumer.inputs))
    nodes: list[Node] = []
    for other in graph.nodes:
        nodes += [node, moved] if other is consumer else [other]
    tensors = {**graph.tensors, fresh: Tensor(fresh, old.shape, old.dtype)}
    return replace(graph, nodes=tuple(nodes), tensors=tensors)
