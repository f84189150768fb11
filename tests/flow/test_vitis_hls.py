"""A build whose layers go through Vitis HLS: without it, with a plan alone, with a program in its place."""

from __future__ import annotations

import json
import os
import shutil

import pytest
from rich.console import Console

from levada import cli
from levada import report as reporting
from levada.synth import vitis_hls
from tests.flow.networks import mlp
from tests.unit.test_vitis_hls import stand_in

STEPS = ["load", "streamline", "lower", "partition", "connect", "hls"]
__all__ = ["stand_in"]


@pytest.fixture
def build(tmp_path, capsys):
    """Builds a small network; gives code, stdout, stderr and the folder."""
    network = mlp().save(tmp_path / "small.onnx")
    short = tmp_path / "short.toml"
    short.write_text(f"steps = {json.dumps(STEPS)}\n")

    def run(*options, flow=short):
        folder = tmp_path / "out"
        arguments = ["build", network, "--flow", flow, "--out", folder, "--samples", "4", *options]
        code = cli.main([str(argument) for argument in arguments])
        return code, *capsys.readouterr(), folder

    return run


@pytest.fixture
def without(monkeypatch):
    """There is none, wherever this runs."""
    which = shutil.which
    monkeypatch.setattr(
        vitis_hls.shutil, "which", lambda name: None if name.startswith("vitis") else which(name)
    )


def last_line(err):
    return err.splitlines()[-1]


@pytest.mark.slow
def test_without_it_all_else_is_done(build, without):
    code, _, err, folder = build(flow="vitis_hls")
    lacks = (
        "no result of Vitis HLS: it needs Vitis HLS 2022.2 to 2025.x, and vitis_hls or vitis-run is not on "
        "PATH; all that is left to run there is hls/run.sh"
    )
    assert (code, last_line(err)) == (3, f"levada: {folder}: {lacks}")
    report = reporting.load(folder)
    assert (report.lacks, report.hls, "cppsim" in report.levels) == (lacks, None, True)
    assert os.access(folder / "hls" / "run.sh", os.X_OK)
    assert (folder / "hls" / "mvau_0" / "golden.dat").read_text().startswith("2\n")


def test_the_plan_alone(build, without):
    code, _, err, folder = build("--plan-only")
    assert code == 0
    assert last_line(err).endswith(f"in {folder}: report.html, report.json, hls/run.sh")
    note = "no result of Vitis HLS yet (--plan-only): hls/run.sh makes it"
    assert note in reporting.load(folder).notes


@pytest.mark.parametrize("stand_in", ["vitis_hls"], indirect=True)
def test_what_it_says_is_reported(build, stand_in):
    code, out, _, folder = build("--json")
    report = json.loads(out)
    assert (code, report["lacks"], report["hls"]["tool"]) == (0, None, "Vitis HLS 2024.2")
    layers = report["hls"]["layers"]
    assert layers.keys() == {layer["name"] for layer in report["layers"]}
    used = {"lut": 400, "ff": 300, "dsp": 2, "bram18": 1}
    assert layers["mvau_0"] == {"used": used, "period_ns": 7.3, "interval": 12}
    count = len(layers)
    said = (
        f"{count} layers through Vitis HLS 2024.2: {400 * count:,} LUT, {300 * count:,} FF, {2 * count} DSP, "
        f"{count} BRAM18, 7.3 ns estimated"
    )
    console = Console(width=160, color_system=None)
    with console.capture() as shown:
        console.print(reporting.terminal(reporting.load(folder)))
    assert said in shown.get()
    assert said in (folder / "report.html").read_text()


def test_a_chip_of_another_vendor(build):
    code, _, err, folder = build("--board", "ulx3s-85f")
    assert (code, last_line(err)) == (
        1,
        "levada: ulx3s-85f: is of the family ecp5, and Vitis HLS makes hardware for xc7, xcup; "
        "use another --board",
    )
    assert not folder.exists()


def test_it_makes_no_bitstream(build):
    code, _, err, _ = build("--out-of-context")
    assert (code, last_line(err)) == (
        1,
        "levada: --out-of-context: the flow short makes no bitstream; use --flow zynq_openxc7 or zynq_vivado",
    )
