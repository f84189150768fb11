"""Joins layers: width converters where streams differ, fifos where beats must wait."""

from __future__ import annotations

from dataclasses import replace

from levada import timing
from levada.graph import Graph, Node, verify
from levada.layer import Layer, Schedule, Tensor, adapter, buffer

# Frames that the periodic schedule needs to settle beside one for each layer: a beat waits for few frames.
_SETTLING_FRAMES = 4
# Deep enough for any frame, until the depth is known.
_UNBOUNDED = 1 << 30


def convert_widths(graph: Graph) -> Graph:
    """The graph with an adapter on every tensor whose producer and consumer disagree on the beat."""
    for name in _inner(graph):
        (producer, output), (consumer, index) = _ends(graph, name)
        given, taken = producer.streams[1][output], consumer.streams[0][index]
        if given != taken:
            layer = adapter()(graph.tensors[name], given.elements, taken.elements)
            graph = _insert(graph, name, layer)
    return verify(graph, "connected")


def insert_fifos(graph: Graph) -> Graph:
    """The graph with fifos that let it run at its bottleneck's interval (see levada.timing).

    They hold what the periodic schedule claims, in which each layer starts as early as it can; a schedule
    in which the quick layers start later may need fewer.
    A fifo adds a cycle of its own, which may make another one necessary: so until none is missing. Their
    depths do not change when beats move, and are set at the end.
    """
    while True:
        claimed = _claimed(graph)
        missing = [name for name in _inner(graph) if claimed[name] > _schedule(graph, name).slots]
        if not missing:
            return _with_depths(graph)
        for name in missing:
            (producer, _), (consumer, _) = _ends(graph, name)
            # A fifo takes every beat at once: then only the layer's own pipeline holds places.
            assert consumer.layer.role != "buffer", f"{producer.name}: its slots do not cover its latency"
            elements = graph.stream(name).elements
            graph = _insert(graph, name, buffer()(graph.tensors[name], elements, _UNBOUNDED))


def _inner(graph: Graph) -> list[str]:
    """Tensors between two layers."""
    border = {*graph.inputs, *graph.outputs}
    return [name for name in graph.tensors if name not in border]


def _ends(graph: Graph, tensor: str) -> tuple[tuple[Node, int], tuple[Node, int]]:
    produced, consumed = graph.producer(tensor), graph.consumer(tensor)
    assert produced is not None
    assert consumed is not None
    return produced, consumed


def _schedule(graph: Graph, tensor: str) -> Schedule:
    (producer, _), _ = _ends(graph, tensor)
    return producer.layer.schedule(producer.folding)


def _claimed(graph: Graph) -> dict[str, int]:
    """The most places that each inner tensor claims of its producer at once, in the periodic schedule."""
    interval = timing.interval(graph)
    # Only when the longest pipeline is full of frames does it claim all the places that it ever will.
    in_flight = max(node.layer.schedule(node.folding).latency for node in graph.nodes) // interval
    times = timing.simulate(graph, _SETTLING_FRAMES + len(graph.nodes) + in_flight, interval)
    return {
        name: timing.high_water(times.issued[name], times.taken[name] + _schedule(graph, name).release)
        for name in _inner(graph)
    }


def _with_depths(graph: Graph) -> Graph:
    claimed = _claimed(graph)
    nodes = []
    for node in graph.nodes:
        if node.layer.role == "buffer":
            (stream,), _ = node.streams
            layer = buffer()(graph.tensors[node.inputs[0]], stream.elements, max(2, claimed[node.outputs[0]]))
            nodes.append(replace(node, layer=layer, folding=next(layer.foldings())))
        else:
            nodes.append(node)
    return verify(graph.with_nodes(tuple(nodes)), "connected")


def _insert(graph: Graph, tensor: str, layer: Layer) -> Graph:
    """The graph with a node of `layer` between a tensor and its consumer."""
    _, (consumer, _) = _ends(graph, tensor)
    fresh = f"{tensor}_{layer.kind}"
    old = graph.tensors[tensor]
    node = Node(f"{layer.kind}_{consumer.name}", layer, (tensor,), (fresh,), next(layer.foldings()))
    moved = replace(consumer, inputs=tuple(fresh if name == tensor else name for name in consumer.inputs))
    nodes: list[Node] = []
    for other in graph.nodes:
        nodes += [node, moved] if other is consumer else [other]
    tensors = {**graph.tensors, fresh: Tensor(fresh, old.shape, old.dtype)}
    return replace(graph, nodes=tuple(nodes), tensors=tensors)
