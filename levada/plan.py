"""A periodic schedule of a whole graph, chosen so that little must be stored between its layers.

Frames enter one interval of the slowest layer apart, so everything can repeat with that period. The outputs
come as early as they can. Every layer first works as late as they allow: a quick one keeps the pace of its
reader instead of running ahead and filling a fifo. Then, from the inputs on, a layer works as early as its
inputs allow where less is stored that way: one that gives fewer bits than it takes. A window unit stays late,
a pool or a sum comes early.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from levada_driver.datatype import IntArray

from levada import timing
from levada.graph import Graph, Node
from levada.layer import Schedule

#: When the steps of a frame are, by layer.
Steps = dict[str, timing.Steps]
# Intervals of which many fit into 32 bits.
_SHORT = 1 << 26


@dataclass(frozen=True)
class Moves:
    """When the beats of a tensor claim their places, and when they are taken."""

    issued: IntArray
    taken: IntArray


@dataclass(frozen=True)
class _Joint:
    """A tensor between two layers, and which of their ports it joins."""

    producer: Node
    output: int
    consumer: Node
    input: int


class Plan:
    """The periodic schedule of a graph, for any set of tensors that go through a fifo."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._interval = timing.interval(graph)
        # Most of the time goes into moving arrays of millions of cycles; of half the width it is less.
        self._type = np.int32 if self._interval < _SHORT else np.int64
        self._schedules = {node.name: node.layer.schedule(node.folding) for node in graph.nodes}
        self._active = {name: timing.Active.of(s, self._type) for name, s in self._schedules.items()}
        self._joints: dict[str, _Joint] = {}
        for node in graph.nodes:
            for place, name in enumerate(node.inputs):
                found = graph.producer(name)
                if found is not None:
                    self._joints[name] = _Joint(*found, node, place)

    def moves(self, buffered: frozenset[str]) -> dict[str, Moves]:
        """The beats of every inner tensor; one that is `buffered` arrives a cycle later."""
        steps = self._latest(buffered)
        self._bring_forward(steps, buffered)
        return {name: self._moves(name, steps) for name in self._joints}

    def misses_room(self, name: str, moves: Moves) -> bool:
        """Whether a tensor claims more places of its layer at once than there are."""
        return not self._has_room(name, moves)

    def wait(self, first: str, last: str, moves: Mapping[str, Moves]) -> int:
        """The most cycles from a beat of `first` being valid to the same beat of `last` being taken."""
        return int((moves[last].taken - moves[first].issued).max()) - self._producer(first).latency

    def depth(self, name: str, moves: Moves) -> int:
        """Places that a tensor's fifo needs, which takes every beat when it is valid.

        The layer itself then holds but what is in its pipeline, for which its slots are made.
        """
        valid = moves.issued + self._producer(name).latency
        return timing.high_water(valid, moves.taken + 1, self._interval)

    def _producer(self, name: str) -> Schedule:
        return self._schedules[self._joints[name].producer.name]

    def _has_room(self, name: str, moves: Moves, more: int = 0) -> bool:
        """Whether the places of a tensor's layer, and so many more, are enough."""
        producer = self._producer(name)
        released = moves.taken + producer.release
        return timing.suffices(moves.issued, released, self._interval, producer.slots + more)

    def _stores_less(self, name: str, moves: Moves, bits: int) -> bool:
        """Whether a tensor needs fewer bits than so many (> 0) beyond what its layer can hold."""
        return self._has_room(name, moves, (bits - 1) // self._graph.stream(name).bits)

    def _stored(self, name: str, moves: Moves) -> int:
        """Bits that a tensor needs beyond what its layer can hold."""
        producer = self._producer(name)
        if self._has_room(name, moves):
            return 0
        claimed = timing.high_water(moves.issued, moves.taken + producer.release, self._interval)
        return (claimed - producer.slots) * self._graph.stream(name).bits

    def _moves(self, name: str, steps: Steps) -> Moves:
        joint = self._joints[name]
        return Moves(self._issued(name, steps), steps[joint.consumer.name].taken[joint.input])

    def _issued(self, name: str, steps: Steps) -> IntArray:
        joint = self._joints[name]
        return steps[joint.producer.name].issued[joint.output]

    def _latest(self, buffered: frozenset[str]) -> Steps:
        """Every layer as late as the outputs' earliest cycles allow."""
        deadlines = self._earliest_outputs(buffered)
        steps: Steps = {}
        for node in reversed(self._graph.nodes):
            wanted = [deadlines[name] for name in node.outputs]
            steps[node.name] = self._active[node.name].latest(wanted, self._interval)
            for name, taken in zip(node.inputs, steps[node.name].taken, strict=True):
                if name in self._joints:
                    delay = self._producer(name).latency + (name in buffered)
                    deadlines[name] = taken - delay
        return steps

    def _earliest_outputs(self, buffered: frozenset[str]) -> dict[str, IntArray]:
        """When each beat of the graph's outputs is issued at the earliest."""
        steps: Steps = {}
        for node in self._graph.nodes:
            steps[node.name] = self._earliest(node, steps, buffered)
        ends = {}
        for name in self._graph.outputs:
            found = self._graph.producer(name)
            assert found is not None, f"{name} is an input of {self._graph.name} too"
            producer, output = found
            ends[name] = steps[producer.name].issued[output]
        return ends

    def _earliest(self, node: Node, steps: Steps, buffered: frozenset[str]) -> timing.Steps:
        """The steps of a layer as early as those of the layers before it allow."""
        arrivals = []
        for name in node.inputs:
            if name in self._joints:
                delay = self._producer(name).latency + (name in buffered)
                arrivals.append(self._issued(name, steps) + delay)
            else:
                arrivals.append(np.zeros(self._graph.stream(name).beats, self._type))
        return self._active[node.name].earliest(arrivals, self._interval)

    def _bring_forward(self, steps: Steps, buffered: frozenset[str]) -> None:
        """Lets layers work early, one after the other, where that stores fewer bits."""
        stored = {name: self._stored(name, self._moves(name, steps)) for name in self._joints}
        for node in self._graph.nodes:
            # An earlier layer frees places before itself and takes more behind: nothing before, nothing won.
            if not any(stored.get(name, 0) for name in node.inputs):
                continue
            moved = {**steps, node.name: self._earliest(node, steps, buffered)}
            touched = [name for name in (*node.outputs, *node.inputs) if name in self._joints]
            now = sum(stored[name] for name in touched)
            moves = {name: self._moves(name, moved) for name in touched}
            if all(self._stores_less(name, moves[name], now) for name in touched):
                then = {name: self._stored(name, moves[name]) for name in touched}
                if sum(then.values()) < now:
                    steps[node.name] = moved[node.name]
                    stored.update(then)
