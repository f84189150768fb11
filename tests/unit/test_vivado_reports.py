"""Vivado's reports as they are read: the right numbers, of either family, or an error."""

from __future__ import annotations

import pytest

from levada.errors import LevadaError
from levada.layer import Resources
from levada.synth import vivado_reports as reports
from levada.synth.backend import Power, Slack
from tests.unit.vivado_stand_in import REPORTS

UTILIZATION, HIERARCHY, TIMING, POWER = (
    REPORTS[f"{name}.rpt"] for name in ("utilization", "hierarchy", "timing", "power")
)


def test_utilization():
    assert reports.utilization(UTILIZATION) == Resources(lut=12086, ff=13377, dsp=5, bram18=7)


def test_utilization_of_another_family():
    text = UTILIZATION.replace("Slice LUTs     ", "CLB LUTs*      ").replace("Slice Reg", "CLB Reg")
    assert reports.utilization(text) == Resources(lut=12086, ff=13377, dsp=5, bram18=7)


def test_layers():
    found = reports.layers(HIERARCHY, ["mvau_0", "dwc_thresholding_0", "gone_0"])
    assert found == {
        "mvau_0": Resources(lut=9000, ff=10001, dsp=5, bram18=7),
        "dwc_thresholding_0": Resources(lut=39, ff=57),
    }


def test_layers_with_an_older_name_of_a_column():
    text = HIERARCHY.replace("DSP Blocks", "DSP48 Blocks")
    assert reports.layers(text, ["mvau_0"])["mvau_0"].dsp == 5


def test_slack():
    assert reports.slack(TIMING) == Slack(setup=0.524, hold=0.070, pulse=2.250)
    failing = TIMING.replace(" 0.524 ", "-4.355 ")
    assert reports.slack(failing).setup == -4.355


def test_power():
    assert reports.power(POWER) == Power(total=1.532, dynamic=1.397, static=0.135)


@pytest.mark.parametrize(
    ("read", "text", "what"),
    [
        (reports.utilization, "", "report_utilization: has no number for Block RAM Tile"),
        (
            reports.utilization,
            UTILIZATION.replace("Slice LUTs", "Tile LUTs"),
            "report_utilization: has no number for Slice LUTs or CLB LUTs",
        ),
        (
            lambda text: reports.layers(text, []),
            "nothing",
            "report_utilization -hierarchical: has no number for table of instances",
        ),
        (
            lambda text: reports.layers(text, []),
            HIERARCHY.replace("  FFs  ", "  Regs "),
            "report_utilization -hierarchical: has no number for column FFs",
        ),
        (reports.slack, "", "report_timing_summary: has no number for Design Timing Summary"),
        (
            reports.slack,
            TIMING.replace("0.524", "   NA"),
            "report_timing_summary: has no number for WNS(ns)",
        ),
        (
            reports.power,
            POWER.replace("| 1.532  ", "| nan    "),
            "report_power: has no number for Total On-Chip Power (W)",
        ),
    ],
)
def test_a_report_of_another_form(read, text, what):
    with pytest.raises(LevadaError) as error:
        read(text)
    assert str(error.value) == f"{what}; levada does not know reports of this form"
