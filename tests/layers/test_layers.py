"""Every layer of hls/, generically, at four levels: golden, cppsim, rtlsim and the netlist after Yosys.

A batch of random cases becomes one design of unconnected layers, so that one compilation checks them all:
results exact, without stalls and under random ones, and every beat in the cycle that the schedule says.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from levada import timing
from levada.graph import Graph, Node, verify
from levada.layer import Tensor, registered
from levada.sim.cppsim import CppSim
from levada.sim.rtlsim import RtlSim

# Cases of a batch, and batches, in `make test` and in `make test-deep`: there 2,000 cases a layer, in batches
# so large that the fixed costs of the compilers do not count. The first batch that hypothesis draws is the
# simplest possible one.
CASES, BATCHES = (8, 3), (40, 51)
NETLIST_CASES, NETLIST_BATCHES = (3, 2), (15, 8)
# A batch takes minutes of compilation to shrink; the failing layer is named, and its case is printed.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
KINDS = sorted(registered())


def combined(cases):
    """The cases side by side in one graph, and their data repeated to the same number of frames."""
    nodes, tensors, inputs, outputs, data = [], {}, [], [], []
    frames = max(len(case.inputs[0]) for case in cases)
    for index, case in enumerate(cases):
        reads = [f"in{index}_{port}" for port in range(len(case.layer.inputs))]
        writes = [f"out{index}_{port}" for port in range(len(case.layer.outputs))]
        for name, port in zip(reads + writes, [*case.layer.inputs, *case.layer.outputs], strict=True):
            tensors[name] = Tensor(name, port.shape, port.dtype)
        name = f"{case.layer.kind}_{index}"
        nodes.append(Node(name, case.layer, tuple(reads), tuple(writes), case.folding))
        inputs += reads
        outputs += writes
        data += [np.resize(x, (frames, *x.shape[1:])) for x in case.inputs]
    graph = Graph("batch", tuple(nodes), tensors, tuple(inputs), tuple(outputs))
    return verify(graph, "connected"), data


def expected(graph, data):
    results = []
    for node in graph.nodes:
        args = [data[graph.inputs.index(name)] for name in node.inputs]
        results += [y.reshape(len(y), -1) for y in node.layer.golden(*args)]
    return results


def assert_equal(graph, level, got, want):
    for name, have, should in zip(graph.outputs, got, want, strict=True):
        wrong = np.argwhere(have != should)
        if len(wrong):
            node, _ = graph.producer(name)
            at = tuple(wrong[0])
            pytest.fail(
                f"{level}: {node.layer} {node.folding} at {at}: expected {should[at]}, got {have[at]}"
            )


def check_simulators(cases):
    graph, data = combined(cases)
    want = expected(graph, data)
    assert_equal(graph, "cppsim", CppSim(graph).run(*data), want)
    sim = RtlSim(graph)
    free = sim.run(*data)
    assert_equal(graph, "rtlsim", free.outputs, want)
    check_timing(graph, free, len(data[0]))
    for stalls, seed in ((0.3, 1), (0.85, 2)):
        run = sim.run(*data, stalls=stalls, seed=seed)
        assert_equal(graph, f"rtlsim with stalls {stalls}", run.outputs, want)


def check_timing(graph, run, frames):
    model = timing.simulate(graph, frames)
    for names, cycles, which in (
        (graph.inputs, run.taken, model.taken),
        (graph.outputs, run.given, model.valid),
    ):
        for name, got in zip(names, cycles, strict=True):
            node, _ = graph.producer(name) or graph.consumer(name)
            assert np.array_equal(got, which[name]), (node.layer, node.folding, name, got, which[name])
    for node in graph.nodes:
        beats = graph.stream(node.outputs[0]).beats
        if frames > 1:
            ends = run.given[graph.outputs.index(node.outputs[0])][beats - 1 :: beats]
            assert set(np.diff(ends)) == {node.layer.cycles(node.folding)}, node.layer


@pytest.mark.parametrize("kind", KINDS)
def test_simulators_equal_golden(kind, request):
    deep = request.config.getoption("--deep")

    @settings(max_examples=BATCHES[deep], phases=PHASES)
    @given(st.lists(registered()[kind].strategy(), min_size=CASES[deep], max_size=CASES[deep]))
    def run(cases):
        check_simulators(cases)

    run()


@pytest.mark.parametrize("kind", KINDS)
def test_netlist_equals_golden(kind, request):
    pytest.importorskip("pyosys", reason="pyosys is not installed: no netlist to simulate")
    from tests.layers.netlist import NetlistSim

    deep = request.config.getoption("--deep")

    # Yosys ships block RAMs as shells without behaviour: their netlists can be counted but not simulated.
    mapped = registered()[kind].strategy().filter(lambda case: case.folding.memory != "block")

    @settings(max_examples=NETLIST_BATCHES[deep], phases=PHASES)
    @given(st.lists(mapped, min_size=NETLIST_CASES[deep], max_size=NETLIST_CASES[deep]))
    def run(cases):
        graph, data = combined(cases)
        run = NetlistSim(graph).run(*data, stalls=0.3, seed=3)
        assert_equal(graph, "netlist", run.outputs, expected(graph, data))

    run()
