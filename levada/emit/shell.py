"""What joins a chip to a board: a top level, constraints, and what PYNQ has to know of it."""

from __future__ import annotations

import re

from levada_driver import registers

from levada import shells
from levada.boards import Board
from levada.emit import chip, serial
from levada.graph import Graph
from levada.shells import SerialShell
from levada.templates import environment

#: The module at the very top, the bitstream that becomes of it, and what PYNQ reads beside that.
TOP, BITSTREAM, HARDWARE_FILE = "shell", "accelerator.bit", "accelerator.hwh"
#: Constraints: pins and clocks, as Xilinx' and as Lattice's tools want them.
CONSTRAINTS = ("xdc", "lpf")
# A part as device, package and speed grade: xc7z020clg400-1, or xczu3eg-sbva484-1-i with a temperature grade.
_PART = re.compile(r"xc(\w+?)-?([a-z]{3,4}\d+)(-\w+)(?:-[a-z])?")


def sources(graph: Graph, board: Board, ports: tuple[int, ...], clock_mhz: float) -> dict[str, str]:
    """The top level, its constraints, and what is between it and the chip; nothing without a shell.

    `ports`: memory ports of each input, then of each output.
    """
    if board.shell is None:
        return {}
    readers, writers = chip.engines(graph, ports)
    used = {"readers": readers, "writers": writers, "used": range(max(readers, writers))}
    made = {
        f"{TOP}.{kind}": _rendered(graph, board, clock_mhz, kind, used)
        for kind in ("sv", *CONSTRAINTS)
        if _template(board, kind) in _templates()
    }
    if isinstance(board.shell, SerialShell):
        made |= serial.sources(graph, ports, board.shell.cycles_a_bit(clock_mhz))
    return made


def hardware_file(graph: Graph, board: Board, clock_mhz: float) -> dict[str, str]:
    """The .hwh by its name; nothing for a board that PYNQ does not run on."""
    if board.shell is None or _template(board, "hwh") not in _templates():
        return {}
    found = _PART.fullmatch(board.part)
    device, package, speed = found.groups() if found else (board.part, "", "")
    about = {"device": device, "package": package, "speed": speed, "size": registers.SIZE}
    return {HARDWARE_FILE: _rendered(graph, board, clock_mhz, "hwh", about)}


def _template(board: Board, kind: str) -> str:
    assert board.shell is not None
    return f"{board.shell.kind}.{kind}.j2"


def _templates() -> list[str]:
    return environment(shells.templates()).list_templates()


def _rendered(graph: Graph, board: Board, clock_mhz: float, kind: str, more: dict[str, object]) -> str:
    assert board.shell is not None
    values = {"name": graph.name, "clock_mhz": board.shell.actual_mhz(clock_mhz)}
    template = environment(shells.templates()).get_template(_template(board, kind))
    return template.render(values | board.shell.values(clock_mhz) | more)
