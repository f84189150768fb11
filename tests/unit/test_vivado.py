"""Vivado's plan without Vivado: golden files, and an interpreter that records the vendor's commands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from levada import boards, content
from levada.emit import chip, shell, sv
from levada.errors import LevadaError, ToolMissingError
from levada.synth import plan as plans
from levada.synth import vivado, yosys
from levada.synth.backend import Design
from tests.require_tools import require
from tests.unit import graphs, tcl, vivado_stand_in

GOLDEN = Path(__file__).parent / "golden" / "vivado"
BOARD = boards.load("pynq-z2")
SCRIPTS = ("build.tcl", "layer_mvau_0.tcl", "rtl/layer.xdc", "rtl/mvau_0_stub.sv")

# The vendor's commands that a script may call, with their options and whether these take a value (AMD UG835).
KNOWN = {
    "version": {"-short": False},
    "set_msg_config": {"-id": True, "-new_severity": True},
    "read_verilog": {"-sv": False},
    "read_xdc": {"-mode": True},
    "read_checkpoint": {"-cell": True},
    "synth_design": {"-top": True, "-part": True, "-include_dirs": True, "-mode": True},
    "opt_design": {},
    "place_design": {},
    "phys_opt_design": {},
    "route_design": {},
    "report_utilization": {"-file": True, "-hierarchical": False},
    "report_timing_summary": {"-file": True},
    "report_timing": {"-of_objects": True},
    "report_power": {"-file": True},
    "get_timing_paths": {"-delay_type": True, "-max_paths": True, "-nworst": True},
    "get_property": {},
    "write_checkpoint": {"-force": False},
    "write_bitstream": {"-force": False},
}
ANSWERS = """\
proc version {args} { record version $args; return $::env(RELEASE) }
proc get_timing_paths {args} { record get_timing_paths $args; return $::env(PATHS) }
proc get_property {name object} {
  record get_property [list $name $object]
  return [dict get $::env(PROPERTIES) $name]
}
"""
PROPERTIES = "SLACK 0.5 STARTPOINT_PIN u_chip/a/C ENDPOINT_PIN u_chip/b/D"


def design(apart=False, **options):
    return Design(graphs.connected(graphs.mlp()), BOARD, (2, 1), 150, apart, **options)


def planned(apart=False, **options):
    return vivado.plan(design(apart, **options))


def run_tcl(plan, script, folder, release="2023.2", paths="path_1", properties=PROPERTIES):
    """Runs a script of a plan; its exit code, what it says, and its calls as lists of words."""
    if not folder.exists():
        plans.write(plan, folder)
    environment = {"RELEASE": release, "PATHS": paths, "PROPERTIES": properties}
    return tcl.run(script, folder, KNOWN, ANSWERS, environment)


def parsed(call):
    return tcl.parsed(call, KNOWN)


def named(calls, name):
    return tcl.named(calls, name, KNOWN)


@pytest.mark.parametrize("name", SCRIPTS)
def test_golden_files(name, update):
    text, path = planned(apart=True).files[name], GOLDEN / Path(name).name
    if update:
        content.write_whole(path, text)
    assert text == path.read_text()


def test_there_is_no_other_golden_file():
    assert {path.name for path in GOLDEN.iterdir()} == {Path(name).name for name in SCRIPTS}


def test_the_order_of_the_commands(tmp_path):
    code, said, calls = run_tcl(planned(), "build.tcl", tmp_path / "plan")
    assert (code, said) == (0, [])
    assert [call[0] for call in calls if not call[0].startswith("get_")] == [
        "version",
        "set_msg_config",
        "read_verilog",
        "read_xdc",
        "synth_design",
        "opt_design",
        "place_design",
        "phys_opt_design",
        "route_design",
        "report_utilization",
        "report_utilization",
        "report_timing_summary",
        "report_power",
        "write_checkpoint",
        "write_bitstream",
    ]
    for call in calls:
        parsed(call)


def test_what_is_read_and_made(tmp_path):
    plan = planned()
    _, _, calls = run_tcl(plan, "build.tcl", tmp_path / "plan")
    ((options, (sources,)),) = named(calls, "read_verilog")
    graph = graphs.connected(graphs.mlp())
    design = chip.sources(graph, (2, 1)) | shell.sources(graph, BOARD, (2, 1), 150)
    assert (options, sources.split()) == ({"-sv": None}, sv.compile_list(design))
    assert named(calls, "read_xdc") == [({}, ["shell.xdc"])]
    assert named(calls, "synth_design") == [
        ({"-top": "shell", "-part": "xc7z020clg400-1", "-include_dirs": "."}, [])
    ]
    # Sources and memory images are in the folder where they are looked for, results in that of the plan.
    where = {call[0]: call[1] for call in calls}
    assert (where["synth_design"], where["route_design"], where["write_bitstream"]) == ("rtl", "plan", "plan")
    assert all(plan.files[f"rtl/{name}"] == text for name, text in design.items())
    (command,) = plan.commands
    made = [options["-file"] for call in calls if "-file" in (options := parsed(call)[0])]
    made += [words[0] for call in calls if call[0].startswith("write_") for words in [parsed(call)[1]]]
    assert made == list(command.writes)
    assert " ".join(command.arguments) == "vivado -mode batch -nojournal -nolog -notrace -source build.tcl"
    assert set(command.reads) == plan.files.keys() - {"accelerator.hwh"}


def test_the_hardware_file_lies_beside_the_bitstream():
    plan = planned()
    assert plan.files["accelerator.hwh"].startswith("<?xml")
    assert "accelerator.bit" in plan.commands[-1].writes


@pytest.mark.parametrize(
    ("properties", "kind"),
    [("SLACK -0.213", "setup"), ("SLACK -0.001", "setup")],
)
def test_negative_slack_ends_the_run(properties, kind, tmp_path):
    values = f"{PROPERTIES} {properties}"
    code, said, calls = run_tcl(planned(), "build.tcl", tmp_path / "plan", properties=values)
    slack = properties.split()[1]
    assert (code, said) == (1, [f"levada: {kind} slack {slack} ns from u_chip/a/C to u_chip/b/D"])
    assert named(calls, "report_timing") == [({"-of_objects": "path_1"}, [])]
    assert named(calls, "write_bitstream") == []
    assert len(named(calls, "report_power")) == 1


def test_setup_and_hold_are_looked_at(tmp_path):
    _, _, calls = run_tcl(planned(), "build.tcl", tmp_path / "plan")
    wanted = [options["-delay_type"] for options, _ in named(calls, "get_timing_paths")]
    assert wanted == ["max", "min"]


def test_a_design_without_a_clock_is_no_success(tmp_path):
    code, said, calls = run_tcl(planned(), "build.tcl", tmp_path / "plan", paths="")
    assert (code, said) == (1, ["levada: no path has a setup time; the clock has no register"])
    assert named(calls, "write_bitstream") == []


@pytest.mark.parametrize("release", ["2022.2", "2023.1.1", "2024.2", "2025.2"])
def test_releases_that_will_do(release, tmp_path):
    assert run_tcl(planned(), "build.tcl", tmp_path / "plan", release)[0] == 0


@pytest.mark.parametrize("release", ["2022.1", "2019.2.1", "2026.1", "abc"])
@pytest.mark.parametrize("script", ["build.tcl", "layer_mvau_0.tcl"])
def test_releases_that_will_not(release, script, tmp_path):
    code, said, calls = run_tcl(planned(apart=True), script, tmp_path / "plan", release)
    assert (code, {call[0] for call in calls}) == (3, {"version"})
    assert said == [
        f"levada: Vivado {release} is not known to this script; use 2022.2 or later, before 2026.1"
    ]


def test_layers_by_themselves(tmp_path):
    plan = planned(apart=True)
    *layers, whole = plan.commands
    names = [node.name for node in graphs.connected(graphs.mlp()).nodes if node.layer.macs()]
    assert [command.arguments[-1] for command in layers] == [f"layer_{name}.tcl" for name in names]
    assert list(plans._groups(plan)) == [layers, [whole]]
    for name, command in zip(names, layers, strict=True):
        code, said, calls = run_tcl(plan, f"layer_{name}.tcl", tmp_path / "plan")
        assert (code, said) == (0, [])
        ((options, _),) = named(calls, "synth_design")
        assert options["-mode"] == "out_of_context"
        assert options["-top"] == name
        ((_, (sources,)),) = named(calls, "read_verilog")
        assert sources.split()[-1] in (f"{name}.sv", f"{name}_sums.sv")
        assert {f"rtl/{source}" for source in sources.split()} <= set(command.reads)
        assert named(calls, "write_checkpoint") == [({"-force": None}, [f"layer_{name}.dcp"])]
        assert command.writes == (f"layer_{name}.dcp",)
    _, _, calls = run_tcl(plan, "build.tcl", tmp_path / "plan")
    assert named(calls, "read_checkpoint") == [
        ({"-cell": f"u_chip/u_accelerator/u_{name}"}, [f"layer_{name}.dcp"]) for name in names
    ]
    ((_, (sources,)),) = named(calls, "read_verilog")
    assert not {f"{name}.sv" for name in names} & set(sources.split())
    assert {f"{name}_stub.sv" for name in names} <= set(sources.split())


def test_stubs_fit_into_the_whole(tmp_path):
    """Yosys finds every module and every port, of layers from elsewhere in their stubs."""
    require("pyosys")
    plan = planned(apart=True)
    sources = [Path(name).name for name in plan.commands[-1].reads if name.endswith(".sv")]
    files = {Path(name).name: text for name, text in plan.files.items() if name.startswith("rtl/")}
    checks = yosys.plan(
        files,
        [
            "read_verilog -lib +/xilinx/cells_sim.v +/xilinx/cells_xtra.v",
            f"read_verilog -sv -defer {' '.join(sources)}",
            "hierarchy -check -top shell",
            "select -assert-mod-count 3 =A:black_box=1",
        ],
    )
    yosys.run(checks, tmp_path / "yosys")


def test_another_layer_changes_its_own_command_alone():
    def reads(layer):
        graph = graphs.connected(graphs.chain([layer, second, third], name="three"))
        plan = vivado.plan(Design(graph, BOARD, (1, 1), 100, apart=True))
        return [[plan.files.get(name) for name in command.reads] for command in plan.commands]

    first = graphs.mvau(np.random.default_rng(0), 4, 2, graphs.INT2, graphs.UINT2)
    other = replace(first, weights=np.roll(first.weights, 1))
    second = graphs.thresholding(np.random.default_rng(1), 2, first.result_type, graphs.UINT2)
    third = graphs.mvau(np.random.default_rng(2), 2, 2, graphs.INT2, graphs.UINT2)
    same = [one == another for one, another in zip(reads(first), reads(other), strict=True)]
    assert same[:-1] == [False, True]


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A program called vivado; gives the folder with what it says and makes."""
    return vivado_stand_in.install(tmp_path, monkeypatch)


