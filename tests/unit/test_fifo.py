"""Fifos: enough of them that no throughput is lost, in a slow reference simulation and in the real RTL."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from levada_driver.datatype import IntType

from levada import timing
from levada.fifo import _Joined, convert_widths, insert_fifos
from levada.graph import execute
from levada.layer import Folding, buffer
from levada.plan import Plan
from levada.sim.rtlsim import RtlSim
from tests.unit import graphs

FRAMES = 24


def fifos(graph):
    return [node for node in graph.nodes if node.layer.role == "buffer"]


def steady_interval(graph, frames=FRAMES):
    """Cycles a frame over the last third of a self-timed run with the real places and depths."""
    ends = graphs.Walk(graph, frames).ends(graph.outputs[0])
    return (ends[-1] - ends[-1 - frames // 3]) / (frames // 3)


class Latest:
    """Every layer as late as the outputs of the unbounded walk allow, step by step from the end.

    `fifos` are tensors whose beats arrive a cycle later. `issued` and `taken` are over all frames.
    """

    def __init__(self, graph, fifos):
        interval = timing.interval(graph)
        walk = graphs.Walk(delayed(graph, fifos), FRAMES, interval, bounded=False)
        self.issued, self.taken = {}, {}
        for node in reversed(graph.nodes):
            schedule = node.layer.schedule(node.folding)
            (name,) = node.outputs
            if name in graph.outputs:
                # Frames follow at the interval in the long run: the last one tells when.
                beats = graph.stream(name).beats
                last = walk.issued[name][-beats:]
                deadlines = [at - (FRAMES - 1 - f) * interval for f in range(FRAMES) for at in last]
            else:
                deadlines = [at - schedule.latency - (name in fifos) for at in self.taken[name]]
            self.issued[name], self.taken[node.inputs[0]] = self.steps(schedule, deadlines)

    @staticmethod
    def steps(schedule, deadlines):
        left = list(deadlines)
        issued, taken = [], []
        at = left[-1] + schedule.steps
        for step in reversed(range(FRAMES * schedule.steps)):
            at -= 1
            if schedule.writes[0][step % schedule.steps]:
                at = min(at, left.pop())
                issued.append(at)
            if schedule.reads[0][step % schedule.steps]:
                taken.append(at)
        return issued[::-1], taken[::-1]


def delayed(graph, fifos):
    """The graph with an endless fifo on some tensors."""
    joined = _Joined(graph)
    for node in graph.nodes:
        if node.inputs[0] in fifos:
            layer = buffer()(graph.tensors[node.inputs[0]], node.streams[0][0].elements, 1 << 20)
            node = joined.put_before(node, 0, layer)
        joined.nodes.append(node)
    return joined.graph()


def overlaps(start, end):
    return max(sum(a <= at < b for a, b in zip(start, end, strict=True)) for at in set(start))


def with_depth(graph, fifo, depth):
    layer = replace(fifo.layer, depth=depth)
    changed = replace(fifo, layer=layer, folding=next(layer.foldings()))
    return graph.with_nodes(tuple(changed if node is fifo else node for node in graph.nodes))


@given(graphs.chains())
def test_width_converters_stand_just_where_beats_differ(graph):
    joined = convert_widths(graph)
    adapters = [node for node in joined.nodes if node.layer.role == "adapter"]
    ends = zip(graph.nodes, graph.nodes[1:], strict=False)
    assert len(adapters) == sum(a.streams[1][0] != b.streams[0][0] for a, b in ends)
    assert [node for node in joined.nodes if node.layer.role == "compute"] != []
    for node in adapters:
        (stream,), (given_stream,) = node.streams
        assert stream != given_stream


@settings(max_examples=60)
@given(graphs.chains())
def test_no_throughput_is_lost(graph):
    graph = graphs.connected(graph)
    interval = timing.interval(graph)
    run = graphs.Walk(graph, FRAMES)
    planned = timing.simulate(graph, FRAMES, interval)
    for name in graph.outputs:
        assert (np.array(run.valid[name]) <= planned.valid[name]).all(), name
    assert steady_interval(graph) == interval
    assert run.ends(graph.outputs[0])[0] - run.taken["x"][0] + 1 == timing.latency(graph)


def planned(graph):
    """The graph with converters, the depths of its fifos by tensor, and the moves that they are made for."""
    plain = convert_widths(graph)
    buffered = {node.inputs[0]: node.layer.depth for node in fifos(insert_fifos(plain))}
    return plain, buffered, Plan(plain).moves(frozenset(buffered))


def over_frames(cycles, interval):
    return [int(at) + frame * interval for frame in range(FRAMES) for at in cycles]


@settings(max_examples=60)
@given(graphs.chains())
def test_the_plan_can_be_followed(graph):
    plain, buffered, moves = planned(graph)
    for before, after in zip(plain.nodes, plain.nodes[1:], strict=False):
        (name,) = before.outputs
        latency = before.layer.schedule(before.folding).latency + (name in buffered)
        assert (moves[name].taken >= moves[name].issued + latency).all()
        # The steps of a layer that are known: those that read from one side or write to the other.
        schedule = after.layer.schedule(after.folding)
        known = dict(zip(np.flatnonzero(schedule.reads[0]), moves[name].taken, strict=True))
        if after.outputs[0] in moves:
            for step, at in zip(
                np.flatnonzero(schedule.writes[0]), moves[after.outputs[0]].issued, strict=True
            ):
                assert known.setdefault(step, at) == at
        steps = sorted(known)
        assert all(known[b] - known[a] >= b - a for a, b in itertools.pairwise(steps))
        assert known[steps[-1]] - known[steps[0]] < timing.interval(plain)


@settings(max_examples=60)
@given(graphs.chains())
def test_a_fifo_stands_just_where_more_is_claimed_than_a_layer_holds(graph):
    plain, buffered, moves = planned(graph)
    interval = timing.interval(plain)
    for node in plain.nodes[:-1]:
        (name,) = node.outputs
        schedule = node.layer.schedule(node.folding)
        issued, taken = (over_frames(at, interval) for at in (moves[name].issued, moves[name].taken))
        if name in buffered:
            valid = [at + schedule.latency for at in issued]
            assert buffered[name] == max(2, overlaps(valid, [at + 1 for at in taken]))
        else:
            assert overlaps(issued, [at + schedule.release for at in taken]) <= schedule.slots
    bare = Plan(plain)
    assert bool(buffered) == any(bare.misses_room(*move) for move in bare.moves(frozenset()).items())


def stored(graph, moves):
    """Bits that are claimed beyond the places of the layers."""
    bits = 0
    for name, (issued, taken) in moves.items():
        node, _ = graph.producer(name)
        schedule = node.layer.schedule(node.folding)
        claimed = overlaps(issued, [at + schedule.release for at in taken])
        bits += max(0, claimed - schedule.slots) * graph.stream(name).bits
    return bits


@settings(max_examples=60)
@given(graphs.chains())
def test_no_more_is_stored_than_with_every_layer_as_late_as_it_can(graph):
    plain = convert_widths(graph)
    latest, interval = Latest(plain, set()), timing.interval(plain)
    moves = Plan(plain).moves(frozenset())
    late = {name: (latest.issued[name], latest.taken[name]) for name in moves}
    own = {
        name: (over_frames(move.issued, interval), over_frames(move.taken, interval))
        for name, move in moves.items()
    }
    assert stored(plain, own) <= stored(plain, late)


def test_layers_that_read_as_the_one_before_writes_need_no_fifo():
    random = np.random.default_rng(3)
    layers = [graphs.mvau(random, 6, 4), graphs.thresholding(random, 4, graphs.INT8, graphs.UINT4)]
    layers[1] = graphs.thresholding(random, 4, layers[0].result_type, graphs.UINT4)
    foldings = [Folding(1, 6, memory="lut"), Folding(1, 1, memory="lut")]
    graph = graphs.chain(layers, foldings)
    assert insert_fifos(convert_widths(graph)).nodes == graph.nodes


def late_second_layer(bits):
    """Two MVAUs of one rate, the second of which starts a frame half a frame late."""
    random = np.random.default_rng(0)
    otype = IntType(bits, signed=False)
    layers = [graphs.mvau(random, 2, 2, graphs.INT8, graphs.UINT8, otype)]
    layers.append(graphs.mvau(random, 2, 2, graphs.INT8, otype))
    return graphs.connected(graphs.chain(layers, [Folding(1, 1, memory="lut")] * 2))


@pytest.mark.parametrize("bits", [4, 6, 8])
def test_a_pipeline_longer_than_many_frames(bits):
    graph = late_second_layer(bits)
    assert timing.interval(graph) == 4
    assert graph.nodes[0].layer.schedule(graph.nodes[0].folding).latency > 3 * 4
    assert steady_interval(graph, 90) == 4
    (fifo,) = fifos(graph)
    without = with_depth(graph, fifo, 1)
    assert steady_interval(without, 90) > 4


@pytest.mark.parametrize(("rows", "columns"), [(3, 4), (4, 6), (8, 3)])
def test_a_depth_less_by_one_loses_throughput_where_both_sides_are_the_bottleneck(rows, columns):
    """What shows that the test of throughput can fail.

    Elsewhere a fifo may be deeper than throughput needs: a layer with time to spare may as well wait.
    """
    random = np.random.default_rng(5)
    first = graphs.mvau(random, columns, rows, otype=graphs.UINT2)
    second = graphs.mvau(random, rows, columns)
    graph = graphs.connected(graphs.chain([first, second], [Folding(1, 1, memory="lut")] * 2))
    (fifo,) = fifos(graph)
    assert steady_interval(graph, 60) == timing.interval(graph) == rows * columns
    assert steady_interval(with_depth(graph, fifo, fifo.layer.depth - 1), 60) > rows * columns


@settings(max_examples=1)
@given(st.lists(graphs.chains(max_layers=3, max_width=8), min_size=5, max_size=5), st.integers(0, 99))
def test_rtl_runs_at_the_planned_interval_and_latency(chains, seed):
    pipelines = [graphs.connected(chain) for chain in [*chains[1:], graphs.mlp()]]
    design = graphs.side_by_side(pipelines)
    data = graphs.frames(design, np.random.default_rng(seed), 12)
    values = execute(design, *data)
    sim = RtlSim(design)
    for stalls in (0.0, 0.4):
        run = sim.run(*data, stalls=stalls, seed=seed)
        for name, got in zip(design.outputs, run.outputs, strict=True):
            assert np.array_equal(got, values[name].reshape(len(got), -1)), name
        if stalls == 0:
            check_rates(pipelines, run)


def check_rates(pipelines, run):
    for graph, taken, given_at in zip(pipelines, run.taken, run.given, strict=True):
        beats = graph.stream(graph.outputs[0]).beats
        ends = given_at[beats - 1 :: beats]
        assert ends[-1] - ends[-2] == timing.interval(graph)
        assert ends[0] - taken[0] + 1 == timing.latency(graph)
        walk = graphs.Walk(graph, len(ends))
        assert taken.tolist() == walk.taken["x"]
        assert given_at.tolist() == walk.valid[graph.outputs[0]]
