"""The boards that levada builds for: every folder of boards/ with a `board.toml` is one."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from levada import content, slices
from levada.errors import LevadaError
from levada.layer import Device

_FILE = "board.toml"
_TEXTS = ("name", "part", "family")
#: Resources and the least number of each that makes sense; a chip may have no DSP slices or block RAM.
_RESOURCES = {"lut": 1, "ff": 1, "dsp": 0, "bram18": 0}


@dataclass(frozen=True)
class MemoryPort:
    """A port of the processing system through which a design reaches DRAM."""

    name: str
    bits: int


@dataclass(frozen=True)
class Shell:
    """What joins a design to the board's processor.

    Attributes:
        kind: the name of its templates in boards/shells/.
        registers: where the processor finds a design's registers.
        pll_mhz: the clock of which a design's is a division by two numbers up to 63.
    """

    kind: str
    registers: int
    pll_mhz: float

    def divisors(self, clock_mhz: float) -> tuple[int, int]:
        """Those of the fastest clock that is not above `clock_mhz` but for rounding."""
        pairs = [(first, second) for second in range(1, 64) for first in range(second, 64)]
        slow_enough = [pair for pair in pairs if self.pll_mhz / math.prod(pair) <= clock_mhz * (1 + 1e-9)]
        return min(slow_enough or pairs[-1:], key=math.prod)

    def actual_mhz(self, clock_mhz: float) -> float:
        """The clock that there is where `clock_mhz` is asked for."""
        return self.pll_mhz / math.prod(self.divisors(clock_mhz))


@dataclass(frozen=True)
class Board:
    """One board, as its board.toml states it.

    Attributes:
        name: the name by which users ask for it.
        part: the vendor's part number with package and speed grade.
        clock_mhz: clock of a design unless the user asks for another.
        device: all that the chip offers.
        usable: the share of `device` that a design may use.
        memory_ports: ports to DRAM.
        shell: what joins a design to the processor; None where there is none yet.
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
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LevadaError(f"{path}: cannot be read as TOML ({error}); mend it") from error
    _check_keys(path, "", table, (*_TEXTS, "clock_mhz", "resources", "caps", "memory_port"), ("shell",))
    name, part, family = (_text(path, key, table[key]) for key in _TEXTS)
    if family not in slices.SHAPES:
        raise LevadaError(f"{path}: family is {family!r}; use one of {', '.join(sorted(slices.SHAPES))}")
    resources, caps = (_table(path, key, table[key]) for key in ("resources", "caps"))
    budget = {key: _whole(path, f"resources.{key}", resources[key], low) for key, low in _RESOURCES.items()}
    shares = {key: _share(path, f"caps.{key}", caps[key]) for key in _RESOURCES}
    return Board(
        name=name,
        part=part,
        clock_mhz=_clock(path, table["clock_mhz"]),
        device=Device(family, **budget),
        usable=Device(family, **{key: math.floor(shares[key] * budget[key]) for key in budget}),
        memory_ports=_memory_ports(path, table["memory_port"]),
        shell=_shell(path, table["shell"]) if "shell" in table else None,
    )


def _check_keys(
    path: Path, where: str, table: dict[str, Any], keys: Iterable[str], optional: Sequence[str] = ()
) -> None:
    """Exactly `keys` are there, and maybe those that are `optional`: a misspelt one must not pass."""
    keys = list(keys)
    for key in table:
        if key not in (*keys, *optional):
            known = ", ".join((*keys, *optional))
            raise LevadaError(f"{path}: key {where}{key} is unknown; use one of {known}")
    for key in keys:
        if key not in table:
            raise LevadaError(f"{path}: {where}{key} is missing; add it")


def _table(path: Path, key: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise LevadaError(f"{path}: {key} is {value!r}; write a table [{key}]")
    _check_keys(path, f"{key}.", value, _RESOURCES)
    return value


def _text(path: Path, key: str, value: object) -> str:
    if isinstance(value, str) and value and value.isprintable():
        return value
    raise LevadaError(f"{path}: {key} is {value!r}; write one line of text in quotes")


def _whole(path: Path, key: str, value: object, low: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= low:
        return value
    raise LevadaError(f"{path}: {key} is {value!r}; write a whole number of at least {low}")


def _share(path: Path, key: str, value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1:
        return float(value)
    raise LevadaError(f"{path}: {key} is {value!r}; write a fraction above 0 and up to 1")


def _clock(path: Path, value: object, key: str = "clock_mhz") -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf:
        return float(value)
    raise LevadaError(f"{path}: {key} is {value!r}; write a number of MHz above 0")


def _shell(path: Path, value: object) -> Shell:
    if not isinstance(value, dict):
        raise LevadaError(f"{path}: shell is {value!r}; write a table [shell]")
    _check_keys(path, "shell.", value, ("kind", "registers", "pll_mhz"))
    kinds = sorted(file.name.removesuffix(".sv.j2") for file in shells().glob("*.sv.j2"))
    if value["kind"] not in kinds:
        raise LevadaError(f"{path}: shell.kind is {value['kind']!r}; use one of {', '.join(kinds)}")
    registers = _whole(path, "shell.registers", value["registers"], 0)
    return Shell(value["kind"], registers, _clock(path, value["pll_mhz"], "shell.pll_mhz"))


def shells() -> Path:
    """The folder with the templates of shells."""
    return content.root("boards") / "shells"


def _memory_ports(path: Path, value: object) -> tuple[MemoryPort, ...]:
    if not isinstance(value, list) or not all(isinstance(port, dict) for port in value):
        raise LevadaError(f"{path}: memory_port is {value!r}; write one table [[memory_port]] a port")
    ports = []
    for index, port in enumerate(value):
        where = f"memory_port[{index}]."
        _check_keys(path, where, port, ("name", "bits"))
        bits = _whole(path, f"{where}bits", port["bits"], 8)
        ports.append(MemoryPort(_text(path, f"{where}name", port["name"]), bits))
    return tuple(ports)
