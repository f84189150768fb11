"""ECP5: clocks and pins of its shell, the plan for its tools, and what their reports say."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from levada import boards
from levada.emit import shell
from levada.errors import LevadaError, ToolMissingError
from levada.layer import Resources
from levada.synth import ecp5
from levada.synth import plan as plans
from levada.synth.backend import Design
from tests.unit import graphs

BOARD = boards.load("ulx3s-85f")
INSIDE = "u_serial.u_chip.u_accelerator.u_mvau_0"


def design(board=BOARD, clock_mhz=80.0):
    return Design(graphs.connected(graphs.mlp()), board, (1, 1), clock_mhz)


@pytest.mark.parametrize(
    ("asked", "ratio", "given"),
    [
        (80, (16, 5), 80),
        (100, (16, 4), 100),
        (62.5, (20, 8), 62.5),
        (81, (29, 9), 725 / 9),
        (25, (16, 16), 25),
    ],
)
def test_the_clock_is_one_that_the_pll_makes(asked, ratio, given):
    assert BOARD.shell.ratio(asked) == ratio
    assert BOARD.shell.actual_mhz(asked) == pytest.approx(given)


@pytest.mark.parametrize("asked", [0.1, 3.5, 33.3, 79.9, 120, 399])
def test_the_pll_stays_within_its_limits(asked):
    multiplier, divisor = BOARD.shell.ratio(asked)
    assert 400 <= 25 * multiplier <= 800
    assert 1 <= divisor <= 128
    assert BOARD.shell.actual_mhz(asked) <= max(asked, 400 / 128)


def test_the_line_has_the_rate_that_the_host_expects():
    assert BOARD.shell.cycles_a_bit(80) == 27
    assert BOARD.shell.cycles_a_bit(12) == 4


@pytest.mark.parametrize(("asked", "better"), [(8, "12"), (13.5, "15")])
def test_a_clock_that_does_not_fit_the_line_is_refused(asked, better):
    with pytest.raises(LevadaError) as error:
        BOARD.shell.cycles_a_bit(asked)
    assert re.fullmatch(
        rf"--clock-mhz {asked}: [\d.]+ MHz is no multiple of 3,000,000 baud, 4 times as fast or more; use "
        rf"{better}",
        str(error.value),
    )


def test_every_port_has_a_pin():
    files = shell.sources(design().graph, BOARD, (1, 1), 80)
    ports = re.findall(r"(?:input  logic|output logic) (\w+)", files["shell.sv"])
    assert sorted(ports) == sorted(re.findall(r'LOCATE COMP "(\w+)" SITE', files["shell.lpf"]))
    assert 'FREQUENCY PORT "clock" 25 MHZ;' in files["shell.lpf"]
    assert "shell.xdc" not in files


def test_the_plan_ends_in_a_bitstream():
    plan = ecp5.plan(design())
    assert [command.arguments[0] for command in plan.commands] == ["yosys", "nextpnr-ecp5", "ecppack"]
    assert plan.commands[-1].writes == ("accelerator.bit",)
    words = " ".join(plan.commands[1].arguments)
    assert "--85k --package CABGA381 --speed 6 " in words
    assert "--freq 80 " in words
    assert plan.digest == ecp5.plan(design()).digest != ecp5.plan(design(clock_mhz=62.5)).digest


@pytest.mark.parametrize("part", ["LFE5UM-85F-8BG381C", "xc7z020clg400-1"])
def test_a_chip_that_nextpnr_does_not_know_is_refused(part):
    with pytest.raises(LevadaError) as error:
        ecp5.plan(design(replace(BOARD, part=part)))
    assert str(error.value) == (
        f"ulx3s-85f: part {part!r} is no ECP5 that nextpnr knows; write it like LFE5U-85F-6BG381C"
    )


def test_without_nextpnr_nothing_runs(monkeypatch, tmp_path):
    monkeypatch.setattr(ecp5, "_WHEEL", "yowasp-nextpnr-ecp6")
    with pytest.raises(ToolMissingError, match="it needs nextpnr-ecp5; pip install yowasp-nextpnr-ecp6"):
        ecp5.run(ecp5.plan(design()), tmp_path, design())


def step(kind, delay, start, end):
    return {
        "type": kind,
        "delay": delay,
        "from": {"cell": start, "port": "Q"},
        "to": {"cell": end, "port": "D"},
    }


def test_a_missed_clock_names_the_layer_of_the_slowest_path():
    slow = [
        step("clk-to-q", 0.5, "u_serial.a", "u_serial.a"),
        step("routing", 13, "u_serial.a", f"{INSIDE}.b"),
    ]
    fast = [step("clk-to-q", 0.5, "u_serial.a", "u_serial.c")]
    paths = [
        {"from": "posedge clk", "to": "posedge clk", "path": fast},
        {"from": "posedge clk", "to": "posedge clk", "path": slow},
        {"from": "<async>", "to": "posedge clk", "path": [step("routing", 99, "receive", "u_serial.d")]},
    ]
    error = ecp5.missed({"critical_paths": paths}, 74.07, 80, Path("nextpnr.log"))
    assert str(error) == (
        f"timing: 74.1 MHz where 80 MHz are asked for, in layer mvau_0 (from u_serial.a to {INSIDE}.b); "
        "ask for a lower --clock-mhz, see nextpnr.log"
    )


def test_cells_are_counted_for_the_layer_that_they_are_in():
    kinds = ["TRELLIS_COMB", "TRELLIS_COMB", "TRELLIS_RAMW", "TRELLIS_FF", "DP16KD", "MULT18X18D"]
    cells = {f"{INSIDE}.x{index}": {"type": kind} for index, kind in enumerate(kinds)}
    cells["u_serial.u_link.y"] = {"type": "TRELLIS_COMB"}
    assert ecp5.layers(cells, ["mvau_0", "mvau_1"]) == {"mvau_0": Resources(lut=4, ff=1, dsp=1, bram18=1)}


@pytest.mark.slow
def test_a_small_design_becomes_a_bitstream(tmp_path):
    whole = design(clock_mhz=50)
    plan = ecp5.plan(whole)
    plans.write(plan, tmp_path / "plan")
    outcome = ecp5.run(plan, tmp_path / "plan", whole)
    assert outcome.fmax_mhz > 50
    assert (tmp_path / "plan" / "accelerator.bit").stat().st_size > 100_000
    layers = sum(outcome.layers.values(), Resources())
    assert 0 < layers.lut < outcome.used.lut
    assert outcome.layers.keys() == {node.name for node in whole.graph.nodes}
    report = json.loads((tmp_path / "plan" / "report.json").read_text())
    assert report["utilization"]["EHXPLLL"]["used"] == 1
