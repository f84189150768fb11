"""The boards that levada builds for: every folder of boards/ with a `board.toml` is one."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from levada import content, shells, slices, tables
from levada.errors import LevadaError
from levada.layer import Device
from levada.shells import Shell

_FILE = "board.toml"
_TEXTS = ("name", "part", "family")
#: Resources and the least number of each that makes sense; a chip may have no DSP slices or block RAM.
_RESOURCES = {"lut": 1, "ff": 1, "dsp": 0, "bram18": 0}


@dataclass(frozen=True)
class MemoryPort:
    """A port through which a design reaches memory, or a host that stands for it."""

    name: str
    bits: int


@dataclass(frozen=True)
class Board:
    """One board, as its board.toml states it.

    Attributes:
        name: the name by which users ask for it.
        part: the vendor's part number with package and speed grade.
        clock_mhz: clock of a design unless the user asks for another.
        device: all that the chip offers.
        usable: the share of `device` that a design may use.
        memory_ports: ports to memory.
        shell: what joins a design to its host; None where there is none yet.
    """

    name: str
    part: str
    clock_mhz: float
    device: Device
    usable: Device
    memory_ports: tuple[MemoryPort, ...]
    shell: Shell | None = None


def names() -> list[str]:
    """All boards that come with levada."""
    return sorted(path.parent.name for path in content.root("boards").glob(f"*/{_FILE}"))


def load(name: str) -> Board:
    """The board `name`, or the one of a board.toml (or of the folder that holds one) at the path `name`.

    Raises:
        LevadaError: there is none, or its board.toml breaks a rule.
    """
    known = names()
    if name in known:
        return _read(content.root("boards") / name / _FILE)
    path = Path(name)
    if path.is_dir():
        path /= _FILE
    if path.is_file():
        return _read(path)
    close = difflib.get_close_matches(name, known, n=3)
    guess = f"did you mean {' or '.join(close)}? " if close else ""
    raise LevadaError(
        f"board {name!r} is unknown; {guess}known: {', '.join(known)}; or give the path of a {_FILE}"
    )


def _read(path: Path) -> Board:
    table = tables.read(path)
    tables.check_keys(path, "", table, (*_TEXTS, "clock_mhz", "resources", "caps", "memory_port"), ("shell",))
    name, part, family = (tables.text(path, key, table[key]) for key in _TEXTS)
    if family not in slices.SHAPES:
        raise LevadaError(f"{path}: family is {family!r}; use one of {', '.join(sorted(slices.SHAPES))}")
    resources, caps = (_of_each(path, key, table[key]) for key in ("resources", "caps"))
    budget = {
        key: tables.whole(path, f"resources.{key}", resources[key], low) for key, low in _RESOURCES.items()
    }
    shares = {key: tables.share(path, f"caps.{key}", caps[key]) for key in _RESOURCES}
    return Board(
        name=name,
        part=part,
        clock_mhz=tables.megahertz(path, "clock_mhz", table["clock_mhz"]),
        device=Device(family, **budget),
        usable=Device(family, **{key: math.floor(shares[key] * budget[key]) for key in budget}),
        memory_ports=_memory_ports(path, table["memory_port"]),
        shell=shells.read(path, table["shell"]) if "shell" in table else None,
    )


def _of_each(path: Path, key: str, value: object) -> dict[str, Any]:
    """A table with a value for each resource."""
    found = tables.table(path, key, value)
    tables.check_keys(path, f"{key}.", found, _RESOURCES)
    return found


def _memory_ports(path: Path, value: object) -> tuple[MemoryPort, ...]:
    if not isinstance(value, list) or not all(isinstance(port, dict) for port in value):
        raise LevadaError(f"{path}: memory_port is {value!r}; write one table [[memory_port]] a port")
    ports = []
    for index, port in enumerate(value):
        where = f"memory_port[{index}]."
        tables.check_keys(path, where, port, ("name", "bits"))
        bits = tables.whole(path, f"{where}bits", port["bits"], 8)
        ports.append(MemoryPort(tables.text(path, f"{where}name", port["name"]), bits))
    return tuple(ports)
