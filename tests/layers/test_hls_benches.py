"""Every layer of hls/ as Vitis HLS gets it: its C++, its test bench and its golden data, compiled by g++."""

from __future__ import annotations

import pytest

from levada import boards
from levada.synth import plan as plans
from levada.synth import vitis_hls
from tests.layers.test_layers import KINDS, batches, combined, strategy
from tests.unit.hls_bench import compiled, run_bench

# The last of so many cases: the first ones that are drawn are the simplest.
CASES = (6, 100)


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_passes_its_bench(kind, request, tmp_path):
    ((*_, case),) = batches(strategy(kind), request, CASES, max(CASES))
    graph, data = combined([case])
    plans.write(vitis_hls.plan(graph, data, boards.load("pynq-z2"), 100), tmp_path / "plan")
    folder = tmp_path / "plan" / graph.nodes[0].name
    compiled(folder)
    code, said = run_bench(folder)
    assert (code, said) == (0, [f"levada: {len(data[0])} frames are as they should be"])
