"""What joins a design to whoever uses it, as the table [shell] of a board.toml says."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from levada import content, tables
from levada.errors import LevadaError


def templates() -> Path:
    """The folder with the templates of shells."""
    return content.root("boards") / "shells"


@dataclass(frozen=True)
class Shell(ABC):
    """What joins a design to its host.

    Attributes:
        kind: the name of its templates in boards/shells/.
        registers: where a processor finds a design's registers; 0 where there is no processor.
        baud: bits a second of a serial line to the host; None where there is none.
    """

    kind: str
    registers: int = field(default=0, kw_only=True)
    baud: int | None = field(default=None, kw_only=True)

    @abstractmethod
    def actual_mhz(self, clock_mhz: float) -> float:
        """The clock that there is where `clock_mhz` is asked for: the next one below it."""

    @abstractmethod
    def values(self, clock_mhz: float) -> dict[str, object]:
        """What the templates have to know of the board, for this clock."""


@dataclass(frozen=True)
class ProcessorShell(Shell):
    """A Zynq's processor. A design's clock is that of its PLL divided by two numbers up to 63."""

    pll_mhz: float

    def divisors(self, clock_mhz: float) -> tuple[int, int]:
        """Those of the fastest clock that is not above `clock_mhz` but for rounding."""
        pairs = [(first, second) for second in range(1, 64) for first in range(second, 64)]
        slow_enough = [pair for pair in pairs if self.pll_mhz / math.prod(pair) <= clock_mhz * (1 + 1e-9)]
        return min(slow_enough or pairs[-1:], key=math.prod)

    def actual_mhz(self, clock_mhz: float) -> float:
        """The clock that there is where `clock_mhz` is asked for."""
        return self.pll_mhz / math.prod(self.divisors(clock_mhz))

    def values(self, clock_mhz: float) -> dict[str, object]:
        """Registers and divisors."""
        return {"registers": self.registers, "divisors": self.divisors(clock_mhz)}


# How far off the host's bit rate the board's may be: a receiver samples the last bit of a byte after 9.5 of
# them, and half a bit is all that both ends' errors may add up to.
_BAUD_ERROR = 0.02
# Cycles that a receiver takes for a bit at least (hls/common/serial/uart_rx.sv).
_LEAST_CYCLES = 4


@dataclass(frozen=True)
class SerialShell(Shell):
    """A serial line to the host."""

    baud: int = field(kw_only=True)

    def cycles_a_bit(self, clock_mhz: float) -> int:
        """Cycles of a bit on the line; LevadaError where the clock does not allow for the line's rate."""
        actual = self.actual_mhz(clock_mhz)
        wanted = actual * 1e6 / self.baud
        cycles = max(_LEAST_CYCLES, round(wanted))
        if abs(wanted / cycles - 1) > _BAUD_ERROR:
            better = cycles if wanted < cycles else cycles + 1
            raise LevadaError(
                f"--clock-mhz {clock_mhz:g}: {actual:g} MHz is no multiple of {self.baud:,} baud, "
                f"{_LEAST_CYCLES} times as fast or more; use {self.baud * better / 1e6:g}"
            )
        return cycles


# MHz in which the oscillator of an EHXPLLL runs, and its largest divisor: Lattice FPGA-DS-02012, sysCLOCK PLL
# Timing; FPGA-TN-02200.
_VCO_MHZ, _LARGEST = (400, 800), 128


@dataclass(frozen=True)
class Ecp5Shell(SerialShell):
    """A serial line to the pins of a Lattice ECP5, whose PLL makes the clock.

    Attributes:
        oscillator_mhz: the clock that the board has.
        clock_pin, receive_pin, transmit_pin: the pins of that, and of the line.
        high_pins: those that have to stay high.
    """

    oscillator_mhz: float
    clock_pin: str
    receive_pin: str
    transmit_pin: str
    high_pins: tuple[str, ...]

    def ratio(self, clock_mhz: float) -> tuple[int, int]:
        """Multiplier and divisor of the fastest clock that is not above `clock_mhz` but for rounding."""
        low, high = _VCO_MHZ
        multipliers = [n for n in range(1, _LARGEST + 1) if low <= self.oscillator_mhz * n <= high]
        ratios = [(n, d) for n in multipliers for d in range(1, _LARGEST + 1)]
        wanted = clock_mhz / self.oscillator_mhz * (1 + 1e-9)
        slow_enough = [(n, d) for n, d in ratios if n / d <= wanted]
        if not slow_enough:
            return multipliers[0], _LARGEST
        return max(slow_enough, key=lambda ratio: (ratio[0] / ratio[1], -ratio[0]))

    def actual_mhz(self, clock_mhz: float) -> float:
        """The clock that there is where `clock_mhz` is asked for."""
        multiplier, divisor = self.ratio(clock_mhz)
        return self.oscillator_mhz * multiplier / divisor

    def values(self, clock_mhz: float) -> dict[str, object]:
        """Pins, and the numbers of the PLL and of the line."""
        multiplier, divisor = self.ratio(clock_mhz)
        return {
            "oscillator_mhz": self.oscillator_mhz,
            "multiplier": multiplier,
            "divisor": divisor,
            "cycles_a_bit": self.cycles_a_bit(clock_mhz),
            "pins": {"clock": self.clock_pin, "receive": self.receive_pin, "transmit": self.transmit_pin},
            "high_pins": self.high_pins,
        }


def read(path: Path, value: object) -> Shell:
    """The shell that a table [shell] of the file `path` says; LevadaError where it breaks a rule."""
    table = tables.table(path, "shell", value)
    if table.get("kind") not in _KINDS:
        raise LevadaError(
            f"{path}: shell.kind is {table.get('kind')!r}; use one of {', '.join(sorted(_KINDS))}"
        )
    return _KINDS[table["kind"]](path, table)


def _processor(path: Path, table: dict[str, Any]) -> Shell:
    tables.check_keys(path, "shell.", table, ("kind", "registers", "pll_mhz"))
    registers = tables.whole(path, "shell.registers", table["registers"], 0)
    pll_mhz = tables.megahertz(path, "shell.pll_mhz", table["pll_mhz"])
    return ProcessorShell(table["kind"], pll_mhz, registers=registers)


def _ecp5(path: Path, table: dict[str, Any]) -> Shell:
    keys = ("oscillator_mhz", "baud", "clock_pin", "receive_pin", "transmit_pin", "high_pins")
    tables.check_keys(path, "shell.", table, ("kind", *keys))
    if not isinstance(table["high_pins"], list):
        raise LevadaError(f"{path}: shell.high_pins is {table['high_pins']!r}; write a list, [] for none")

    def pin(key: str) -> str:
        return tables.text(path, f"shell.{key}", table[key])

    return Ecp5Shell(
        table["kind"],
        oscillator_mhz=tables.megahertz(path, "shell.oscillator_mhz", table["oscillator_mhz"]),
        clock_pin=pin("clock_pin"),
        receive_pin=pin("receive_pin"),
        transmit_pin=pin("transmit_pin"),
        high_pins=tuple(tables.text(path, "shell.high_pins", name) for name in table["high_pins"]),
        baud=tables.whole(path, "shell.baud", table["baud"], 1),
    )


# How the table of a kind is read. The templates of a kind have its name.
_KINDS: Mapping[str, Callable[[Path, dict[str, Any]], Shell]] = {
    "ecp5": _ecp5,
    "zynq7": _processor,
    "zynqmp": _processor,
}
