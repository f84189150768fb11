"""Synthesis with Yosys (the `pyosys` wheel): resource counts and netlists for Xilinx 7-series."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from levada import content
from levada.emit import sv
from levada.errors import LevadaError, ToolMissingError
from levada.graph import Graph
from levada.layer import Resources
from levada.sim import native
from levada.sim.single import single

# LUTs that a cell takes: distributed RAM and shift registers are LUTs too (UG474, table 2-3).
_LUTS = {
    **{f"LUT{n}": 1 for n in range(1, 7)},
    "INV": 1,
    "SRL16E": 1,
    "SRLC32E": 1,
    "RAM32X1D": 2,
    "RAM32X1S": 1,
    "RAM64X1D": 2,
    "RAM64X1S": 1,
    "RAM128X1D": 4,
    "RAM128X1S": 2,
    "RAM256X1S": 4,
    "RAM32M": 4,
    "RAM64M": 4,
}
_FFS = {"FDRE": 1, "FDSE": 1, "FDCE": 1, "FDPE": 1}
_DSPS = {"DSP48E1": 1}
_BRAM18 = {"RAMB18E1": 1, "RAMB36E1": 2}
# Cells that are free or counted with their neighbours.
_FREE = {"CARRY4", "MUXF7", "MUXF8", "GND", "VCC", "BUFG"}

_SYNTH = "synth_xilinx -family xc7 -top {top} -flatten -noiopad -noclkbuf"


@cache
def version() -> str:
    """Version of pyosys; ToolMissingError where it is not installed."""
    if importlib.util.find_spec("pyosys") is None:
        raise ToolMissingError("pyosys is missing, and synthesis runs in it; pip install pyosys")
    return importlib.metadata.version("pyosys")


def run_script(lines: list[str], work: Path) -> None:
    """Runs Yosys commands in a folder; LevadaError with its last words if one fails."""
    script = work / "run.ys"
    script.write_text("\n".join([*lines, ""]))
    process = subprocess.run(
        [sys.executable, "-m", "levada.synth._yosys_worker", str(script)],
        cwd=work,
        capture_output=True,
        text=True,
        check=False,
    )
    (work / "yosys.log").write_text(process.stdout + process.stderr)
    if process.returncode != 0:
        said = [line for line in (process.stdout + process.stderr).splitlines() if "ERROR" in line]
        raise LevadaError(f"yosys failed: {said[-1] if said else process.stderr.strip()[-500:]}")


def read_commands(files: Mapping[str, str]) -> list[str]:
    """Commands that read a design's modules, packages first."""
    modules = [name for name in files if name.endswith(".sv") and name != f"{sv.TOP}.sv"]
    return [f"read_verilog -sv -defer {' '.join([*modules, f'{sv.TOP}.sv'])}"]


def netlist(graph: Graph) -> str:
    """Verilog of the mapped and flattened design over the vendor's primitives, from the cache if known."""
    return _made(graph, "netlist.v").read_text()


def synthesize(graph: Graph) -> Resources:
    """What the mapped design takes, counted in primitives. Cached by content."""
    stat = json.loads(_made(graph, "stat.json").read_text())
    return count(stat["design"]["num_cells_by_type"])


def synthesize_layers(graph: Graph) -> dict[str, Resources]:
    """What each node takes when synthesized alone, by name; nodes with equal sources are done once."""
    return {node.name: synthesize(single(node.layer, node.folding)) for node in graph.nodes}


def count(cells: Mapping[str, int]) -> Resources:
    """Resources of a netlist given as a number of cells of each type."""

    def total(weights: Mapping[str, int]) -> int:
        return sum(weights.get(cell, 0) * number for cell, number in cells.items())

    known = _LUTS.keys() | _FFS.keys() | _DSPS.keys() | _BRAM18.keys() | _FREE
    unknown = sorted(cell for cell in cells.keys() - known if not cell.startswith("$scopeinfo"))
    if unknown:
        raise LevadaError(f"yosys left cells that are not primitives of the chip: {', '.join(unknown)}")
    return Resources(total(_LUTS), total(_FFS), total(_DSPS), total(_BRAM18))


def _made(graph: Graph, name: str) -> Path:
    files = sv.sources(graph)
    flat = [text for pair in sorted(files.items()) for text in pair]
    key = content.digest(version(), _SYNTH, *flat)
    with native.made_once("yosys", key, name) as (target, work):
        if work is not None:
            for file, text in files.items():
                (work / file).write_text(text)
            finish = {"stat.json": "tee -q -o stat.json stat -json", "netlist.v": "write_verilog -noattr netlist.v"}
            run_script(
                [
                    *read_commands(files),
                    f"hierarchy -check -top {sv.TOP}",
                    _SYNTH.format(top=sv.TOP),
                    "check -assert",
                    *finish.values(),
                ],
                work,
            )
            for other in finish.keys() - {name}:
                (work / other).replace(target.with_name(other))
    return target
