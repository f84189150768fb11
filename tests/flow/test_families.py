"""Chips of other families: the same network, its lanes in the slices that the chip has."""

from __future__ import annotations

import pytest

from levada import content, slices
from levada.build import Options, build
from tests.flow.networks import Chain, save
from tests.require_tools import require

OTHERS = [family for family in slices.SHAPES if family != "xc7"]


def board(tmp_path, family):
    """A PYNQ-Z2 with a chip of another family."""
    text = (content.root("boards") / "pynq-z2" / "board.toml").read_text()
    path = tmp_path / "board.toml"
    path.write_text(text.replace('"xc7"', f'"{family}"'))
    return str(path)


def options(tmp_path, family, flow):
    chain = Chain(24).quant(4).linear(12, bits=4).quant(4, scale=1.0).linear(8, bits=4)
    network = str(save(chain.model(), tmp_path / "network.onnx"))
    return Options(
        network,
        board=board(tmp_path, family),
        flow=flow,
        out=tmp_path / "out",
        samples=40,
        partition=partition(tmp_path),
    )


def partition(tmp_path):
    path = tmp_path / "partition.toml"
    folding = 'pe = 4\nsimd = 6\ndsp_pe = 4\nmemory = "lut"\n'
    path.write_text(f"[mvau_0]\n{folding}[mvau_1]\n{folding}")
    return path


@pytest.mark.parametrize("family", OTHERS)
def test_lanes_in_the_slices_of_another_family(family, tmp_path):
    require("verilator")
    _, report = build(options(tmp_path, family, "verify"), print)
    layers = [path.read_text() for path in tmp_path.glob("out/**/mvau_*.sv")]
    assert len(layers) == 2
    assert all(f".DSP_D_BITS({slices.SHAPES[family].d_bits})" in text for text in layers)
    assert report.levels["rtlsim"].mismatches == 0
    assert report.cycles.simulated == report.cycles.predicted


@pytest.mark.parametrize(("family", "error"), [("xcup", 0.1), ("ecp5", 0.25)])
def test_what_is_counted_of_another_family(family, error, tmp_path):
    require("verilator")
    require("pyosys")
    _, report = build(options(tmp_path, family, "count"), print)
    counted, estimated = report.resources.synthesized, report.resources.estimated
    assert counted.dsp == estimated.dsp > 0
    assert counted.lut == pytest.approx(estimated.lut, rel=error)
