"""Whole trained networks, levada's and others', from the file to RTL: exact at every level and cycle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from levada import boards, models, reference
from levada.build import Options, build, steps
from levada.build.state import State
from levada.models import data
from levada.sim.cppsim import CppSim
from tests.require_tools import missing

FLOW = "verify"
ZOO = Path(__file__).parents[3] / "shared" / "zoo"
OWN = [name for name in models.names() if name.startswith("tfc-")]
# Published by others, with the accuracy that executing the files with qonnx gives.
OTHERS = {"TFC_1W1A": 92.96, "TFC_1W2A": 94.74, "TFC_2W2A": 96.60}
FPS = 1_562_500


@pytest.fixture(scope="module")
def mnist():
    try:
        return data.load("mnist")
    except data.UnavailableError as error:
        return missing(f"MNIST: {error}")


def zoo_file(name):
    path = ZOO / f"{name}.onnx"
    if not path.is_file():
        pytest.skip(f"{path} is not here: the network was trained by others and is not part of levada")
    return str(path)


def classes_by_qonnx(state):
    """What executing the network's own file says of every image."""
    host = state.network.host_input
    return reference.execute(state.source, host.floats(state.x)).reshape(len(state.x), -1).argmax(axis=1)


def classes_by_cppsim(state):
    host_input, host_outputs = state.network.host_input, state.network.host_outputs
    (got,) = CppSim(state.graph).run(host_input.quantize(state.x))
    return host_outputs.classes(got)


def prepared(options, tmp_path):
    """The state of a build up to the connected graph."""
    state = State(options, boards.load(options.board), tmp_path, lambda line: None)
    for name in ("load", "streamline", "lower", "partition", "connect"):
        steps.STEPS[name](state)
    return state


def check_levels(report, levels):
    assert {name: level.mismatches for name, level in report.levels.items()} == dict.fromkeys(levels, 0)
    assert report.levels["cppsim"].samples >= 1000
    assert report.levels["rtlsim"].samples >= 100
    assert report.cycles.simulated == report.cycles.predicted
    assert report.latency_cycles == report.latency_predicted


@pytest.mark.slow
@pytest.mark.parametrize("name", OWN)
def test_own_network_is_exact_at_every_level(name, mnist, tmp_path):
    _, report = build(Options(name, flow=FLOW, out=tmp_path / "out"))
    check_levels(report, ["qonnx", "streamlined", "graph", "cppsim", "rtlsim"])
    assert report.accuracy == pytest.approx(models.find(name).accuracy, abs=0.005)
    assert report.fps >= FPS


@pytest.mark.slow
@pytest.mark.parametrize("name", OWN)
def test_own_network_classifies_every_image_as_qonnx_does(name, mnist, tmp_path):
    state = prepared(Options(name), tmp_path)
    assert len(state.x) == 10_000
    assert np.array_equal(classes_by_cppsim(state), classes_by_qonnx(state))


@pytest.mark.slow
@pytest.mark.parametrize("spec", ["uint8/255", None], ids=["integers-in", "host-quantizes"])
@pytest.mark.parametrize("name", OTHERS)
def test_network_of_others_scores_what_qonnx_scores(name, spec, mnist, tmp_path):
    options = Options(zoo_file(name), data="mnist", input=spec, target_fps=FPS)
    state = prepared(options, tmp_path)
    got = classes_by_cppsim(state)
    assert np.array_equal(got, classes_by_qonnx(state))
    assert (got == mnist.y_test).mean() * 100 == pytest.approx(OTHERS[name], abs=0.005)


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_network_of_others_is_exact_at_every_level(name, mnist, tmp_path):
    options = Options(
        zoo_file(name), flow=FLOW, data="mnist", input="uint8/255", target_fps=FPS, out=tmp_path / "out"
    )
    _, report = build(options)
    check_levels(report, ["streamlined", "graph", "cppsim", "rtlsim"])
    assert report.accuracy == pytest.approx(OTHERS[name], abs=0.005)
