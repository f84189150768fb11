"""Layers for Vitis HLS without it: a bench by g++, scripts in a Tcl interpreter, a program in its place."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from levada import boards, content
from levada.errors import LevadaError, ToolMissingError
from levada.layer import Resources
from levada.sim import native
from levada.synth import plan as plans
from levada.synth import vitis_hls
from tests.unit import graphs, hls_bench, tcl
from tests.unit.hls_bench import run_bench

GOLDEN = Path(__file__).parent / "golden" / "vitis_hls"
BOARD = boards.load("pynq-z2")
GRAPH = graphs.connected(graphs.mlp())
FILES = ("hls.tcl", "layer.hpp", "mvau_1.cpp", "ports.hpp", "golden.dat")
# Cycles, at 12 as many as a report can tell; the form is that in which hls4ml reads it.
REPORT = """\
<profile>
<UserAssignments><TargetClockPeriod>10.00</TargetClockPeriod></UserAssignments>
<PerformanceEstimates>
<SummaryOfTimingAnalysis><unit>ns</unit><EstimatedClockPeriod>7.300</EstimatedClockPeriod></SummaryOfTimingAnalysis>
<SummaryOfOverallLatency><Interval-min>12</Interval-min><Interval-max>12</Interval-max></SummaryOfOverallLatency>
</PerformanceEstimates>
<AreaEstimates><Resources><BRAM_18K>1</BRAM_18K><DSP>2</DSP><FF>300</FF><LUT>400</LUT></Resources></AreaEstimates>
</profile>
"""
# The vendor's commands in a script, with their options and whether these take a value (AMD UG1399).
KNOWN = {
    "open_project": {"-reset": False},
    "set_top": {},
    "add_files": {"-cflags": True, "-tb": False},
    "open_solution": {"-reset": False, "-flow_target": True},
    "set_part": {},
    "create_clock": {"-period": True, "-name": True},
    "csim_design": {},
    "csynth_design": {},
    "cosim_design": {"-rtl": True},
    "export_design": {"-rtl": True, "-format": True, "-output": True},
}
# Synthesis and co-simulation leave their reports behind.
ANSWERS = """\
proc leave {folder name} {
  file mkdir project/solution/$folder
  close [open project/solution/$folder/$name w]
}
proc csynth_design {args} { record csynth_design $args; leave syn/report $::env(TOP)_csynth.xml }
proc cosim_design {args} { record cosim_design $args; leave sim/report $::env(TOP)_cosim.rpt }
"""
# Leaves behind what the script would, or ends as it is told to.
PROGRAM = """\
#!/bin/sh
echo "$(basename "$0") $* in $(basename "$PWD")"
if [ -f "$STAND_IN/failure" ]; then cat "$STAND_IN/failure"; exit 1; fi
cp "$STAND_IN/csynth.xml" .
touch cosim.rpt ip.zip
"""


def planned(graph=GRAPH, frames=2, **options):
    x = graphs.frames(graph, np.random.default_rng(0), frames)
    return vitis_hls.plan(graph, x, replace(BOARD, **options), 100)


@pytest.fixture(scope="module")
def layer(tmp_path_factory):
    """The folder of a layer with its test bench compiled."""
    folder = tmp_path_factory.mktemp("hls") / "plan"
    plans.write(planned(), folder)
    hls_bench.compiled(folder / "mvau_1")
    assert run_bench(folder / "mvau_1") == (0, ["levada: 2 frames are as they should be"])
    return folder / "mvau_1"


@pytest.mark.parametrize("name", FILES)
def test_golden_files(name, update):
    text, path = planned().files[f"mvau_1/{name}"], GOLDEN / name
    if update:
        content.write_whole(path, text)
    assert text == path.read_text()


def test_there_is_no_other_golden_file():
    assert {path.name for path in GOLDEN.iterdir()} == set(FILES)


def test_a_wrong_result_is_told(layer):
    """Where the golden data has another value, and where it has too few."""
    data = layer / "golden.dat"
    right = data.read_text()
    count, first, results, *rest = right.splitlines()
    values = results.split()
    values[4] = str(int(values[4]) + 3)
    data.write_text("\n".join([count, first, " ".join(values), *rest]))
    code, said = run_bench(layer)
    was = results.split()[4]
    assert (code, said) == (1, [f"levada: m_axis, frame 0, index 4: expected {values[4]}, got {was}"])
    data.write_text("\n".join([count, first]))
    code, said = run_bench(layer)
    assert (code, said[0]) == (1, "levada: golden.dat ends too early")
    data.write_text(right)
    assert run_bench(layer)[0] == 0


@pytest.mark.parametrize("cosim", [True, False])
def test_the_script(cosim, tmp_path, monkeypatch):
    monkeypatch.setattr(vitis_hls, "_COSIM", 10_000 if cosim else 1)
    plan = planned()
    plans.write(plan, tmp_path / "plan")
    folder = tmp_path / "plan" / "mvau_1"
    code, said, calls = tcl.run("hls.tcl", folder, KNOWN, ANSWERS, {"TOP": "mvau_1"})
    assert (code, said) == (0, [])
    simulated = ["cosim_design"] if cosim else []
    names = ["open_project", "set_top", "add_files", "add_files", "add_files", "open_solution", "set_part"]
    names += ["create_clock", "csim_design", "csynth_design", *simulated, "export_design"]
    assert [call[0] for call in calls] == names
    for call in calls:
        tcl.parsed(call, KNOWN)
    assert tcl.named(calls, "set_top", KNOWN) == [({}, ["mvau_1"])]
    assert tcl.named(calls, "set_part", KNOWN) == [({}, ["xc7z020clg400-1"])]
    flags = f"-std=c++17 -I{tmp_path}/plan/include -I{folder}"
    assert tcl.named(calls, "add_files", KNOWN) == [
        ({"-cflags": flags}, ["mvau_1.cpp"]),
        ({"-tb": None, "-cflags": flags}, ["../bench.cpp"]),
        ({"-tb": None}, ["golden.dat"]),
    ]
    # The reports lie where the plan says that they are; the vendor makes the package there itself.
    command = next(command for command in plan.commands if command.arguments[-1] == "mvau_1")
    packed = Path(tcl.named(calls, "export_design", KNOWN)[0][0]["-output"])
    there = {path.name for path in folder.iterdir()} | {packed.name}
    assert {Path(name).name for name in command.writes} <= there
    assert packed.parent == folder
    assert ("mvau_1/cosim.rpt" in command.writes) == cosim


def test_a_layer_is_a_command_of_its_own():
    plan = planned()
    assert [command.arguments for command in plan.commands] == [
        ("sh", "hls.sh", node.name) for node in GRAPH.nodes
    ]
    assert list(plans._groups(plan)) == [list(plan.commands)]
    for command in plan.commands:
        assert {"hls.sh", "bench.cpp", "include/levada.hpp"} <= set(command.reads)
    assert planned(part="xczu3eg-sbva484-1-i").digest != plan.digest == planned().digest


@pytest.fixture(params=["vitis_hls", "vitis-run"])
def stand_in(request, tmp_path, monkeypatch):
    """A program in the place of either release's; gives the folder of what it says and makes."""
    own = tmp_path / "stand_in"
    program = own / "2024.2" / "bin" / request.param
    content.write_whole(program, PROGRAM)
    content.write_whole(own / "csynth.xml", REPORT)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("STAND_IN", str(own))
    monkeypatch.setenv("LEVADA_CACHE", str(tmp_path / "cache"))
    return own


