"""What joins a chip to a processor: the whole goes through synthesis, the clock is one that there is."""

from __future__ import annotations

import json
import os
import re
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pyosys
import pytest

from levada import boards
from levada.emit import chip, shell, sv
from levada.sim.rtlsim import verilator_root
from levada.synth import families, yosys
from tests.unit import packages

BOARD = boards.load("pynq-z2")
# A board with each shell, and the vendor's primitives that the shell instantiates.
SHELLS = {"pynq-z2": {"PS7", "BUFG"}, "kv260": {"PS8", "BUFG_PS"}, "ulx3s-85f": {"EHXPLLL"}}
# Where Yosys declares them.
DECLARED = dict.fromkeys(("xc7", "xcup"), ("xilinx/cells_sim.v", "xilinx/cells_xtra.v"))
DECLARED["ecp5"] = ("ecp5/cells_sim.v", "ecp5/cells_bb.v")


def design(board, ports):
    graph = packages.wide()
    return chip.sources(graph, ports) | shell.sources(graph, boards.load(board), ports, 100)


def run_yosys(board, commands, work):
    """Reads the shell of a board with all below it, and runs the commands in the new folder `work`."""
    files = design(board, (2, 1))
    declared = DECLARED[boards.load(board).device.family]
    plan = yosys.plan(
        files,
        [
            f"read_verilog -lib {' '.join(f'+/{name}' for name in declared)}",
            f"read_verilog -sv -defer {' '.join(sv.compile_list(files))}",
            *commands,
        ],
    )
    yosys.run(plan, work)


def primitives(board):
    """The modules of the vendor in a shell, as Yosys declares them."""
    folder, names = Path(pyosys.__file__).parent / "share", SHELLS[board]
    text = "".join((folder / name).read_text() for name in DECLARED[boards.load(board).device.family])
    found = [re.search(rf"^module {name}\b.*?^endmodule", text, re.MULTILINE | re.DOTALL) for name in names]
    return "\n".join(match.group(0) for match in found) + "\n"


def test_every_shell_is_tested():
    kinds = {boards.load(board).shell.kind for board in SHELLS}
    assert kinds == {boards.load(name).shell.kind for name in boards.names()}


@pytest.mark.parametrize("ports", [(1, 1), (2, 1), (1, 2), (4, 4)])
@pytest.mark.parametrize("board", SHELLS)
def test_the_parts_fit_together(board, ports, tmp_path):
    """No port has another name or width than what it is joined to."""
    files = design(board, ports)
    for name, text in (files | {"primitives.v": primitives(board)}).items():
        (tmp_path / name).write_text(text)
    root = verilator_root()
    command = [root / "bin" / "verilator_bin", "--lint-only", "-Wall", "-Wno-fatal", "--top-module", "shell"]
    done = subprocess.run(
        [*command, "primitives.v", *sv.compile_list(files)],
        cwd=tmp_path,
        env=os.environ | {"VERILATOR_ROOT": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("%") and "shell.sv" in line]
    # Of the processing system most is not used.
    assert [
        line for line in said if not re.match("%Warning-(PINMISSING|UNUSEDSIGNAL|DECLFILENAME)", line)
    ] == []


@pytest.mark.parametrize("board", SHELLS)
def test_the_whole_is_mapped_to_primitives(board, tmp_path):
    family = boards.load(board).device.family
    mapped = families.of(family).synthesis.format(family=family, top="shell")
    apart = ["setattr -mod -unset keep_hierarchy", "setattr -unset keep_hierarchy", "flatten", "opt_clean"]
    ends = ["check -assert", "tee -q -o cells.json stat -json"]
    run_yosys(board, [mapped, *apart, *ends], tmp_path / "plan")
    cells = json.loads((tmp_path / "plan" / "cells.json").read_text())["design"]["num_cells_by_type"]
    assert {cells[primitive] for primitive in SHELLS[board]} == {1}
    counted = {cell: number for cell, number in cells.items() if cell not in SHELLS[board]}
    assert families.of(family).count(counted).lut > 1000


@pytest.mark.parametrize(
    ("asked", "divisors", "given"),
    [(100, (10, 1), 100), (150, (7, 1), 1000 / 7), (62.5, (16, 1), 62.5), (99.99, (11, 1), 1000 / 11)],
)
def test_the_clock_is_one_that_the_board_makes(asked, divisors, given):
    assert BOARD.shell.divisors(asked) == divisors
    assert BOARD.shell.actual_mhz(asked) == pytest.approx(given)


def test_a_clock_that_is_too_slow_is_the_slowest():
    assert BOARD.shell.actual_mhz(0.01) == pytest.approx(1000 / 63 / 63)


def test_constraints_state_the_clock():
    files = shell.sources(packages.wide(), BOARD, (1, 1), 150)
    assert "-period 7.000 " in files["shell.xdc"]


@pytest.mark.parametrize(
    ("board", "device", "first"),
    [
        (
            "pynq-z2",
            {"ARCH": "zynq", "DEVICE": "7z020", "PACKAGE": "clg400", "SPEEDGRADE": "-1"},
            "0x43C00000",
        ),
        (
            "kv260",
            {"ARCH": "zynquplus", "DEVICE": "xck26", "PACKAGE": "sfvc784", "SPEEDGRADE": "-2LV"},
            "0xA0000000",
        ),
        (
            "ultra96-v2",
            {"ARCH": "zynquplus", "DEVICE": "xczu3eg", "PACKAGE": "sbva484", "SPEEDGRADE": "-1"},
            "0xA0000000",
        ),
    ],
)
def test_the_hardware_file_says_what_the_chip_is_and_where_its_registers_are(board, device, first):
    text = shell.hardware_file(packages.wide(), boards.load(board), 100)["accelerator.hwh"]
    root = ET.fromstring(text.split("?>", 1)[1])
    assert device.items() <= root.find("SYSTEMINFO").attrib.items()
    (found,) = root.findall(".//MEMRANGE")
    last = f"0x{int(first, 16) + 0xFFF:08X}"
    assert (found.attrib["BASEVALUE"], found.attrib["HIGHVALUE"]) == (first, last)


def test_a_board_without_a_shell_gets_none():
    bare = replace(BOARD, shell=None)
    assert shell.sources(packages.wide(), bare, (1, 1), 100) == {}
    assert shell.hardware_file(packages.wide(), bare, 100) == {}
