"""When beats move: the closed form against a simulation that goes from cycle to cycle."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from levada_driver.packing import Stream

from levada import timing
from levada.graph import Graph, Node
from levada.layer import Schedule, Tensor
from tests.unit import graphs


@dataclass(frozen=True, eq=False)
class Scheduled:
    """No more of a layer than when it reads and writes: what levada.timing looks at."""

    fixed: Schedule

    def schedule(self, folding):
        return self.fixed

    def cycles(self, folding):
        return self.fixed.steps

    def streams(self, folding):
        return tuple(
            tuple(Stream(graphs.UINT2, 1, int(mask.sum())) for mask in masks)
            for masks in (self.fixed.reads, self.fixed.writes)
        )


def masks(draw, steps, beats):
    """For each port a mask of `steps` steps in which it moves its number of beats."""
    order = draw(st.randoms(use_true_random=False))
    chosen = [set(order.sample(range(steps), count)) for count in beats]
    return tuple(np.array([step in steps_of for step in range(steps)]) for steps_of in chosen)


@st.composite
def pipelines(draw):
    """Layers in a row, joined by one or two streams, that read and write in any of their steps."""
    widths = draw(st.lists(st.integers(1, 2), min_size=2, max_size=5))
    beats = [[draw(st.integers(1, 5)) for _ in range(width)] for width in widths]
    names = [[f"t{i}_{j}" for j in range(width)] for i, width in enumerate(widths)]
    nodes = []
    for index in range(len(widths) - 1):
        steps = max(beats[index] + beats[index + 1]) + draw(st.integers(0, 4))
        reads, writes = masks(draw, steps, beats[index]), masks(draw, steps, beats[index + 1])
        schedule = Schedule(reads, writes, draw(st.integers(1, 6)), slots=2)
        ends = tuple(names[index]), tuple(names[index + 1])
        nodes.append(Node(f"n{index}", Scheduled(schedule), *ends))
    sizes = {name: n for row, ns in zip(names, beats, strict=True) for name, n in zip(row, ns, strict=True)}
    tensors = {name: Tensor(name, (size,), graphs.UINT2) for name, size in sizes.items()}
    return Graph("random", tuple(nodes), tensors, tuple(names[0]), tuple(names[-1]))


@given(pipelines(), st.integers(1, 4), st.booleans())
def test_simulate_equals_walking_from_cycle_to_cycle(graph, frames, spaced):
    spacing = timing.interval(graph) if spaced else 0
    walk = graphs.Walk(graph, frames, spacing, bounded=False)
    times = timing.simulate(graph, frames, spacing)
    for name in graph.tensors:
        assert times.valid[name].tolist() == walk.valid[name], name
        assert times.taken[name].tolist() == walk.taken[name], name
    for node in graph.nodes:
        for name in node.outputs:
            assert times.issued[name].tolist() == walk.issued[name], name


@given(pipelines())
def test_interval_and_latency_of_a_walk(graph):
    walk = graphs.Walk(graph, 30, bounded=False)
    last = [max(ends) for ends in zip(*(walk.ends(name) for name in graph.outputs), strict=True)]
    first = min(walk.taken[name][0] for name in graph.inputs)
    assert timing.latency(graph) == last[0] - first + 1
    steps = [node.layer.fixed.steps for node in graph.nodes]
    assert timing.interval(graph) == max(steps) == last[-1] - last[-2]
    assert timing.bottleneck(graph) is graph.nodes[steps.index(max(steps))]


@given(pipelines())
def test_once_settled_the_slowest_layer_sets_the_pace(graph):
    frames = timing.settling(graph)
    valid = timing.simulate(graph, frames).valid
    ends = np.max([valid[name].reshape(frames, -1)[:, -1] for name in graph.outputs], axis=0)
    assert ends[-1] - ends[-2] == timing.interval(graph)


def test_a_schedule_worked_out_by_hand():
    # Reads in steps 0 and 1, writes in step 2; then reads the beat in step 0 and writes in steps 0 and 1.
    first = Schedule((np.array([1, 1, 0], bool),), (np.array([0, 0, 1], bool),), latency=4, slots=2)
    second = Schedule((np.array([1, 0], bool),), (np.array([1, 1], bool),), latency=1, slots=2)
    nodes = (Node("a", Scheduled(first), ("x",), ("t",)), Node("b", Scheduled(second), ("t",), ("y",)))
    tensors = {name: Tensor(name, (1,), graphs.UINT2) for name in "xty"}
    graph = Graph("hand", nodes, tensors, ("x",), ("y",))
    times = timing.simulate(graph, 2)
    assert times.taken["x"].tolist() == [0, 1, 3, 4]
    assert times.issued["t"].tolist() == [2, 5]
    assert times.valid["t"].tolist() == times.taken["t"].tolist() == [6, 9]
    assert times.valid["y"].tolist() == times.taken["y"].tolist() == [7, 8, 10, 11]
    assert timing.latency(graph) == 9
    assert timing.interval(graph) == 3
    late = timing.simulate(graph, 2, 10)
    assert late.taken["x"].tolist() == [0, 1, 10, 11]


@given(graphs.chains())
def test_chains_of_real_layers(graph):
    graph = graphs.connected(graph)
    walk = graphs.Walk(graph, 2, bounded=False)
    times = timing.simulate(graph, 2)
    assert {name: valid.tolist() for name, valid in times.valid.items()} == walk.valid


@given(
    st.integers(1, 12), st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), min_size=1, max_size=9)
)
def test_high_water_counts_overlaps(interval, drawn):
    """Against counting at every cycle, with so many frames before that all their beats have left."""
    start = np.sort([first % interval for first, _ in drawn])
    end = np.maximum(np.sort([last % interval for _, last in drawn]) + 5, start)
    end = np.minimum(end, end[0] + interval)
    frames = [frame * interval for frame in range(-30, 1)]
    most = max(
        sum(a + f <= t < b + f for f in frames for a, b in zip(start, end, strict=True))
        for t in range(interval)
    )
    assert timing.high_water(start, end, interval) == most
    assert [timing.suffices(start, end, interval, places) for places in range(1, 2 * most + 1)] == [
        places >= most for places in range(1, 2 * most + 1)
    ]


def pair(first, second):
    nodes = tuple(
        Node(f"n{i}", Scheduled(s), (f"t{i}",), (f"t{i + 1}",)) for i, s in enumerate([first, second])
    )
    tensors = {f"t{i}": Tensor(f"t{i}", (1,), graphs.UINT2) for i in range(3)}
    return Graph("pair", nodes, tensors, ("t0",), ("t2",))


BURST = Schedule((np.ones(1, bool),), (np.ones(1, bool),), latency=3, slots=2)
SLOW = Schedule((np.array([1, 0, 0, 0], bool),), (np.array([0, 0, 0, 1], bool),), latency=1, slots=2)


def test_the_reference_walk_waits_for_beats():
    # A latency of 3 with a beat every 4 cycles claims but one place.
    for slots in (1, 2):
        walk = graphs.Walk(pair(SLOW, replace(BURST, slots=slots)), 5)
        assert walk.issued["t2"] == [4, 8, 12, 16, 20]


def test_the_reference_walk_waits_for_room():
    walk = graphs.Walk(pair(BURST, SLOW), 5)
    assert walk.taken["t1"] == [3, 7, 11, 15, 19]
    # A place is free in the cycle after its beat was taken, or already in that cycle.
    assert walk.issued["t1"] == [0, 1, 4, 8, 12]
    assert graphs.Walk(pair(replace(BURST, release=0), SLOW), 5).issued["t1"] == [0, 1, 3, 7, 11]
