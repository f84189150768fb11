"""Synthesis with Yosys (the `pyosys` wheel): counts and netlists for Xilinx 7-series and UltraScale+."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import inspect
import json
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path

from levada import content
from levada.emit import sv
from levada.errors import LevadaError, ToolMissingError
from levada.graph import Graph, Node
from levada.layer import Resources
from levada.sim import native
from levada.synth import cells, depth
from levada.synth import plan as plans
from levada.synth.depth import Depth
from levada.synth.plan import Command, CommandFailedError, Plan

# LUTs that a cell takes: distributed RAM and shift registers are LUTs too (UG474, table 2-3; UG574).
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
    "RAM32M16": 8,
    "RAM64M8": 8,
}
_FFS = {"FDRE": 1, "FDSE": 1, "FDCE": 1, "FDPE": 1}
_DSPS = {"DSP48E1": 1, "DSP48E2": 1}
_BRAM18 = {"RAMB18E1": 1, "RAMB36E1": 2, "RAMB18E2": 1, "RAMB36E2": 2}
# Cells that are free or counted with their neighbours.
_FREE = {"CARRY4", "CARRY8", "MUXF7", "MUXF8", "MUXF9", "GND", "VCC", "BUFG"}

# What declares the primitives of each family whose cells are counted.
_PRIMITIVES = {
    "xc7": "read_verilog -lib +/xilinx/cells_sim.v",
    "xcup": "read_verilog -lib +/xilinx/cells_sim.v +/xilinx/cells_xtra.v",
}
# Most modules of one run: each run has some seconds of its own, and an interrupted one is lost.
_TOGETHER = 16
_GROUP = "levada_group"
_SCRIPT = "run.ys"
# Modules to map are kept apart below a top that is thrown away; instances marked to be mapped apart
# (hls/common/synthesis.svh) stay modules until all is mapped.
_MAP = (
    f"hierarchy -check -top {_GROUP}",
    "setattr -mod -set keep_hierarchy 1 {names}",
    f"synth_xilinx -family {{family}} -top {_GROUP} -flatten -noiopad -noclkbuf",
    f"delete {_GROUP}",
    "setattr -mod -unset keep_hierarchy",
    "setattr -unset keep_hierarchy",
    "flatten",
    "opt_clean",
    "check -assert",
)
_MAPPED, _DEPTH = "yosys-mapped", "yosys-depth"

Files = Mapping[str, str]  # texts by name of the file


@cache
def version() -> str:
    """Version of pyosys; ToolMissingError where it is not installed."""
    if importlib.util.find_spec("pyosys") is None:
        raise ToolMissingError("pyosys is missing, and synthesis runs in it; pip install pyosys")
    return importlib.metadata.version("pyosys")


def plan(files: Files, lines: Sequence[str], writes: Sequence[str] = ()) -> Plan:
    """A run of Yosys commands on files, which leaves `writes` behind."""
    command = Command(
        arguments=(sys.executable, "-m", "levada.synth._yosys_worker", _SCRIPT),
        reads=(*files, _SCRIPT),
        writes=tuple(writes),
        log="yosys.log",
    )
    return Plan("synthesis by Yosys", {**files, _SCRIPT: "\n".join([*lines, ""])}, (command,))


def run(plan: Plan, folder: Path) -> None:
    """Runs a plan of Yosys commands in a folder; LevadaError with its last words if one fails."""
    plans.write(plan, folder)
    try:
        plans.run(plan, folder, version(), keep=False)
    except CommandFailedError as error:
        raise LevadaError(f"yosys failed: {error.reason}; all that it said is in {error.log}") from error


def synthesize(graph: Graph, family: str = "xc7") -> Resources:
    """What the mapped design takes, counted in primitives, from the layers' netlists joined by the top level.

    Layers end in registers, so mapping each by itself costs next to nothing, is done in parallel, and is
    done again only for a layer that changed.
    """
    return _counted(_linked(graph, family))


def synthesize_layers(nodes: Sequence[Node], family: str = "xc7") -> dict[str, Resources]:
    """What each layer takes, mapped by itself, by the node's name. Cached by content."""
    return synthesize_modules({node.name: sv.layer_sources(node) for node in _largest_first(nodes)}, family)


