"""Synthesis with Yosys (the `pyosys` wheel): counts and netlists."""

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
from levada.synth import cells, depth, families
from levada.synth import plan as plans
from levada.synth.depth import Depth
from levada.synth.plan import Command, CommandFailedError, Plan

# Most modules of one run: each run has some seconds of its own, and an interrupted one is lost.
_TOGETHER = 16
_GROUP = "levada_group"
_SCRIPT, _PROGRAM = "yosys.ys", "yosys"
#: Yosys as a plan calls it, and as the wheel has it.
PROGRAMS = {_PROGRAM: (sys.executable, "-m", "levada.synth._yosys_worker")}
# Modules to map are kept apart below a top that is thrown away; instances marked to be mapped apart
# (hls/common/synthesis.svh) stay modules until all is mapped.
_MAP = (
    f"hierarchy -check -top {_GROUP}",
    "setattr -mod -set keep_hierarchy 1 {names}",
    "{synthesis}",
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
    script = {_SCRIPT: "\n".join([*lines, ""])}
    return Plan("synthesis by Yosys", {**files, **script}, (command(_SCRIPT, tuple(files), writes),))


def command(script: str, reads: Sequence[str], writes: Sequence[str]) -> Command:
    """A run of a script that reads these files and leaves `writes` behind."""
    log = Path(script).with_suffix(".log").name
    return Command((_PROGRAM, "-s", script), (script, *reads), tuple(writes), log)


def run(plan: Plan, folder: Path) -> None:
    """Runs a plan of Yosys commands in a folder; LevadaError with its last words if one fails."""
    plans.write(plan, folder)
    try:
        plans.run(plan, folder, version(), keep=False, programs=PROGRAMS)
    except CommandFailedError as error:
        raise LevadaError(f"yosys failed: {error.reason}; all that it said is in {error.log}") from error


def synthesize(graph: Graph, family: str = "xc7") -> Resources:
    """What the mapped design takes, counted in primitives, from the layers' netlists joined by the top level.

    Layers end in registers, so mapping each by itself costs next to nothing, is done in parallel, and is
    done again only for a layer that changed.
    """
    return families.of(family).count(_linked(graph, family).cells)


def synthesize_layers(nodes: Sequence[Node], family: str = "xc7") -> dict[str, Resources]:
    """What each layer takes, mapped by itself, by the node's name. Cached by content."""
    return synthesize_modules({node.name: sv.layer_sources(node) for node in _largest_first(nodes)}, family)


def synthesize_modules(designs: Mapping[str, Files], family: str = "xc7") -> dict[str, Resources]:
    """What each module takes, mapped by itself from its files, by its name. Cached by content."""
    return {name: families.of(family).count(made.cells) for name, made in _mapped(designs, family).items()}


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
    commands = [families.of(family).primitives, f"read_verilog {' '.join(files)}"]
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


@dataclass(frozen=True)
class _Made:
    """What Yosys made of a module: Verilog over primitives, and how many cells it has of each type."""

    netlist: str
    cells: Mapping[str, int]


def _largest_first(nodes: Iterable[Node]) -> list[Node]:
    """An order in which the end of the longest run is the end of all."""
    return sorted(nodes, key=lambda node: node.layer.macs(), reverse=True)


def _mapped(designs: Mapping[str, Files], family: str) -> dict[str, _Made]:
    """Modules by name, each mapped by itself; those not known from before in parallel, several in a run.

    LevadaError for a family whose primitives are not counted.
    """
    lines = _map_commands(family)
    keys = {name: _key(files, *lines, family) for name, files in designs.items()}
    missing = [name for name in designs if not _cached(_MAPPED, keys[name]).exists()]
    runs = max(-(-len(missing) // _TOGETHER), min(native.JOBS, len(missing)))
    groups = [{name: designs[name] for name in missing[first::runs]} for first in range(runs)]
    if groups:
        native.side_by_side([partial(_map_group, group, keys, family) for group in groups], native.JOBS)
    return {name: _read(_cached(_MAPPED, key)) for name, key in keys.items()}


def _map_commands(family: str) -> list[str]:
    """The commands, with {names} and {family} left open."""
    synthesis = families.of(family).synthesis.replace("{top}", _GROUP)
    return [line.replace("{synthesis}", synthesis) for line in _MAP]


def _map_group(designs: Mapping[str, Files], keys: Mapping[str, str], family: str) -> None:
    """Maps modules in one run, and puts each into the cache."""
    files = {file: text for own in designs.values() for file, text in own.items()}
    assert all(files[file] == text for own in designs.values() for file, text in own.items())
    instances = "\n".join(f"  (* keep *) {name} u_{name} ();" for name in designs)
    commands = [
        families.of(family).primitives,
        f"read_verilog -sv -defer {' '.join(sv.compile_list(files))} {_GROUP}.sv",
        *(line.format(names=" ".join(designs), family=family) for line in _map_commands(family)),
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
        families.of(family).primitives,
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