def run(folder):
    plan = planned()
    plans.write(plan, folder)
    return vitis_hls.run(plan, folder, GRAPH)


CALLS = {"vitis_hls": "vitis_hls -f hls.tcl", "vitis-run": "vitis-run --mode hls --tcl hls.tcl"}


def test_a_run(stand_in, tmp_path):
    outcome = run(tmp_path / "plan")
    assert outcome.tool == "Vitis HLS 2024.2"
    expected = vitis_hls.Synthesized(Resources(400, 300, 2, 1), 7.3, 12)
    assert outcome.layers == {node.name: expected for node in GRAPH.nodes}
    (name,) = (path.name for path in (stand_in / "2024.2" / "bin").iterdir())
    assert (tmp_path / "plan" / "mvau_1.log").read_text() == f"{CALLS[name]} in mvau_1\n"


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (
            "levada: m_axis, frame 0, index 4: expected 1, got 2\nERROR: [SIM 211-100] CSim failed",
            " in Vitis HLS: m_axis, frame 0, index 4: expected 1, got 2; all that it said is in ",
        ),
        ("ERROR: [HLS 200-70] no licence", "sh ended with exit code 1: ERROR: [HLS 200-70] no licence; all "),
    ],
)
def test_failures(failure, said, stand_in, tmp_path):
    (stand_in / "failure").write_text(f"{failure}\n")
    with pytest.raises(LevadaError) as error:
        run(tmp_path / "plan")
    assert said in str(error.value)
    assert Path(str(error.value).rsplit(" ", 1)[1]).read_text().endswith(f"{failure}\n")


def test_no_vitis(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissingError) as error:
        vitis_hls.release()
    said = "it needs Vitis HLS 2022.2 to 2025.x, and vitis_hls or vitis-run is not on PATH"
    assert str(error.value) == said


@pytest.mark.parametrize("release", ["2022.1", "2026.1", "new"])
def test_another_vitis(release, tmp_path, monkeypatch):
    program = tmp_path / release / "bin" / "vitis_hls"
    content.write_whole(program, PROGRAM)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    with pytest.raises(ToolMissingError) as error:
        vitis_hls.release()
    assert str(error.value) == f"it needs Vitis HLS 2022.2 to 2025.x, and the one on PATH is {program}"


def test_without_it_the_script_says_so(tmp_path):
    plans.write(planned(), tmp_path / "plan")
    done = native.call([tmp_path / "plan" / "run.sh"], env={"PATH": "/usr/bin:/bin"})
    assert done.code == 3
    assert "levada: neither vitis_hls nor vitis-run is on PATH; add one\n" in done.stderr


def test_an_interval_that_depends_on_the_data():
    unknown = REPORT.replace("<Interval-max>12<", "<Interval-max>undef<")
    assert vitis_hls.reported(unknown).interval is None


@pytest.mark.parametrize("lost", ["<LUT>400</LUT>", "<EstimatedClockPeriod>7.300</EstimatedClockPeriod>"])
def test_a_report_of_another_form(lost):
    with pytest.raises(LevadaError, match=r"^csynth\.xml: \./.* is nothing; its form is another one$"):
        vitis_hls.reported(REPORT.replace(lost, ""))
