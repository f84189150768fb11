"""The plan for openXC7 without it: golden files, Yosys for real, programs in the places of the others."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from levada import boards, content
from levada.emit import shell, sv
from levada.errors import LevadaError, ToolMissingError
from levada.layer import Folding, Resources
from levada.synth import nextpnr, openxc7, yosys
from levada.synth import plan as plans
from levada.synth.backend import Design
from levada.synth.netlist import Netlist
from tests import whole_shell
from tests.require_tools import require
from tests.unit import graphs, openxc7_stand_in

GOLDEN = Path(__file__).parent / "golden" / "openxc7"
BOARD = boards.load("pynq-z2")
SCRIPTS = ("synth.ys", "clock.xdc")
LOG = (openxc7_stand_in.LOGS / "nextpnr-xilinx.log").read_text()
RELEASE = "0.8.2"


def mlp(clock_mhz=150):
    return Design(graphs.connected(graphs.mlp()), BOARD, (2, 1), clock_mhz)


def in_slices():
    """A layer whose lanes are in two chains of five DSP slices, its weights in block RAM."""
    layer = graphs.mvau(np.random.default_rng(0), 10, 6, graphs.INT4, graphs.UINT4, graphs.UINT2)
    folding = Folding(2, 10, dsp_pe=2, memory="block")
    return Design(graphs.connected(graphs.chain([layer], [folding], "slices")), BOARD, (1, 1), 100)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache of their own for the tests that run the plan: the netlist is made once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def synthesized(cache, tmp_path, monkeypatch):
    """A folder in which the plan has come as far as its netlist."""
    require("pyosys")
    monkeypatch.setenv("LEVADA_CACHE", str(cache))
    plan = openxc7.plan(in_slices())
    folder = tmp_path / "plan"
    plans.write(plan, folder)
    first = replace(plan, commands=plan.commands[:1])
    plans.run(first, folder, f"{yosys.version()} {RELEASE}", programs=yosys.PROGRAMS)
    return folder


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """The programs and databases; gives the folder of what they say."""
    return openxc7_stand_in.install(tmp_path, monkeypatch)


def run(folder):
    return openxc7.run(openxc7.plan(in_slices()), folder, in_slices())


@pytest.mark.parametrize("name", SCRIPTS)
def test_golden_files(name, update):
    text, path = openxc7.plan(mlp()).files[name], GOLDEN / name
    if update:
        content.write_whole(path, text)
    assert text == path.read_text()


def test_there_is_no_other_golden_file():
    assert {path.name for path in GOLDEN.iterdir()} == set(SCRIPTS)


def test_sources_are_those_for_any_tool():
    """All of the shell but the constraints, of which this tool knows other ones; and what PYNQ reads."""
    plan, design = openxc7.plan(mlp()), mlp()
    sources = shell.sources(design.graph, BOARD, design.ports, 150) | sv.sources(design.graph)
    for name in sources.keys() - {"shell.xdc"}:
        assert plan.files[f"rtl/{name}"] == sources[name]
    assert not [name for name in plan.files if name.endswith(".xdc") and name != "clock.xdc"]
    assert plan.files["accelerator.hwh"].startswith("<?xml")


def test_the_commands():
    plan = openxc7.plan(mlp())
    assert [" ".join(command.arguments) for command in plan.commands] == [
        "yosys -s synth.ys",
        "nextpnr-xilinx --chipdb ${CHIPDB}/xc7z020clg400.bin --xdc clock.xdc --freq 142.857 "
        "--json design.json --fasm design.fasm",
        "fasm2frames --part xc7z020clg400-1 --db-root ${PRJXRAY_DB_DIR}/zynq7 design.fasm design.frames",
        "xc7frames2bit --part_file ${PRJXRAY_DB_DIR}/zynq7/xc7z020clg400-1/part.yaml --part_name "
        "xc7z020clg400-1 --frm_file design.frames --output_file accelerator.bit",
    ]
    made = [command.writes for command in plan.commands]
    assert made == [("design.json",), ("design.fasm",), ("design.frames",), ("accelerator.bit",)]
    used = set().union(*(command.reads for command in plan.commands))
    assert plan.files.keys() - used == {"accelerator.hwh"}


@pytest.mark.slow
def test_the_netlist(synthesized):
    """The whole shell, mapped by the script that is for any Yosys: all that `tests.whole_shell` looks for."""
    found, said = Netlist.read(synthesized / "design.json"), (synthesized / "synth.log").read_text()
    results = whole_shell.findings(in_slices(), found, said)
    assert [text for right, text in results if not right] == []
    assert len(results) == 10
    assert (found.types["PS7"], found.types["BUFG"], found.types["DSP48E1"]) == (1, 1, 10)
    assert {"RAMB18E1", "RAMB36E1"} & found.types.keys()
    assert (found.chains, openxc7.tiles(found)) == ((5, 5), 6)
    # Cells are called after their layer, in which the slowest path is told by them.
    inside = [name for name in found.cells if "u_accelerator.u_mvau_0." in name]
    assert len(inside) > 100


@pytest.mark.slow
def test_what_is_wrong_in_a_netlist_is_found(synthesized):
    """Each thing that `tests.whole_shell` looks for, made wrong."""
    found, said = Netlist.read(synthesized / "design.json"), (synthesized / "synth.log").read_text()

    def wrong(cells=(), without=(), said=said):
        kept = {name: cell for name, cell in found.cells.items() if cell["type"] not in without}
        results = whole_shell.findings(in_slices(), Netlist(kept | dict(cells)), said)
        return {text.split(":")[0] for right, text in results if not right}

    name, lut = next((name, cell) for name, cell in found.cells.items() if cell["type"] == "LUT6")
    assert wrong() == set()
    assert wrong({"twin": lut}) == {"nets with two drivers"}
    assert "nets without a driver" in wrong(without={"FDRE"})
    assert wrong(without={"PS7"}) >= {"only primitives"}
    assert wrong(without={"DSP48E1"}) >= {"its accelerator"}
    assert wrong(said=said.replace("reported 0 problems", "reported 1 problems")) == {"Yosys' own check"}
    assert wrong({name: lut | {"type": "$_DLATCH_P_"}}) >= {"latches", "counts"}
    assert wrong({name: lut | {"type": "$mem_v2"}}) >= {"memories that are not mapped", "counts"}


@pytest.mark.slow
def test_a_run_ends_in_a_bitstream_and_what_is_known_of_it(synthesized, stand_in):
    outcome = run(synthesized)
    assert (synthesized / "accelerator.bit").read_text() == "of xc7frames2bit\n"
    assert (outcome.tool, outcome.used) == ("nextpnr-xilinx 0.8.2", Resources(2671, 2713, 10, 7))
    assert (outcome.fmax_mhz, outcome.layers) == (125.0, {})
    assert outcome.untimed == "paths through DSP slices, memories and the processor"
    chips, bits = stand_in / "CHIPDB", stand_in / "PRJXRAY_DB_DIR"
    assert (stand_in / "calls").read_text().splitlines() == [
        f"nextpnr-xilinx --chipdb {chips}/xc7z020clg400.bin --xdc clock.xdc --freq 100.000 "
        "--json design.json --fasm design.fasm",
        f"fasm2frames --part xc7z020clg400-1 --db-root {bits}/zynq7 design.fasm design.frames",
        f"xc7frames2bit --part_file {bits}/zynq7/xc7z020clg400-1/part.yaml --part_name xc7z020clg400-1 "
        "--frm_file design.frames --output_file accelerator.bit",
    ]


@pytest.mark.slow
def test_a_missed_clock_names_the_layer(synthesized, stand_in):
    failed = "ERROR: Max frequency for clock 'clk': 80.00 MHz (FAIL at 100.00 MHz)"
    said = LOG.replace("Info: Max frequency for clock 'clk': 125.00 MHz (PASS at 100.00 MHz)", failed)
    (stand_in / "nextpnr-xilinx.log").write_text(said)
    with pytest.raises(LevadaError) as error:
        run(synthesized)
    text, _, log = str(error.value).rpartition(" ")
    assert text == (
        "timing: setup slack -2.500 ns in layer mvau_0 (from "
        "$flatten\\u_chip.u_accelerator.u_dwc_mvau_0.$auto$ff.cc:337:slice$4001.Q to "
        "$flatten\\u_chip.u_accelerator.u_mvau_0.$auto$ff.cc:337:slice$4077.D); "
        "ask for a lower --clock-mhz, see"
    )
    assert failed in Path(log).read_text()
    assert not (synthesized / "accelerator.bit").exists()


@pytest.mark.slow
@pytest.mark.parametrize("program", openxc7.PROGRAMS)
def test_a_failure_says_what_the_tool_said(program, synthesized, stand_in):
    (stand_in / f"{program}.log").write_text("Info: so far\nERROR: Failed to route arc 0\n")
    with pytest.raises(LevadaError) as error:
        run(synthesized)
    said = f"{program} ended with exit code 1: ERROR: Failed to route arc 0; all that it said is in "
    assert str(error.value).startswith(said)


@pytest.mark.slow
def test_more_slices_than_can_be_placed(synthesized):
    few = replace(BOARD, device=replace(BOARD.device, dsp=11))
    command = openxc7.plan(replace(in_slices(), board=few)).commands[0]
    with pytest.raises(LevadaError) as error:
        command.check(synthesized)
    assert str(error.value) == (
        "10 DSP slices in 2 chains need 6 tiles of two, as nextpnr-xilinx begins each chain in a tile of its "
        "own, and pynq-z2 has 5; use --lanes lut, a lower --target-fps, or --flow zynq_vivado"
    )
    openxc7.plan(in_slices()).commands[0].check(synthesized)


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("nextpnr-xilinx", "it needs openXC7, and not on PATH: nextpnr-xilinx"),
        ("fasm2frames", "it needs openXC7, and not on PATH: fasm2frames"),
        ("CHIPDB", "CHIPDB is not set; it names the folder with xc7z020clg400.bin"),
        (
            "PRJXRAY_DB_DIR",
            "PRJXRAY_DB_DIR is not set; it names the folder with zynq7/xc7z020clg400-1/part.yaml",
        ),
    ],
)
def test_what_is_missing_is_named(missing, said, stand_in, monkeypatch):
    if missing in openxc7.PROGRAMS:
        (stand_in / "bin" / missing).unlink()
    else:
        monkeypatch.delenv(missing)
    with pytest.raises(ToolMissingError) as error:
        openxc7.version(BOARD.part)
    assert str(error.value) == said


def test_a_database_without_the_part(stand_in):
    with pytest.raises(ToolMissingError) as error:
        openxc7.version("xc7z045ffg900-2")
    chips = stand_in / "CHIPDB"
    assert str(error.value) == f"CHIPDB is {chips}, and there is no xc7z045ffg900.bin in it"


@pytest.mark.parametrize(
    ("said", "release"), [("(Version 0.8.2-44-ga70ae4a)", "0.8.2-44-ga70ae4a"), ("", "of no release")]
)
def test_releases(said, release, stand_in):
    (stand_in / "version").write_text(f'"nextpnr-xilinx" -- Next Generation Place and Route {said}\n')
    assert openxc7.version(BOARD.part) == release


def test_a_log_that_does_not_say_it():
    assert nextpnr.utilization(LOG.replace("SLICE_FFX", "SLICEFF")) is None
    assert nextpnr.slowest_clock(LOG.replace("Max frequency", "Frequency")) is None
    assert openxc7.missed("ERROR: no route\n", Path("log")) is None
    with pytest.raises(LevadaError) as error:
        nextpnr.worst_path(LOG, "other")
    assert str(error.value) == "nextpnr's log: has no critical path of 'other'; its form is another one"


def test_the_last_word_on_each_clock_counts():
    other = "Info: Max frequency for clock      'b': 30.00 MHz (FAIL at 50.00 MHz)\n"
    assert nextpnr.slowest_clock(LOG) == nextpnr.Clock("clk", 125.0, 100.0)
    assert nextpnr.slowest_clock(LOG + other) == nextpnr.Clock("b", 30.0, 50.0)
    assert nextpnr.slowest_clock(other + LOG + other.replace("30", "90")).name == "clk"


def test_blocks_are_called_in_two_ways():
    assert nextpnr.utilization(LOG.replace("_DSP48E1:", ":").replace("_RAMB36E1:", ":")).bram18 == 7


def test_chains_of_slices():
    """Chains by their wires: three in a row, one alone, one that nobody reads."""

    def cell(given, taken):
        return {"type": "DSP48E1", "connections": {"PCIN": [taken] * 48, "PCOUT": [given] * 48}}

    cells = {"a": cell(5, "0"), "b": cell(6, 5), "c": cell(7, 6), "d": cell(8, "0"), "e": {"type": "LUT6"}}
    netlist = Netlist(cells)
    assert (netlist.chains, openxc7.tiles(netlist)) == ((3, 1), 3)
    assert Counter(netlist.types) == {"DSP48E1": 4, "LUT6": 1}
