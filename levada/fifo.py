"""Joins layers: width converters where streams differ, fifos where beats must wait."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from levada_driver.datatype import IntArray

from levada import timing
from levada.graph import Graph, Node, verify
from levada.layer import Layer, Tensor, adapter, buffer, registered


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

    They hold what a periodic schedule claims: the outputs come as early as they can, and every layer does
    its work as late as that allows. So a quick layer does not run ahead and fill a fifo, but keeps the pace
    of its reader, and what must be stored is stored where it is small.
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
    buffers = [node for node in graph.nodes if registered()[node.layer.kind].role == "buffer"]
    if not buffers:
        return {}
    plan = _Plan(graph)
    moves = plan.moves(frozenset())
    waits = {name: plan.wait(name, moved) for name, moved in moves.items()}
    return {node.name: _reason(graph, node, waits[node.inputs[0]]) for node in buffers}


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
    inserted = registered()[node.layer.kind].role in ("adapter", "buffer")
    return _source(graph, node.inputs[0]) if inserted else node.name


def _depths(graph: Graph) -> dict[str, int]:
    """Depth of a fifo for each inner tensor that claims more places at once than its layer has.

    A fifo delays its beats by a cycle, which may make another one necessary: so until none is missing.
    """
    plan = _Plan(graph)
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


@dataclass(frozen=True)
class _Moves:
    """When the beats of a tensor claim their places, and when they are taken."""

    issued: IntArray
    taken: IntArray


class _Plan:
    """The periodic schedule of a graph, for any set of tensors that go through a fifo."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._interval = timing.interval(graph)
        self._schedules = {node.name: node.layer.schedule(node.folding) for node in graph.nodes}
        self._producers = {name: self._schedules[node.name] for node in graph.nodes for name in node.outputs}

    def moves(self, buffered: frozenset[str]) -> dict[str, _Moves]:
        """The beats of every inner tensor, each layer as late as the outputs' earliest cycles allow."""
        deadlines = self._earliest_outputs(buffered)
        taken: dict[str, IntArray] = {}
        found: dict[str, _Moves] = {}
        for node in reversed(self._graph.nodes):
            schedule = self._schedules[node.name]
            for name in node.outputs:
                if name in taken:
                    deadlines[name] = taken[name] - schedule.latency - (name in buffered)
            wanted = [deadlines[name] for name in node.outputs]
            steps = timing.latest_steps(schedule, wanted, self._interval)
            taken.update((n, steps[reads]) for n, reads in zip(node.inputs, schedule.reads, strict=True))
            for name, writes in zip(node.outputs, schedule.writes, strict=True):
                if name in taken:
                    found[name] = _Moves(steps[writes], taken[name])
        return found

    def _earliest_outputs(self, buffered: frozenset[str]) -> dict[str, IntArray]:
        """When each beat of the graph's outputs is issued at the earliest."""
        graph = self._graph
        valid = {name: np.zeros(graph.stream(name).beats, np.int64) for name in graph.inputs}
        issued: dict[str, IntArray] = {}
        for node in graph.nodes:
            schedule = self._schedules[node.name]
            arrivals = [valid[name] + (name in buffered) for name in node.inputs]
            steps = timing.earliest_steps(schedule, arrivals, self._interval)
            for name, writes in zip(node.outputs, schedule.writes, strict=True):
                issued[name] = steps[writes]
                valid[name] = issued[name] + schedule.latency
        return {name: issued[name] for name in graph.outputs}

    def misses_room(self, name: str, moves: _Moves) -> bool:
        """Whether a tensor claims more places of its layer at once than there are."""
        schedule = self._producers[name]
        claimed = timing.high_water(moves.issued, moves.taken + schedule.release, self._interval)
        return claimed > schedule.slots

    def wait(self, name: str, moves: _Moves) -> int:
        """The most cycles that a beat of a tensor waits to be taken."""
        return int((moves.taken - moves.issued).max()) - self._producers[name].latency

    def depth(self, name: str, moves: _Moves) -> int:
        """Places that a tensor's fifo needs, which takes every beat when it is valid.

        The layer itself then holds but what is in its pipeline, for which its slots are made.
        """
        valid = moves.issued + self._producers[name].latency
        return timing.high_water(valid, moves.taken + 1, self._interval)