def synthesize_modules(designs: Mapping[str, Files], family: str = "xc7") -> dict[str, Resources]:
    """What each module takes, mapped by itself from its files, by its name. Cached by content."""
    return {name: _counted(made) for name, made in _mapped(designs, family).items()}


def depths(nodes: Sequence[Node], family: str = "xc7") -> dict[str, Depth]:
    """The longest path and the widest net of each layer, mapped by itself, by the node's name. Cached."""
    return module_depths({node.name: sv.layer_sources(node) for node in _largest_first(nodes)}, family)


def module_depths(designs: Mapping[str, Files], family: str = "xc7") -> dict[str, Depth]:
    """The same of each module, mapped by itself from its files, by its name."""
    made = _mapped(designs, family)
    how = content.digest(family, *(inspect.getsource(module) for module in (cells, depth)))
    kept = {name: _cached(_DEPTH, content.digest(one.netlist, how)) for name, one in made.items()}
    missing = [name for name, path in kept.items() if not path.exists()]
    groups = [missing[first :: native.JOBS] for first in range(min(native.JOBS, len(missing)))]
    netlists = [{name: made[name].netlist for name in group} for group in groups]
    if groups:
        native.side_by_side([partial(_walk_group, group, kept, family) for group in netlists], native.JOBS)
    return {name: Depth(**json.loads(path.read_text())) for name, path in kept.items()}


def _walk_group(netlists: Mapping[str, str], kept: Mapping[str, Path], family: str) -> None:
    """Walks along the paths of netlists, by the names of their modules, and keeps what is found."""
    files = {f"{name}.v": text for name, text in netlists.items()}
    commands = [_PRIMITIVES[family], f"read_verilog {' '.join(files)}"]
    for name in netlists:
        commands += [f"select -module {name}", f"write_json -selected {name}.json", "select -clear"]
    with tempfile.TemporaryDirectory(prefix="levada.") as folder:
        work = Path(folder) / "plan"
        run(plan(files, commands, [f"{name}.json" for name in netlists]), work)
        for name in netlists:
            module = json.loads((work / f"{name}.json").read_text())["modules"][name]
            content.write_whole(kept[name], json.dumps(asdict(depth.depth(module))))


def netlist(graph: Graph) -> str:
    """Verilog of the whole design over the vendor's primitives, mapped in one go."""
    return module_netlists({sv.TOP: sv.sources(graph)})[sv.TOP]


def module_netlists(designs: Mapping[str, Files], family: str = "xc7") -> dict[str, str]:
    """Verilog over the vendor's primitives of each module, mapped by itself from its files, by its name."""
    return {name: made.netlist for name, made in _mapped(designs, family).items()}


def count(cells: Mapping[str, int]) -> Resources:
    """Resources of a netlist given as a number of cells of each type."""

    def total(weights: Mapping[str, int]) -> int:
        return sum(weights.get(cell, 0) * number for cell, number in cells.items())

    known = _LUTS.keys() | _FFS.keys() | _DSPS.keys() | _BRAM18.keys() | _FREE
    unknown = sorted(cell for cell in cells.keys() - known if not cell.startswith("$scopeinfo"))
    if unknown:
        raise LevadaError(f"yosys left cells that are not primitives of the chip: {', '.join(unknown)}")
    return Resources(total(_LUTS), total(_FFS), total(_DSPS), total(_BRAM18))


@dataclass(frozen=True)
class _Made:
    """What Yosys made of a module: Verilog over primitives, and how many cells it has of each type."""

    netlist: str
    cells: Mapping[str, int]


def _counted(made: _Made) -> Resources:
    return count(made.cells)


def _largest_first(nodes: Iterable[Node]) -> list[Node]:
    """An order in which the end of the longest run is the end of all."""
    return sorted(nodes, key=lambda node: node.layer.macs(), reverse=True)


