"""What a back end is: it plans how tools make a bitstream of a design, and knows what they say of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from levada.boards import Board
from levada.emit import chip, shell, sv
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

    @cached_property
    def sources(self) -> dict[str, str]:
        """Every file of the design by name, those of its shell included."""
        around = shell.sources(self.graph, self.board, self.ports, self.clock_mhz)
        return chip.sources(self.graph, self.ports) | around

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
        plan: of a design, without any tool. It ends in the file `shell.BITSTREAM`.
        run: runs a plan in its folder. Raises ToolMissingError where a tool is missing, before any has run,
            and LevadaError where one failed or the design misses its clock.
    """

    families: frozenset[str]
    plan: Callable[[Design], Plan]
    run: Callable[[Plan, Path, Design], Outcome]


def layer_of(name: str) -> str | None:
    """The layer that a cell or a pin of a design is in: tools part the levels of its name by "/" or "."."""
    found = re.search(rf"\bu_{sv.TOP}\W+u_(\w+)", name)
    return found[1] if found else None


def too_slow(what: str, start: str, end: str, way_out: str, log: Path) -> LevadaError:
    """The error of a design that misses its clock: by what, from which pin to which, and what to do."""
    layer = layer_of(end)
    where = f"layer {layer}" if layer else "the chip around the layers"
    return LevadaError(f"timing: {what} in {where} (from {start} to {end}); {way_out}, see {log}")
