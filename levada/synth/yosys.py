"""Synthesis with Yosys (the `pyosys` wheel): resource counts and netlists for Xilinx 7-series."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from levada import content
from levada.emit import sv
from levada.errors import LevadaError, ToolMissingError
from levada.graph import Graph, Node
from levada.layer import Resources
from levada.sim import native

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

_PRIMITIVES = "read_verilog -lib +/xilinx/cells_sim.v"
# Instances marked to be mapped once (hls/common/synthesis.svh) stay modules until all is mapped.
_MAP = (
    "synth_xilinx -family xc7 -top {top} -flatten -noiopad -noclkbuf",
    "setattr -mod -unset keep_hierarchy",
    "setattr -unset keep_hierarchy",
    "flatten",
    "opt_clean",
    "check -assert",
)
_COUNT = "tee -q -o stat.json stat -json"


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
    done = native.call([sys.executable, "-m", "levada.synth._yosys_worker", script], cwd=work)
    if done.code != 0:
        said = [line for line in (done.stdout + done.stderr).splitlines() if "ERROR" in line]
        raise LevadaError(f"yosys failed: {said[-1] if said else done.stderr.strip()[-500:]}")


def synthesize(graph: Graph) -> Resources:
    """What the mapped design takes, counted in primitives, from the layers' netlists joined by the top level.

    Layers end in registers, so mapping each by itself costs next to nothing, is done in parallel, and is
    done again only for a layer that changed.
    """
    _, stat = _linked(graph)
    return count(json.loads(stat)["design"]["num_cells_by_type"])


def synthesize_layer(node: Node) -> Resources:
    """What one mapped layer takes. Cached by content."""
    return synthesize_module(node.name, sv.layer_sources(node))


def synthesize_module(name: str, files: Mapping[str, str]) -> Resources:
    """What a module takes, mapped by itself from its files. Cached by content."""
    _, stat = _mapped(name, files)
    return count(json.loads(stat)["design"]["num_cells_by_type"])


def netlist(graph: Graph) -> str:
    """Verilog of the whole design over the vendor's primitives, mapped in one go."""
    return module_netlist(sv.TOP, sv.sources(graph))


def module_netlist(name: str, files: Mapping[str, str]) -> str:
    """Verilog of one module, mapped by itself from its files, over the vendor's primitives."""
    return _mapped(name, files)[0]


def count(cells: Mapping[str, int]) -> Resources:
    """Resources of a netlist given as a number of cells of each type."""

    def total(weights: Mapping[str, int]) -> int:
        return sum(weights.get(cell, 0) * number for cell, number in cells.items())

    known = _LUTS.keys() | _FFS.keys() | _DSPS.keys() | _BRAM18.keys() | _FREE
    unknown = sorted(cell for cell in cells.keys() - known if not cell.startswith("$scopeinfo"))
    if unknown:
        raise LevadaError(f"yosys left cells that are not primitives of the chip: {', '.join(unknown)}")
    return Resources(total(_LUTS), total(_FFS), total(_DSPS), total(_BRAM18))


def _mapped_layer(node: Node) -> tuple[str, str]:
    """Netlist and statistics of one layer, its module called after the node."""
    return _mapped(node.name, sv.layer_sources(node))


def _mapped(name: str, files: Mapping[str, str]) -> tuple[str, str]:
    """Netlist and statistics of the module `name`."""
    commands = [
        _PRIMITIVES,
        f"read_verilog -sv -defer {' '.join(sv.compile_list(files))}",
        f"hierarchy -check -top {name}",
        *(line.format(top=name) for line in _MAP),
    ]
    return _made("mapped", files, commands)


def _linked(graph: Graph) -> tuple[str, str]:
    """Netlist and statistics of the design: the layers' netlists below the top level."""
    # The largest layers first: the end of the longest one is the end of all.
    order = sorted(graph.nodes, key=lambda node: node.layer.macs(), reverse=True)
    with ThreadPoolExecutor(native.JOBS) as pool:
        netlists = dict(zip((node.name for node in order), pool.map(_mapped_layer, order), strict=True))
    files = {f"{node.name}.v": netlists[node.name][0] for node in graph.nodes}
    files[f"{sv.TOP}.sv"] = sv.top_level(graph)
    commands = [
        _PRIMITIVES,
        f"read_verilog -sv {' '.join(files)}",
        f"hierarchy -check -top {sv.TOP}",
        "proc",
        "flatten",
        "opt_clean",
        "check -assert",
    ]
    return _made("whole", files, commands)


def _made(kind: str, files: Mapping[str, str], commands: list[str]) -> tuple[str, str]:
    """Runs commands on files, unless that was done before; gives the netlist and the statistics."""
    flat = [text for pair in sorted(files.items()) for text in pair]
    key = content.digest(version(), *commands, *flat)
    with native.made_once(f"yosys-{kind}", key, "result.json") as (target, work):
        if work is not None:
            for file, text in files.items():
                (work / file).write_text(text)
            run_script([*commands, "write_verilog -noattr netlist.v", _COUNT], work)
            made = [(work / name).read_text() for name in ("netlist.v", "stat.json")]
            (work / "result.json").write_text(json.dumps(made))
    net, stat = json.loads(target.read_text())
    return net, stat
