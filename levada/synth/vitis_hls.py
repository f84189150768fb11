"""Layers through Vitis HLS: C simulation, synthesis, co-simulation and export of the C++ of each.

No Vitis HLS has run this: the scripts are checked by a Tcl interpreter, the test benches are compiled and run
by g++ with open headers, and the reader of reports has texts of the form that hls4ml reads.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from levada_driver.datatype import IntArray

from levada.boards import Board
from levada.emit import vitis_hls as emitted
from levada.errors import LevadaError, ToolMissingError
from levada.graph import Graph, Node, execute
from levada.layer import Resources
from levada.synth import plan as plans
from levada.synth.plan import Command, CommandFailedError, Plan

#: The families of chips that it makes hardware for.
FAMILIES = frozenset({"xc7", "xcup"})
# As releases call it; the first one that is on PATH is taken.
_PROGRAMS = ("vitis_hls", "vitis-run")
# The first release that will do, and the first that will not.
_RELEASES = ((2022, 2), (2026, 1))
RELEASES = "2022.2 to 2025.x"
# Cycles of a frame up to which a layer's hardware is simulated: that does some thousand a second.
_COSIM = 200_000


@dataclass(frozen=True)
class Synthesized:
    """What Vitis HLS says of a layer.

    Attributes:
        used: an estimate before any placement.
        period_ns: the shortest clock period, estimated.
        interval: cycles between frames; None where it depends on the data.
    """

    used: Resources
    period_ns: float
    interval: int | None


@dataclass(frozen=True)
class Outcome:
    """What Vitis HLS says of all layers, by their names; `tool` is its name and release."""

    tool: str
    layers: Mapping[str, Synthesized]


def plan(graph: Graph, frames: Sequence[IntArray], board: Board, clock_mhz: float) -> Plan:
    """Every layer of a connected graph by itself, for `frames` of the graph: [frames, ...] for each input."""
    values = execute(graph, *frames)
    job = emitted.Job(graph.name, board.part, clock_mhz)
    files, commands = emitted.shared(graph), []
    for node in graph.nodes:
        own, command = _layer(job, node, values, tuple(files))
        files |= own
        commands.append(command)
    return Plan(f"the layers of {graph.name} through Vitis HLS", files, tuple(commands))


def release() -> str:
    """The release of the Vitis HLS on the path; ToolMissingError where there is none that will do."""
    path = next((found for name in _PROGRAMS if (found := shutil.which(name))), None)
    if path is None:
        raise ToolMissingError(f"it needs Vitis HLS {RELEASES}, and {' or '.join(_PROGRAMS)} is not on PATH")
    told = re.search(r"/(20\d\d)\.(\d)/", str(Path(path).resolve()))
    first, last = _RELEASES
    if told is None or not first <= (int(told[1]), int(told[2])) < last:
        raise ToolMissingError(f"it needs Vitis HLS {RELEASES}, and the one on PATH is {path}")
    return f"{told[1]}.{told[2]}"


def run(plan: Plan, folder: Path, graph: Graph) -> Outcome:
    """Runs a plan in its folder.

    Raises:
        ToolMissingError: before anything has run.
        LevadaError: a layer gives other integers than it should, or another command failed.
    """
    tool = f"Vitis HLS {release()}"
    try:
        plans.run(plan, folder, tool)
    except CommandFailedError as error:
        raise _mismatch(error.log) or error from error
    reports = {node.name: folder / node.name / emitted.SYNTHESIZED for node in graph.nodes}
    return Outcome(tool, {name: reported(path.read_text()) for name, path in reports.items()})


def _mismatch(log: Path) -> LevadaError | None:
    """The error of a layer that gives something else, as its test bench told it; None if it did not."""
    told = re.search(r"^levada: (.+)$", log.read_text(errors="replace"), re.MULTILINE)
    return LevadaError(f"{log.stem} in Vitis HLS: {told[1]}; all that it said is in {log}") if told else None


def reported(text: str) -> Synthesized:
    """What a csynth.xml says; LevadaError where it has another form."""
    root = ElementTree.fromstring(text)  # noqa: S314 - by a tool that was started here

    def value(path: str, form: str) -> str:
        found = root.findtext(path) or "nothing"
        if not re.fullmatch(form, found):
            raise LevadaError(f"{emitted.SYNTHESIZED}: {path} is {found}; its form is another one")
        return found

    resources = ("LUT", "FF", "DSP", "BRAM_18K")
    counts = [int(value(f"./AreaEstimates/Resources/{name}", r"\d+")) for name in resources]
    period = value("./PerformanceEstimates/SummaryOfTimingAnalysis/EstimatedClockPeriod", r"[\d.]+")
    interval = value("./PerformanceEstimates/SummaryOfOverallLatency/Interval-max", r"\d+|undef")
    return Synthesized(Resources(*counts), float(period), int(interval) if interval.isdigit() else None)


def _layer(
    job: emitted.Job, node: Node, values: Mapping[str, IntArray], shared: tuple[str, ...]
) -> tuple[dict[str, str], Command]:
    """The files of a layer, and the command that runs its script."""
    reads, writes = ([values[name] for name in names] for names in (node.inputs, node.outputs))
    cosim = node.layer.cycles(node.folding) <= _COSIM
    files = emitted.layer(job, node, reads, writes, cosim)
    made = [emitted.SYNTHESIZED, *([emitted.SIMULATED] if cosim else []), emitted.PACKED]
    command = Command(
        arguments=("sh", emitted.CALL, node.name),
        reads=(*shared, *files),
        writes=tuple(f"{node.name}/{name}" for name in made),
        log=f"{node.name}.log",
    )
    return files, command
