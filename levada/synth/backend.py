"""What a back end is: it plans how tools make a bitstream of a design, and knows what they say of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from levada.boards import Board
from levada.emit import sv
from levada.emit.chip import Ports
from levada.errors import LevadaError
from levada.graph import Graph
from levada.layer import Resources
from levada.synth.plan import Plan


@dataclass(frozen=True)
class Design:
    """What becomes a bitstream: a connected graph on a board with a shell.

    Attributes:
        ports: memory ports of each input, then of each output.
        clock_mhz: the clock that is asked for.
        apart: layers that multiply are synthesized by themselves, side by side, where the tools can do that.
    """

    graph: Graph
    board: Board
    ports: Ports
    clock_mhz: float
    apart: bool = False

    @property
    def actual_mhz(self) -> float:
        """The clock that there will be."""
        assert self.board.shell is not None, f"{self.board.name} has no shell"
        return self.board.shell.actual_mhz(self.clock_mhz)


@dataclass(frozen=True)
class Slack:
    """By how many nanoseconds the worst path is faster than it has to be, and pulses longer."""

    setup: float
    hold: float
    pulse: float


@dataclass(frozen=True)
class Power:
    """Estimated power in watts: all of it, that of switching, and that of the idle chip."""

    total: float
    dynamic: float
    static: float


@dataclass(frozen=True)
class Outcome:
    """What the tools say of a design after placement and routing, None where they do not.

    Attributes:
        tool: name and version.
        used: what all of it takes.
        layers: what its layers take, by name, as far as the tools tell them apart.
        fmax_mhz: the fastest clock that it can have.
        untimed: the paths that `fmax_mhz` leaves out, in words; None where it leaves out none.
    """

    tool: str
    used: Resources | None
    layers: dict[str, Resources]
    fmax_mhz: float | None
    untimed: str | None = None
    slack: Slack | None = None
    power: Power | None = None


@dataclass(frozen=True)
class BackEnd:
    """A way to a bitstream.

    Attributes:
        families: of chips that it is for.
        bitstream: the file that its plan ends in.
        plan: of a design, without any tool.
        run: runs a plan in its folder. Raises ToolMissingError where a tool is missing, before any has run,
            and LevadaError where one failed or the design misses its clock.
    """

    families: frozenset[str]
    bitstream: str
    plan: Callable[[Design], Plan]
    run: Callable[[Plan, Path, Design], Outcome]


def too_slow(what: str, start: str, end: str, way_out: str, log: Path) -> LevadaError:
    """The error of a design that misses its clock: by what, from which pin to which, and what to do.

    It names the layer of the pin `end`: cells lie in hierarchies, whose levels tools part by "/" or ".".
    """
    found = re.search(rf"\bu_{sv.TOP}\W+u_(\w+)", end)
    where = f"layer {found[1]}" if found else "the chip around the layers"
    return LevadaError(f"timing: {what} in {where} (from {start} to {end}); {way_out}, see {log}")
