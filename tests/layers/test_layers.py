"""Every layer of hls/, generically, at four levels: golden, cppsim, rtlsim and the netlist after Yosys.

A batch of random cases becomes one design of unconnected layers, so that one compilation checks them all:
results exact, without stalls and under random ones, and every beat in the cycle that the schedule says.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import Phase, given, seed, settings

from levada import timing
from levada.layer import registered
from levada.sim import native
from levada.sim.cppsim import CppSim
from levada.sim.rtlsim import RtlSim
from levada.sim.single import apart
from tests.layers import narrow_cases, nested_cases

# Cases of a kind, in `make test` and in `make test-deep`, and of a batch: large ones make little of the fixed
# costs of the compilers.
CASES, BATCH = (20, 2000), 20
NETLIST_CASES, NETLIST_BATCH = (8, 120), 20
# Those with several settings have as many tables, and take several times as long to map.
NESTED_NETLIST_CASES = (3, 40)
KINDS = sorted(registered())


def combined(cases):
    """The cases side by side in one graph, and their data repeated to the same number of frames."""
    frames = max(len(case.inputs[0]) for case in cases)
    data = [np.resize(x, (frames, *x.shape[1:])) for case in cases for x in case.inputs]
    return apart([(case.layer, case.folding) for case in cases], "batch"), data


def expected(graph, data, setting=0):
    results = []
    for node in graph.at(setting).nodes:
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
    cppsim, rtlsim = CppSim(graph, native.SHORT_RUNS), RtlSim(graph, native.SHORT_RUNS)
    for setting in range(graph.settings):
        want, where = expected(graph, data, setting), f"in setting {setting}"
        assert_equal(graph, f"cppsim {where}", cppsim.run(*data, setting=setting), want)
        free = rtlsim.run(*data, setting=setting)
        assert_equal(graph, f"rtlsim {where}", free.outputs, want)
        check_timing(graph, free, len(data[0]))
        for stalls, at in ((0.3, 1), (0.85, 2)):
            run = rtlsim.run(*data, stalls=stalls, seed=at, setting=setting)
            assert_equal(graph, f"rtlsim {where} with stalls {stalls}", run.outputs, want)


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


def strategy(kind):
    """What draws the cases of a kind."""
    return registered()[kind].strategy()


def batches(strategy, request, cases, size):
    """Random cases of a strategy, `size` at a time.

    Hypothesis draws them one by one, beginning with the simplest; they are checked outside of it, since a
    failing design would take minutes to compile again and again to be made smaller.
    """
    drawn = []

    @seed(request.config.getoption("--seed"))
    @settings(max_examples=cases[request.config.getoption("--deep")], phases=(Phase.generate,), database=None)
    @given(strategy)
    def collect(case):
        drawn.append(case)

    collect()
    return [drawn[at : at + size] for at in range(0, len(drawn), size)]


@pytest.mark.parametrize("kind", KINDS)
def test_simulators_equal_golden(kind, request):
    for cases in batches(strategy(kind), request, CASES, BATCH):
        check_simulators(cases)


@pytest.mark.parametrize("kind", nested_cases.KINDS)
def test_simulators_equal_golden_in_each_setting(kind, request):
    for cases in batches(nested_cases.cases(registered()[kind]), request, CASES, BATCH):
        check_simulators(cases)


def test_simulators_equal_golden_with_narrow_lanes(request):
    for cases in batches(narrow_cases.cases(), request, CASES, BATCH):
        check_simulators(cases)


def has_a_netlist(case):
    """Yosys ships block RAMs as shells without behaviour: they can be counted but not simulated."""
    return "block" not in (case.folding.memory, case.folding.thresholds)


@pytest.mark.parametrize("kind", KINDS)
def test_netlist_equals_golden(kind, request):
    check_netlists(strategy(kind), request, NETLIST_CASES)


@pytest.mark.parametrize("kind", nested_cases.KINDS)
def test_netlist_equals_golden_in_each_setting(kind, request):
    check_netlists(nested_cases.cases(registered()[kind]), request, NESTED_NETLIST_CASES)


def test_netlist_equals_golden_with_narrow_lanes(request):
    check_netlists(narrow_cases.cases(), request, NESTED_NETLIST_CASES)


def check_netlists(strategy, request, cases):
    pytest.importorskip("pyosys", reason="pyosys is not installed: no netlist to simulate")
    from tests.layers.netlist import NetlistSim

    for batch in batches(strategy.filter(has_a_netlist), request, cases, NETLIST_BATCH):
        graph, data = combined(batch)
        sim = NetlistSim(graph, native.SHORT_RUNS)
        for setting in range(graph.settings):
            run = sim.run(*data, stalls=0.3, seed=3, setting=setting)
            assert_equal(graph, f"netlist in setting {setting}", run.outputs, expected(graph, data, setting))
