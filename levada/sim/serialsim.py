"""serialsim: the chip at the end of a serial line in Verilator, its pins joined to a pseudo terminal."""

from __future__ import annotations

import subprocess
from dataclasses import astuple, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from levada.emit import chip, harness, serial
from levada.errors import LevadaError
from levada.graph import Graph
from levada.sim import rtlsim

#: Where a deploy package for a board with a serial line has the program.
BINARY = "sim/serialsim"
#: Cycles of a bit where nobody asks for others: the fewest there may be, for the quickest simulation.
DIVISOR = 4


def program(graph: Graph, ports: chip.Ports, divisor: int = DIVISOR) -> Path:
    """The simulator of a connected graph at the end of a serial line, compiled once for each content.

    `ports`: memory ports of each input, then of each output; `divisor`: cycles of a bit on the line.
    """
    return rtlsim.compile_program(
        chip.sources(graph, ports) | serial.sources(graph, ports, divisor),
        harness.serial_line_header(divisor),
        loop="serialsim",
        top=serial.TOP,
    )


@dataclass(frozen=True)
class Noise:
    """What goes wrong on the line, in either direction.

    Attributes:
        flip: the chance of a bit to be the other one.
        lose: the chance of a byte to be lost.
        spark: that of the quiet line to carry what looks like a start bit, whenever a byte could begin.
        seed: of the random numbers.
    """

    flip: float = 0.0
    lose: float = 0.0
    spark: float = 0.0
    seed: int = 1


class SerialSim:
    """A running simulator, until `close`; a context manager."""

    def __init__(self, binary: Path, images: Path, noise: Noise | None = None) -> None:
        """`images`: the folder with the memory images that the RTL reads at its start."""
        arguments = [] if noise is None else [str(value) for value in astuple(noise)]
        pipe = subprocess.PIPE
        try:
            self._process: Any = subprocess.Popen(
                [binary.resolve(), *arguments], cwd=images, stdin=pipe, stdout=pipe, text=True
            )
        except OSError as error:
            raise LevadaError(f"{binary}: cannot be run here ({error}); build the package here") from error
        assert self._process.stdout is not None
        #: The path that the host opens.
        self.terminal: str = self._process.stdout.readline().strip()
        if not self.terminal:
            self.close()
            raise LevadaError(f"{binary}: there is no pseudo terminal for it; mount /dev/pts")

    def wait(self) -> None:
        """Returns when the simulator has ended."""
        self._process.wait()

    def close(self) -> None:
        """Ends the simulator: to the host the line is unplugged."""
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def __enter__(self) -> SerialSim:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
