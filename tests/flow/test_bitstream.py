"""A build up to its bitstream: without the tools, with a plan alone, and with programs in their places."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from levada_driver.backends.pynq import BITSTREAM
from rich.console import Console

from levada import boards, cli, content
from levada import report as reporting
from levada.synth import openxc7, vivado
from tests.flow.networks import mlp
from tests.require_tools import require
from tests.unit import openxc7_stand_in, vivado_stand_in

OPTIONS = ("--samples", "16", "--rtl-frames", "4")
STEPS = ["load", "streamline", "lower", "partition", "connect", "emit", "bitstream"]


@pytest.fixture
def build(tmp_path, capsys):
    """Builds a small network, by default without simulation; gives code, stdout, stderr and the folder."""
    network = mlp().save(tmp_path / "small.onnx")
    for back_end in ("vivado", "openxc7"):
        (tmp_path / f"{back_end}.toml").write_text(f'back_end = "{back_end}"\nsteps = {json.dumps(STEPS)}\n')

    def run(*options, flow=tmp_path / "vivado.toml"):
        folder = tmp_path / "out"
        arguments = ["build", network, "--flow", flow, "--out", folder, *OPTIONS, *options]
        code = cli.main([str(argument) for argument in arguments])
        return code, *capsys.readouterr(), folder

    return run


@pytest.fixture
def no_vivado(monkeypatch):
    """There is none, wherever this runs."""
    which = shutil.which
    monkeypatch.setattr(vivado.shutil, "which", lambda name: None if name == "vivado" else which(name))


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """A program called vivado; gives the folder with what it says and makes."""
    return vivado_stand_in.install(tmp_path, monkeypatch)


def terminal(report):
    console = Console(width=160, color_system=None)
    with console.capture() as shown:
        console.print(reporting.terminal(report))
    return shown.get()


def last_line(err):
    return err.splitlines()[-1]


@pytest.mark.slow
def test_without_vivado_all_else_is_done(build, no_vivado):
    code, out, err, folder = build("--json", flow="zynq_vivado")
    report = json.loads(out)
    lacks = (
        "no bitstream: it needs Vivado 2022.2 to 2025.x (or openXC7), and vivado is not on PATH; "
        "all that is left to run there is plan/run.sh"
    )
    assert (code, last_line(err), report["lacks"]) == (3, f"levada: {folder}: {lacks}", lacks)
    assert report["levels"].keys() >= {"cppsim", "rtlsim", "driver"}
    assert json.loads((folder / "report.json").read_text()) == report
    assert lacks in (folder / "report.html").read_text()
    assert lacks in " ".join(terminal(reporting.load(folder)).split())
    assert os.access(folder / "plan" / "run.sh", os.X_OK)
    assert not (folder / "deploy" / BITSTREAM).exists()
    # What is planned is what was simulated.
    for path in (folder / "deploy" / "rtl").iterdir():
        assert (folder / "plan" / "rtl" / path.name).read_bytes() == path.read_bytes(), path.name
    hardware = "accelerator.hwh"
    assert (folder / "plan" / hardware).read_bytes() == (folder / "deploy" / hardware).read_bytes()


def test_without_openxc7_all_else_is_done(build, tmp_path, monkeypatch):
    monkeypatch.setattr(openxc7.shutil, "which", lambda _name: None)
    code, _, err, folder = build(flow=tmp_path / "openxc7.toml")
    lacks = (
        "no bitstream: it needs openXC7, and not on PATH: nextpnr-xilinx, fasm2frames, xc7frames2bit; "
        "all that is left to run there is plan/run.sh"
    )
    assert (code, last_line(err)) == (3, f"levada: {folder}: {lacks}")
    assert reporting.load(folder).lacks == lacks
    assert os.access(folder / "plan" / "run.sh", os.X_OK)
    assert not (folder / "plan" / "design.json").exists()


def test_databases_that_are_missing(build, tmp_path, monkeypatch):
    openxc7_stand_in.install(tmp_path, monkeypatch)
    monkeypatch.delenv("CHIPDB")
    code, _, err, _ = build(flow=tmp_path / "openxc7.toml")
    assert code == 3
    assert "no bitstream: CHIPDB is not set; it names the folder with xc7z020clg400.bin; all " in last_line(
        err
    )


@pytest.mark.slow
def test_a_bitstream_by_open_tools(build, tmp_path, monkeypatch):
    require("pyosys")
    openxc7_stand_in.install(tmp_path, monkeypatch)
    code, out, _, folder = build("--json", flow=tmp_path / "openxc7.toml")
    report = json.loads(out)
    assert (code, report["lacks"]) == (0, None)
    assert (folder / "deploy" / BITSTREAM).read_text() == "of xc7frames2bit\n"
    made = report["implementation"]
    untimed = "paths through DSP slices, memories and the processor"
    assert (made["tool"], made["fmax_mhz"], made["untimed"]) == ("nextpnr-xilinx 0.8.2", 125.0, untimed)
    assert (made["setup_slack_ns"], made["power_w"]) == (None, None)
    assert report["resources"]["routed"] == {"lut": 2671, "ff": 2713, "dsp": 10, "bram18": 7}
    said = f"placed and routed by nextpnr-xilinx 0.8.2: up to 125.0 MHz, not counting {untimed}"
    assert said in terminal(reporting.load(folder))
    assert said in (folder / "report.html").read_text()


def test_a_board_that_is_too_new_for_it(build, tmp_path):
    code, _, err, _ = build("--board", "kv260", flow=tmp_path / "openxc7.toml")
    assert (code, last_line(err)) == (
        1,
        "levada: kv260: is of the family xcup, and the flow openxc7 makes bitstreams for xc7; "
        "use --flow zynq_vivado",
    )


def test_another_vivado_will_not_do(build, stand_in):
    (stand_in / "version").write_text("vivado v2019.1 (64-bit)")
    code, _, err, folder = build()
    assert code == 3
    assert last_line(err) == (
        f"levada: {folder}: no bitstream: it needs Vivado 2022.2 to 2025.x, and vivado on PATH is vivado "
        "v2019.1; all that is left to run there is plan/run.sh"
    )
    assert (folder / "report.json").is_file()


def test_the_plan_alone(build, stand_in):
    code, _, err, folder = build("--plan-only")
    assert code == 0
    assert last_line(err).endswith(f"in {folder}: report.html, report.json, deploy, plan/run.sh")
    assert not (folder / "plan" / "build.log").exists()
    assert "no bitstream yet (--plan-only): plan/run.sh makes it" in (folder / "report.json").read_text()


def test_layers_by_themselves_are_planned(build):
    _, _, _, folder = build("--plan-only", "--out-of-context")
    assert {path.name for path in (folder / "plan").glob("layer_*.tcl")} == {
        "layer_mvau_0.tcl",
        "layer_mvau_1.tcl",
    }


def test_a_bitstream_lies_where_the_driver_looks(build, stand_in):
    code, out, _, folder = build("--json")
    report = json.loads(out)
    assert (code, report["lacks"]) == (0, None)
    assert (folder / "deploy" / BITSTREAM).read_text() == "bits"
    assert (folder / "deploy" / "accelerator.hwh").is_file()
    assert (folder / "plan" / "build.log").is_file()
    assert report["implementation"] == {
        "tool": "Vivado 2023.2",
        "fmax_mhz": 105.53,
        "untimed": None,
        "setup_slack_ns": 0.524,
        "hold_slack_ns": 0.07,
        "pulse_slack_ns": 2.25,
        "power_w": 1.532,
        "dynamic_power_w": 1.397,
        "static_power_w": 0.135,
    }
    assert report["resources"]["routed"] == {"lut": 12086, "ff": 13377, "dsp": 5, "bram18": 7}
    routed = {layer["name"]: layer["routed"] for layer in report["layers"]}
    assert routed["mvau_0"] == {"lut": 9000, "ff": 10001, "dsp": 5, "bram18": 7}
    assert routed["mvau_1"] is None
    said = "placed and routed by Vivado 2023.2: up to 105.5 MHz, 1.532 W estimated"
    assert said in terminal(reporting.load(folder))
    assert said in (folder / "report.html").read_text()


def test_a_clock_that_is_missed_stops_the_build(build, stand_in):
    failure = "levada: setup slack -1.5 ns from u_chip/u_accelerator/u_mvau_0/a/C to u_chip/b/D\n"
    (stand_in / "failure").write_text(failure)
    code, out, err, folder = build()
    assert (code, out, folder.exists()) == (1, "", False)
    said = "levada: timing: setup slack -1.5 ns in the chip around the layers (from "
    assert last_line(err).startswith(said)
    assert Path(last_line(err).rsplit(" ", 1)[1]).is_file()


def test_an_earlier_result_stays(build, stand_in):
    _, _, _, folder = build()
    (stand_in / "failure").write_text("ERROR: no licence\n")
    assert build("--clock-mhz", "90")[0] == 1
    assert (folder / "deploy" / BITSTREAM).read_text() == "bits"


@pytest.mark.parametrize("option", ["--plan-only", "--out-of-context"])
def test_a_flow_without_a_bitstream_has_no_plan(option, build):
    code, _, err, folder = build(option, flow="estimate")
    assert (code, err) == (
        1,
        f"levada: {option}: the flow estimate makes no bitstream; use --flow zynq_openxc7 or zynq_vivado\n",
    )
    assert not folder.exists()


def test_a_board_without_a_shell_is_refused(build, tmp_path):
    text = (content.root("boards") / "pynq-z2" / "board.toml").read_text()
    before, rest = text.split("[shell]")
    board = tmp_path / "board.toml"
    board.write_text(before + "[[memory_port]]" + rest.split("[[memory_port]]", 1)[1])
    assert boards.load(str(board)).shell is None
    code, _, err, _ = build("--board", board)
    assert code == 1
    assert err == "levada: pynq-z2: has no [shell] in its board.toml, so it gets no bitstream; add one\n"
