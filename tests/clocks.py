"""How fast single layers are when placed and routed: `python -m tests.clocks [MODEL...]`.

Layers of networks, folded for their own rates, are mapped for an ECP5 (LFE5U-85F, speed grade 6), each alone
with a register at each port, and placed and routed by nextpnr; chips of AMD need their own tools for that. Of
each kind the deepest layer of a network is taken, one with block RAM and one without, and of serial window
units two, as slow and as fast clocks have them. Placement is random: the rate is the median of some seeds,
and the path is that of the median.
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import levada.layers  # noqa: F401 - fills the registry
from levada import partition
from levada.cost import sampling
from levada.emit import sv
from levada.pipelining import SLOW, Pipelining
from levada.report.text import shortened
from levada.synth import ecp5, families, yosys
from levada.synth import plan as plans
from levada.synth.plan import Command, Plan
from tests.results import between_marks

ROOT = Path(__file__).resolve().parent.parent
FILE, PAGE = ROOT / "docs" / "clocks.json", ROOT / "docs" / "timing.md"
KINDS, AHEAD = "kinds: python -m tests.clocks", "ahead: python -m tests.clocks"
MODELS = ("cnv-w1a1", "resnet8-w4a4")
FAMILY, TOP = "ecp5", "registered"
# Layers that nextpnr places in some seconds, by estimate, and the clock that it works for.
MOST_LUTS, TARGET_MHZ = 1500, 250
SEEDS = (1, 2, 3)
# Window units of a network, with and without block RAM, that are placed in both ways.
PAIRS = 2
# Letters of a cell's name in a table.
LONGEST = 40


@dataclass(frozen=True)
class Clock:
    """How fast the clock of a layer may be, and what its slowest path takes.

    `start` and `end` are cells of the path, the delays nanoseconds: of the register or memory that it begins
    with, of cells, of routes; `levels` are the LUTs on the longest path of the layer on a 7-series chip.
    """

    model: str
    layer: str
    kind: str
    memory: str
    ahead: bool
    mhz: float
    start: str
    end: str
    register: float
    logic: float
    route: float
    levels: int


def wrapped(node):
    """The sources of a layer with a register before each input and behind each output."""
    ports, registers, joined = [], [], []
    for prefix, streams in (("s_axis", node.streams[0]), ("m_axis", node.streams[1])):
        for index, stream in enumerate(streams):
            for signal, bits in (("tdata", stream.bits), ("tvalid", 1), ("tready", 1)):
                into = (prefix == "s_axis") != (signal == "tready")
                name, width = f"{prefix}{index or ''}_{signal}", f"[{bits - 1}:0]"
                ports.append(f"{'input' if into else 'output'} logic {width} {name}")
                to, source = (f"{name}_own", name) if into else (name, f"{name}_own")
                registers += [
                    f"logic {width} {name}_own;",
                    f"always_ff @(posedge clk) {to} <= {source};",
                ]
                joined.append(f".{name}({name}_own)")
    lines = [
        f"module {TOP} (input logic clk, rst_n, {', '.join(ports)});",
        "logic rst_own;",
        "always_ff @(posedge clk) rst_own <= rst_n;",
        *registers,
        f"{node.name} u_own (.clk, .rst_n(rst_own), {', '.join(joined)});",
        "endmodule\n",
    ]
    return {**sv.layer_sources(node), f"{TOP}.sv": "\n".join(lines)}


def plan(files, seed):
    """Maps, places and routes the module `registered` of some files."""
    family = families.of(FAMILY)
    script = [
        family.primitives,
        f"read_verilog -sv -defer {' '.join(sv.compile_list(files))}",
        family.synthesis.format(family=FAMILY, top=TOP),
        "write_json mapped.json",
    ]
    chip = ("--85k", "--package", "CABGA381", "--speed", "6", "--lpf-allow-unconstrained")
    alone = ("--out-of-context", "--freq", str(TARGET_MHZ), "--timing-allow-fail", "--seed", str(seed))
    place = ("nextpnr-ecp5", *chip, *alone, "--json", "mapped.json", "--report", "report.json")
    commands = (
        Command(("yosys", "-s", "run.ys"), (*files, "run.ys"), ("mapped.json",), "yosys.log"),
        Command(place, ("mapped.json",), ("report.json",), "nextpnr.log"),
    )
    return Plan("the clock of a layer", {**files, "run.ys": "\n".join([*script, ""])}, commands)


def placed(files, seed):
    """nextpnr's report on the module `registered` of some files."""
    made = plan(files, seed)
    with tempfile.TemporaryDirectory(prefix="levada.") as folder:
        work = Path(folder) / "plan"
        plans.write(made, work)
        plans.run(made, work, f"{yosys.version()} {ecp5.version()}", programs=ecp5.PROGRAMS)
        return json.loads((work / "report.json").read_text())


