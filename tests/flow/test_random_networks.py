"""Random networks through every level: golden, cppsim and rtlsim give what QONNX execution says."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st

from levada import partition, timing
from levada.errors import LevadaError
from levada.fifo import convert_widths, insert_fifos
from levada.sim import native
from levada.sim.cppsim import CppSim
from levada.sim.rtlsim import RtlSim
from tests.flow.checks import lowered, same_as_network
from tests.flow.random_networks import networks

# A network takes seconds to compile: the failing one is printed, not made smaller.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
FRAMES = 3
#: Lanes of a random folding: wide layers are tested one by one.
LANES = 24


def built(chain):
    """(graph, frames, golden integers), or None where the network is refused with a reason."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            source, network, graph, x = lowered(chain.model(), Path(folder), count=20)
        except LevadaError as error:
            if ";" not in str(error):  # what to do comes behind it
                raise
            return None
    got = same_as_network(source, network, graph, x)
    return graph, network.host_input.quantize(x[:FRAMES]), got[:FRAMES]


def folded(graph, seed):
    random = np.random.default_rng(seed)
    foldings = {}
    for node in graph.nodes:
        legal = [f for f in node.layer.foldings() if max(f.pe, f.simd) <= LANES] or list(
            node.layer.foldings()
        )
        foldings[node.name] = legal[random.integers(len(legal))]
    return insert_fifos(convert_widths(partition.with_foldings(graph, foldings)))


def check_simulators(chain, seed):
    found = built(chain)
    if found is None:
        return
    graph, x, golden = found
    graph = folded(graph, seed)
    outputs = np.concatenate(CppSim(graph, native.SHORT_RUNS).run(x), axis=1)
    assert np.array_equal(outputs, golden), "cppsim"
    sim = RtlSim(graph, native.SHORT_RUNS)
    for stalls in (0.0, 0.4):
        run = sim.run(x, stalls=stalls, seed=seed)
        assert np.array_equal(np.concatenate(run.outputs, axis=1), golden), f"rtlsim, stalls {stalls}"
        if stalls == 0:
            times = timing.simulate(graph, FRAMES).valid
            for name, given in zip(graph.outputs, run.given, strict=True):
                assert np.array_equal(given, times[name]), "cycles of the results"


@given(networks())
def test_golden(chain):
    built(chain)


@settings(max_examples=3, phases=PHASES)
@given(networks(), st.integers(0, 2**31))
def test_simulators(chain, seed):
    check_simulators(chain, seed)


@pytest.mark.deep
@pytest.mark.parametrize("part", range(4))  # 200 networks, in parts that workers can share
def test_simulators_in_the_long_version(part):
    @seed(part)
    @settings(max_examples=50, phases=PHASES)
    @given(networks(), st.integers(0, 2**31))
    def run(chain, stalls):
        check_simulators(chain, stalls)

    run()


def test_most_networks_are_built():
    """A generator of networks that are all refused would test nothing."""
    refused = []

    @settings(max_examples=20)
    @given(networks())
    def run(chain):
        refused.append(built(chain) is None)

    run()
    assert np.mean(refused) < 0.5
