"""What joins a chip to a board's processor: a top level, constraints, and what PYNQ has to know of it."""

from __future__ import annotations

import re

from levada_driver import registers

from levada import boards
from levada.boards import Board, Shell
from levada.graph import Graph
from levada.templates import environment

#: The module at the very top, and what PYNQ reads beside a bitstream.
TOP, HARDWARE_FILE = "shell", "accelerator.hwh"
# A part as device, package and speed grade: xc7z020clg400-1, or xczu3eg-sbva484-1-i with a temperature grade.
_PART = re.compile(r"xc(\w+?)-?([a-z]{3,4}\d+)(-\w+)(?:-[a-z])?")


def sources(graph: Graph, board: Board, ports: tuple[int, ...], clock_mhz: float) -> dict[str, str]:
    """The top level and its constraints by name, beside the files of the chip; nothing without a shell.

    `ports`: memory ports of each input, then of each output.
    """
    if board.shell is None:
        return {}
    inputs = len(graph.inputs)
    readers, writers = sum(ports[:inputs]), sum(ports[inputs:])
    values = {
        "name": graph.name,
        "clock_mhz": board.shell.actual_mhz(clock_mhz),
        "readers": readers,
        "writers": writers,
        "used": range(max(readers, writers)),
    }
    return {
        f"{TOP}.sv": _rendered(board.shell, "sv", values),
        f"{TOP}.xdc": _rendered(board.shell, "xdc", values),
    }


def hardware_file(graph: Graph, board: Board, clock_mhz: float) -> dict[str, str]:
    """The .hwh by its name; nothing without a shell."""
    if board.shell is None:
        return {}
    found = _PART.fullmatch(board.part)
    device, package, speed = found.groups() if found else (board.part, "", "")
    values = {
        "name": graph.name,
        "device": device,
        "package": package,
        "speed": speed,
        "registers": board.shell.registers,
        "size": registers.SIZE,
        "clock_mhz": board.shell.actual_mhz(clock_mhz),
        "divisors": board.shell.divisors(clock_mhz),
    }
    return {HARDWARE_FILE: _rendered(board.shell, "hwh", values)}


def _rendered(shell: Shell, kind: str, values: dict[str, object]) -> str:
    return environment(boards.shells()).get_template(f"{shell.kind}.{kind}.j2").render(values)
