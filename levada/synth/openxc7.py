"""Bitstreams for Zynq-7000 with open tools: Yosys, nextpnr-xilinx and Project X-Ray (openXC7).

Of these only Yosys has run here. The plan's other commands are called as openXC7's own projects call them
(openXC7.mk of openXC7/demo-projects), and what nextpnr says is read by the form that its sources give it.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

from levada.boards import Board
from levada.emit import netlist as emitted
from levada.emit import shell
from levada.errors import LevadaError, ToolMissingError
from levada.sim import native
from levada.synth import databases, nextpnr, yosys
from levada.synth import plan as plans
from levada.synth.backend import BackEnd, Design, Outcome, too_slow
from levada.synth.netlist import Netlist, synthesis
from levada.synth.plan import Command, CommandFailedError, Plan

_FASM, _FRAMES = "design.fasm", "design.frames"
_PLACER = "nextpnr-xilinx"
#: Programs beside Yosys.
PROGRAMS = (_PLACER, "fasm2frames", "xc7frames2bit")
# nextpnr-xilinx has no times of these (xilinx/arch.cc, getPortTimingClass).
_UNTIMED = "paths through DSP slices, memories and the processor"


def plan(design: Design) -> Plan:
    """From the sources of a design to its bitstream."""
    board, name = design.board, design.graph.name
    files, netlist = synthesis(design)
    files |= {emitted.CLOCK: emitted.clock(name, design.actual_mhz)}
    files |= shell.hardware_file(design.graph, board, design.clock_mhz)
    netlist = _checked(netlist, board)
    variables = {name: f"the folder with {path}" for name, path in databases.needed(board.part).items()}
    purpose = f"the bitstream of {name} for {board.name}, by Yosys and openXC7"
    return Plan(purpose, files, (netlist, *_after_netlist(board.part, design.actual_mhz)), variables)


def version(part: str) -> str:
    """The release of nextpnr-xilinx; ToolMissingError where it, another tool or a database is missing."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        raise ToolMissingError(f"it needs openXC7, and not on PATH: {', '.join(absent)}")
    for wrong in databases.missing(part).values():
        raise ToolMissingError(wrong)
    done = native.call([_PLACER, "--version"])
    found = re.search(r"\(Version ([^)\s]+)\)", done.stdout + done.stderr)
    return found[1] if found else "of no release"


def run(plan: Plan, folder: Path, design: Design) -> Outcome:
    """Runs a plan in its folder, which then holds the bitstream."""
    release = version(design.board.part)
    try:
        plans.run(plan, folder, f"{yosys.version()} {release}", programs=yosys.PROGRAMS)
    except CommandFailedError as error:
        raise missed(error.log.read_text(errors="replace"), error.log) or error from error
    said = (folder / _log(_FASM)).read_text(errors="replace")
    clock = nextpnr.slowest_clock(said)
    return Outcome(
        f"{_PLACER} {release}", nextpnr.utilization(said), {}, clock.possible if clock else None, _UNTIMED
    )


def missed(said: str, log: Path) -> LevadaError | None:
    """The error of a design that misses its clock, by what nextpnr said; None if it did not say so."""
    clock = nextpnr.slowest_clock(said)
    if clock is None or clock.possible >= clock.wanted:
        return None
    slack = 1000 / clock.wanted - 1000 / clock.possible
    start, end = nextpnr.worst_path(said, clock.name)
    return too_slow(f"setup slack {slack:.3f} ns", start, end, "ask for a lower --clock-mhz", log)


def tiles(netlist: Netlist) -> int:
    """Tiles of two DSP slices that nextpnr-xilinx takes: each chain of slices begins in one of its own."""
    return sum(-(-length // 2) for length in netlist.chains)


def _checked(command: Command, board: Board) -> Command:
    """The command that makes the netlist, which then is looked at for more slices than can be placed."""
    return replace(command, check=partial(_require_tiles, board))


def _require_tiles(board: Board, folder: Path) -> None:
    netlist = Netlist.read(folder / emitted.NETLIST)
    needed, there = tiles(netlist), board.device.dsp // 2
    if needed > there:
        raise LevadaError(
            f"{sum(netlist.chains)} DSP slices in {len(netlist.chains)} chains need {needed} tiles of two, "
            f"as nextpnr-xilinx begins each chain in a tile of its own, and {board.name} has {there}; use "
            "--lanes lut, a lower --target-fps, or --flow zynq_vivado"
        )


def _after_netlist(part: str, clock_mhz: float) -> tuple[Command, ...]:
    """Place and route, then the bits of what it made, frame by frame, and the file that the chip loads."""
    chip, bits = (f"${{{variable}}}/{path}" for variable, path in databases.needed(part).items())
    clock = ("--xdc", emitted.CLOCK, "--freq", f"{clock_mhz:.3f}")
    files = ("--frm_file", _FRAMES, "--output_file", shell.BITSTREAM)
    place = (_PLACER, "--chipdb", chip, *clock, "--json", emitted.NETLIST, "--fasm", _FASM)
    family = f"${{{databases.BITS}}}/{databases.FAMILY}"
    frames = ("fasm2frames", "--part", part, "--db-root", family, _FASM, _FRAMES)
    bit = ("xc7frames2bit", "--part_file", bits, "--part_name", part, *files)
    return (
        Command(place, (emitted.NETLIST, emitted.CLOCK), (_FASM,), _log(_FASM)),
        Command(frames, (_FASM,), (_FRAMES,), _log(_FRAMES)),
        Command(bit, (_FRAMES,), (shell.BITSTREAM,), _log(shell.BITSTREAM)),
    )


def _log(made: str) -> str:
    return f"{made}.log"


BACK_END = BackEnd(frozenset({"xc7"}), plan, run)
