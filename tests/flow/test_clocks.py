"""The same folding for a slow and for a fast clock: other hardware, the same results in the same cycles."""

from __future__ import annotations

import pytest

from levada.build import Options, build
from tests.flow.networks import Chain, save
from tests.require_tools import require


def both(tmp_path, flow):
    """Reports of a small network at 100 MHz and, folded alike, at 150 MHz."""
    chain = Chain(2, 9, 8).quant(4).conv(3, pad=1).norm().quant(signed=False, scale=0.25).conv(2).quant()
    network = str(save(chain.model(), tmp_path / "network.onnx"))
    rest = {"flow": flow, "samples": 20, "rtl_frames": 4}
    _, slow = build(Options(network, out=tmp_path / "slow", target_fps=20_000, **rest), print)
    folding = tmp_path / "slow" / "partition.toml"
    fast = Options(network, out=tmp_path / "fast", partition=folding, clock_mhz=150, **rest)
    return slow, build(fast, print)[1]


def test_a_fast_clock_changes_modules_and_no_cycle(tmp_path):
    require("verilator")
    slow, fast = both(tmp_path, "verify")
    for folder, ahead in (("fast", True), ("slow", False)):
        units = [path.read_text() for path in (tmp_path / folder).glob("**/swu_0.sv")]
        assert {".AHEAD(1)" in unit for unit in units} == {ahead}
    assert fast.levels["rtlsim"].mismatches == slow.levels["rtlsim"].mismatches == 0
    assert (fast.cycles, fast.latency_cycles) == (slow.cycles, slow.latency_cycles)


def test_synthesis_tells_how_deep_each_layer_is(tmp_path):
    require("pyosys")
    reports = both(tmp_path, "count")
    for report in reports:
        assert all(layer.longest_path is not None and layer.fanout for layer in report.layers)
    slow, fast = (
        {layer.name: layer.longest_path.lut for layer in report.layers if layer.kind == "swu"}
        for report in reports
    )
    assert slow.keys() == fast.keys() != set()
    assert all(fast[name] < slow[name] for name in slow)
    counted, estimated = reports[1].resources.synthesized, reports[1].resources.estimated
    assert counted.lut == pytest.approx(estimated.lut, rel=0.15)
