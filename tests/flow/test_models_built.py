"""The networks of models/ beyond the fully connected ones: exact at every level, cycles as predicted."""

from __future__ import annotations

from pathlib import Path

import pytest

from levada import models
from levada.build import Options, build
from tests.flow.test_networks import FLOW, prepared

NAMES = [name for name in models.names() if not name.startswith("tfc-")]
# One of a family, and such that a build takes seconds: the others run in the long version of the tests.
LOWERED = (
    "autoencoder-w4a4",
    "cnv-w1a1",
    "dscnn-w4a4",
    "espcn-x2-w8a8",
    "resnet8-w4a4",
    "tinyyolov3-w4a4-96",
    "xcat-x2-w4a4",
)
SIMULATED = ("dscnn-w4a4",)


def check(report):
    assert {name: level.mismatches for name, level in report.levels.items()} == dict.fromkeys(
        ["qonnx", "streamlined", "graph", "cppsim", "rtlsim"], 0
    )
    assert report.cycles.simulated == report.cycles.predicted
    assert report.cycles.predicted == max(layer.cycles for layer in report.layers)


def built(name, tmp_path):
    return build(Options(name, flow=FLOW, out=tmp_path / "out", samples=2, rtl_frames=2))[1]


@pytest.mark.slow
@pytest.mark.parametrize("name", LOWERED)
def test_golden_results_are_those_of_the_network(name, tmp_path: Path):
    state = prepared(Options(name, samples=2), tmp_path)
    assert {level: found.mismatches for level, found in state.levels.items()} == dict.fromkeys(
        ["qonnx", "streamlined", "graph"], 0
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", SIMULATED)
def test_exact_at_every_level(name, tmp_path):
    check(built(name, tmp_path))


@pytest.mark.deep
@pytest.mark.parametrize("name", [name for name in NAMES if name not in SIMULATED])
def test_exact_at_every_level_in_the_long_version(name, tmp_path):
    check(built(name, tmp_path))