def mhz(report):
    """The clock's rate."""
    (found,) = report["fmax"].values()
    return found["achieved"]


def name(cell):
    """A cell's name, without what it stands in and what Yosys adds."""
    return cell.removeprefix("u_own.u_layer.").split("_TRELLIS_FF")[0].split("$")[0]


def clock(model, node, levels):
    """What is measured of a layer."""
    files = wrapped(replace(node, layer=replace(node.layer, family=FAMILY)))
    reports = sorted((placed(files, seed) for seed in SEEDS), key=mhz)
    report = reports[len(reports) // 2]
    paths = (path for path in report["critical_paths"] if path["from"] == path["to"])
    steps = max(paths, key=lambda path: sum(step["delay"] for step in path["path"]))["path"]
    delays = Counter()
    for step in steps:
        delays[step["type"]] += step["delay"]
    return Clock(
        model=model,
        layer=node.name,
        kind=node.layer.kind,
        memory=node.folding.memory,
        ahead=node.layer.pipelining.ahead,
        mhz=round(mhz(report), 1),
        start=name(steps[0]["from"]["cell"]),
        end=name(steps[-1]["to"]["cell"]),
        register=round(delays["clk-to-q"] + delays["setup"], 2),
        logic=round(delays["logic"], 2),
        route=round(delays["routing"], 2),
        levels=levels,
    )


def chosen(model):
    """The layers of a network that are placed, with the LUTs on their longest paths."""
    graph, fps = sampling.lowered(model)
    board = sampling.board()
    nodes = partition.fold(graph, board.usable, board.clock_mhz, fps).connected.nodes
    small = [n for n in nodes if n.layer.resources(n.folding, board.usable).lut <= MOST_LUTS]
    fast = [faster(node) for node in small]
    depths, fast_depths = yosys.depths(small), yosys.depths(fast)
    alike = {}
    for node, ahead in zip(small, fast, strict=True):
        pair = (node, depths[node.name].lut), (ahead, fast_depths[node.name].lut)
        alike.setdefault((node.layer.kind, node.folding.memory == "block"), []).append(pair)
    for pairs in alike.values():
        pairs.sort(key=lambda pair: -pair[0][1])
        differ = [pair for pair in pairs if sv.layer_sources(pair[0][0]) != sv.layer_sources(pair[1][0])]
        yield from itertools.chain(*differ[:PAIRS]) if differ else [pairs[0][0]]


def faster(node):
    """The same layer as fast clocks have it."""
    return replace(node, layer=replace(node.layer, pipelining=Pipelining(ahead=True)))


def kind_rows(clocks):
    """The slowest layer of each kind and memory, as slow clocks have it."""
    slowest = {}
    for found in sorted((c for c in clocks if c.ahead == SLOW.ahead), key=lambda c: -c.mhz):
        slowest[found.kind, found.memory == "block"] = found
    yield from ("| slowest layer | of | memory | MHz | register | logic | routes | path |", "|---" * 8 + "|")
    for found in sorted(slowest.values(), key=lambda c: c.mhz):
        delays = f"{found.register:.2f} | {found.logic:.2f} | {found.route:.2f}"
        start, end = (shortened(cell, LONGEST) for cell in (found.start, found.end))
        path = f"`{start}` to `{end}`"
        own = f"`{found.layer}` | `{found.model}` | {found.memory}"
        yield f"| {own} | {found.mhz:.1f} | {delays} | {path} |"


def ahead_rows(clocks):
    """The window units as slow and as fast clocks have them."""
    fast = {(c.model, c.layer): c for c in clocks if c.ahead}
    yield from ("| unit | of | MHz | LUTs in a row | ahead: MHz | LUTs in a row |", "|---" * 6 + "|")
    for slow in clocks:
        found = fast.get((slow.model, slow.layer))
        if found is not None and not slow.ahead:
            yield (
                f"| `{slow.layer}` | `{slow.model}` | {slow.mhz:.1f} | {slow.levels} "
                f"| {found.mhz:.1f} | {found.levels} |"
            )


def main(wanted):
    """Measures networks, all or the named ones anew, and writes the tables."""
    kept = [Clock(**row) for row in json.loads(FILE.read_text())] if FILE.is_file() else []
    for model in wanted or MODELS:
        kept = [found for found in kept if found.model != model]
        for node, levels in chosen(model):
            kept.append(clock(model, node, levels))
            print(kept[-1], flush=True)  # noqa: T201 - what it is for
    kept.sort(key=lambda found: MODELS.index(found.model))
    FILE.write_text(json.dumps([asdict(found) for found in kept], indent=1) + "\n")
    PAGE.write_text(between_marks(PAGE.read_text(), {KINDS: kind_rows(kept), AHEAD: ahead_rows(kept)}))


if __name__ == "__main__":
    main(sys.argv[1:])
