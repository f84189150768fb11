"""Bitstreams with Vivado, in batch mode and without a project: the plan, and what comes of it.

No Vivado has run this: the plan is checked by a Tcl interpreter, the reader of its reports on texts of their
documented form.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from levada.emit import chip, shell, sv
from levada.emit import vivado as tcl
from levada.errors import LevadaError, ToolMissingError
from levada.graph import Node
from levada.sim import native
from levada.synth import plan as plans
from levada.synth import vivado_reports as reports
from levada.synth.backend import BackEnd, Design, Outcome, too_slow
from levada.synth.plan import Command, CommandFailedError, Plan

_PROGRAM = "vivado"
#: The first release that will do, and the first that will not.
_RELEASES = ("2022.2", "2026.1")
RELEASES = "2022.2 to 2025.x"
# Where layers are below the top.
_ACCELERATOR = f"u_{chip.TOP}/u_{sv.TOP}"


def plan(design: Design) -> Plan:
    """From the sources of a design to its bitstream."""
    graph, board, sources = design.graph, design.board, design.sources
    job = tcl.Job(graph.name, board.part, design.actual_mhz, _RELEASES)
    alone = [node for node in graph.nodes if node.layer.macs()] if design.apart else []
    files = {f"{tcl.SOURCES}/{name}": text for name, text in sources.items()}
    files |= shell.hardware_file(graph, board, design.clock_mhz)
    if alone:
        files[f"{tcl.SOURCES}/{tcl.LAYER_CLOCK}"] = tcl.layer_clock(job)
    commands = []
    for node in alone:
        own, command = _layer(job, node)
        files |= own
        commands.append(command)
    own, command = _whole(job, sources, alone)
    purpose = f"the bitstream of {graph.name} for {board.name}, by Vivado"
    return Plan(purpose, files | own, (*commands, command))


def version() -> str:
    """The release of the Vivado on the path; ToolMissingError where there is none that will do."""
    if shutil.which(_PROGRAM) is None:
        raise ToolMissingError(f"it needs Vivado {RELEASES} (or openXC7), and {_PROGRAM} is not on PATH")
    said = native.run([_PROGRAM, "-version"])
    found = re.search(r"vivado v(\d{4})\.(\d+)", said, re.IGNORECASE)
    release = (int(found[1]), int(found[2])) if found else (0, 0)
    first, last = (tuple(map(int, release.split("."))) for release in _RELEASES)
    if not first <= release < last:
        raise ToolMissingError(
            f"it needs Vivado {RELEASES}, and {_PROGRAM} on PATH is {found[0] if found else 'of no release'}"
        )
    return ".".join(map(str, release))


def run(plan: Plan, folder: Path, design: Design) -> Outcome:
    """Runs a plan in its folder, which then holds the bitstream."""
    release = version()
    try:
        plans.run(plan, folder, release)
    except CommandFailedError as error:
        raise missed(error.log.read_text(errors="replace"), error.log) or error from error
    slack = reports.slack((folder / tcl.TIMING).read_text())
    for kind, value in vars(slack).items():  # the script has looked at all but pulses
        if value < 0:
            raise LevadaError(f"timing: {kind} slack {value:g} ns; ask for a lower --clock-mhz")
    return Outcome(
        f"Vivado {release}",
        reports.utilization((folder / tcl.UTILIZATION).read_text()),
        reports.layers((folder / tcl.HIERARCHY).read_text(), [node.name for node in design.graph.nodes]),
        1000 / (1000 / design.actual_mhz - slack.setup),
        slack=slack,
        power=reports.power((folder / tcl.POWER).read_text()),
    )


def missed(said: str, log: Path) -> LevadaError | None:
    """The error of a design that misses its clock, by what the script said; None if it did not say so."""
    found = re.search(r"^levada: (setup|hold) slack (-\S+) ns from (\S+) to (\S+)$", said, re.MULTILINE)
    if found is None:
        return None
    kind, slack, start, end = found.groups()
    way_out = "ask for a lower --clock-mhz" if kind == "setup" else "build again with another --clock-mhz"
    return too_slow(f"{kind} slack {slack} ns", start, end, way_out, log)


def _whole(job: tcl.Job, design: Mapping[str, str], alone: Sequence[Node]) -> tuple[dict[str, str], Command]:
    """The script for the whole and its command; of layers that come from elsewhere it reads the ports."""
    stubs = {f"{node.name}.sv": f"{node.name}_stub.sv" for node in alone}
    sources = [stubs.get(name, name) for name in sv.compile_list(design)]
    cells = {f"{_ACCELERATOR}/u_{node.name}": _checkpoint(node) for node in alone}
    files = {f"{tcl.SOURCES}/{stubs[f'{node.name}.sv']}": sv.layer_stub(node) for node in alone}
    files[tcl.BUILD] = tcl.build(job, sources, cells)
    beside = sorted(
        name for name in design if not name.endswith(".sv")
    )  # headers, memory images, constraints
    read = [f"{tcl.SOURCES}/{name}" for name in [*sources, *beside]]
    return files, _call(tcl.BUILD, [*read, *cells.values()], tcl.RESULTS)


def _layer(job: tcl.Job, node: Node) -> tuple[dict[str, str], Command]:
    """The script that synthesizes a layer by itself, and its command."""
    own, script = sorted(sv.layer_sources(node)), f"layer_{node.name}.tcl"
    read = [f"{tcl.SOURCES}/{name}" for name in [*own, tcl.LAYER_CLOCK]]
    text = tcl.layer(job, node.name, own, _checkpoint(node))
    return {script: text}, _call(script, read, (_checkpoint(node),))


def _checkpoint(node: Node) -> str:
    return f"layer_{node.name}.dcp"


def _call(script: str, reads: Sequence[str], writes: Sequence[str]) -> Command:
    arguments = (_PROGRAM, "-mode", "batch", "-nojournal", "-nolog", "-notrace", "-source", script)
    return Command(arguments, (script, *reads), tuple(writes), script.replace(".tcl", ".log"))


BACK_END = BackEnd(frozenset({"xc7", "xcup"}), plan, run)