def run(tmp_path):
    plan = planned()
    plans.write(plan, tmp_path / "plan")
    return vivado.run(plan, tmp_path / "plan", design())


def test_a_run_ends_in_a_bitstream_and_what_is_known_of_it(program, tmp_path):
    outcome = run(tmp_path)
    assert (tmp_path / "plan" / "accelerator.bit").read_text() == "bits"
    assert (outcome.tool, outcome.used.lut, outcome.slack.setup) == ("Vivado 2023.2", 12086, 0.524)
    assert outcome.layers.keys() == {"mvau_0", "dwc_thresholding_0"}
    assert (tmp_path / "plan" / "build.log").read_text() == (
        "-mode batch -nojournal -nolog -notrace -source build.tcl\n"
    )


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (
            "levada: setup slack -0.213 ns from u_chip/u_accelerator/u_mvau_0/u_layer/a_reg[0]/C "
            "to u_chip/u_accelerator/u_mvau_1/u_layer/b_reg/D",
            "timing: setup slack -0.213 ns in layer mvau_1 (from "
            "u_chip/u_accelerator/u_mvau_0/u_layer/a_reg[0]/C to "
            "u_chip/u_accelerator/u_mvau_1/u_layer/b_reg/D); ask for a lower --clock-mhz, see ",
        ),
        (
            "levada: hold slack -0.010 ns from u_chip/u_control/a/C to u_chip/u_control/b/D",
            "timing: hold slack -0.010 ns in the chip around the layers (from u_chip/u_control/a/C to "
            "u_chip/u_control/b/D); build again with another --clock-mhz, see ",
        ),
        (
            "ERROR: [Synth 8-439] module 'x' not found\nERROR: [Common 17-69] Command failed",
            "vivado ended with exit code 1: ERROR: [Synth 8-439] module 'x' not found; all that it said ",
        ),
    ],
)
def test_a_failure_names_the_layer_or_the_error(failure, said, program, tmp_path):
    (program / "failure").write_text(f"{failure}\n")
    with pytest.raises(LevadaError) as error:
        run(tmp_path)
    assert str(error.value).startswith(said)
    assert Path(str(error.value).rsplit(" ", 1)[1]).read_text().endswith(f"{failure}\n")
    assert not (tmp_path / "plan" / "accelerator.bit").exists()


def test_pulses_that_are_too_short(program, tmp_path):
    short = vivado_stand_in.REPORTS["timing.rpt"].replace(" 2.250 ", "-0.219 ")
    (program / "made" / "timing.rpt").write_text(short)
    with pytest.raises(LevadaError) as error:
        run(tmp_path)
    assert str(error.value) == "timing: pulse slack -0.219 ns; ask for a lower --clock-mhz"


def test_no_vivado(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissingError) as error:
        vivado.version()
    assert str(error.value) == "it needs Vivado 2022.2 to 2025.x (or openXC7), and vivado is not on PATH"


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("Vivado v2022.1 (64-bit)", "Vivado v2022.1"),
        ("vivado v2026.1", "vivado v2026.1"),
        ("?", "of no release"),
    ],
)
def test_another_vivado(said, named, program):
    (program / "version").write_text(said)
    with pytest.raises(ToolMissingError) as error:
        vivado.version()
    assert str(error.value) == f"it needs Vivado 2022.2 to 2025.x, and vivado on PATH is {named}"