def _mapped(designs: Mapping[str, Files], family: str) -> dict[str, _Made]:
    """Modules by name, each mapped by itself; those not known from before in parallel, several in a run.

    LevadaError for a family whose primitives are not counted.
    """
    if family not in _PRIMITIVES:
        known = ", ".join(_PRIMITIVES)
        raise LevadaError(f"family {family!r}: cells of this family are not counted; use one of {known}")
    keys = {name: _key(files, *_MAP, family) for name, files in designs.items()}
    missing = [name for name in designs if not _cached(_MAPPED, keys[name]).exists()]
    runs = max(-(-len(missing) // _TOGETHER), min(native.JOBS, len(missing)))
    groups = [{name: designs[name] for name in missing[first::runs]} for first in range(runs)]
    if groups:
        native.side_by_side([partial(_map_group, group, keys, family) for group in groups], native.JOBS)
    return {name: _read(_cached(_MAPPED, key)) for name, key in keys.items()}


def _map_group(designs: Mapping[str, Files], keys: Mapping[str, str], family: str) -> None:
    """Maps modules in one run, and puts each into the cache."""
    files = {file: text for own in designs.values() for file, text in own.items()}
    assert all(files[file] == text for own in designs.values() for file, text in own.items())
    instances = "\n".join(f"  (* keep *) {name} u_{name} ();" for name in designs)
    commands = [
        _PRIMITIVES[family],
        f"read_verilog -sv -defer {' '.join(sv.compile_list(files))} {_GROUP}.sv",
        *(line.format(names=" ".join(designs), family=family) for line in _MAP),
    ]
    group = {f"{_GROUP}.sv": f"module {_GROUP};\n{instances}\nendmodule\n"}
    for name, made in _run(files | group, commands, list(designs)).items():
        _write(_cached(_MAPPED, keys[name]), made)


def _linked(graph: Graph, family: str) -> _Made:
    """The design: the layers' netlists below the top level."""
    layers = _mapped({node.name: sv.layer_sources(node) for node in _largest_first(graph.nodes)}, family)
    files = {f"{node.name}.v": layers[node.name].netlist for node in graph.nodes}
    files[f"{sv.TOP}.sv"] = sv.top_level(graph)
    commands = [
        _PRIMITIVES[family],
        f"read_verilog -sv {' '.join(files)}",
        f"hierarchy -check -top {sv.TOP}",
        "proc",
        "flatten",
        "opt_clean",
        "check -assert",
    ]
    target = _cached("yosys-linked", _key(files, *commands))
    if not target.exists():
        _write(target, _run(files, commands, [sv.TOP])[sv.TOP])
    return _read(target)


def _key(files: Files, *commands: str) -> str:
    return content.digest(version(), *commands, *(text for pair in sorted(files.items()) for text in pair))


def _cached(kind: str, key: str) -> Path:
    return content.cache_dir(kind) / f"{key}.json"


def _write(target: Path, made: _Made) -> None:
    content.write_whole(target, json.dumps([made.netlist, made.cells]))


def _read(target: Path) -> _Made:
    return _Made(*json.loads(target.read_text()))


def _run(files: Files, commands: Sequence[str], modules: Sequence[str]) -> dict[str, _Made]:
    """Runs commands on files in a folder of their own; gives what became of some modules."""
    ends, writes = [], [f"{name}.{kind}" for name in modules for kind in ("net", "json")]
    for name in modules:
        ends += [f"select -module {name}", f"write_verilog -noattr -selected {name}.net"]
        ends += [f"tee -q -o {name}.json stat -json", "select -clear"]
    with tempfile.TemporaryDirectory(prefix="levada.") as folder:
        work = Path(folder) / "plan"
        run(plan(files, [*commands, *ends], writes), work)
        return {name: _found(name, work) for name in modules}


def _found(name: str, work: Path) -> _Made:
    stat = json.loads((work / f"{name}.json").read_text())["modules"][f"\\{name}"]
    return _Made((work / f"{name}.net").read_text(), stat["num_cells_by_type"])
