"""What is searched for: a board, the share of it that a design may take, and a rate."""

from __future__ import annotations

import re
from dataclasses import dataclass

from levada import cost as hardware
from levada import partition
from levada.boards import Board
from levada.errors import LevadaError
from levada.layer import Device
from levada.search.hardware import Cost

_SHARE = re.compile(r"(\d+(?:\.\d+)?)%")


@dataclass(frozen=True)
class Goal:
    """A board at a clock, what a design may take of it, and the least frames a second, if that is given.

    With a rate, designs are better that take less of the budget; without one, those that are faster.
    """

    board: Board
    budget: Device
    clock_mhz: float
    target_fps: float | None = None

    def share(self, cost: Cost, *, surely: bool = False) -> float:
        """The largest part of any one resource of the budget that a design takes.

        `surely` takes it of what is left of the budget for estimates that may be too low: a fastest folding
        has a share of 1 at most then, unless there is none.
        """
        budget = hardware.budget(self.budget)
        budget = partition.surely(budget) if surely else budget
        counts = zip(hardware.counts(cost), budget.tolist(), strict=True)
        return max(used / most if most else float(used > 0) for used, most in counts)

    def effort(self, cost: Cost) -> float:
        """What is smaller in the better one of two designs: the share of the budget, or the cycles."""
        return self.share(cost) if self.target_fps is not None else float(cost.cycles)

    def excess(self, cost: Cost) -> float:
        """The part that a design exceeds the budget or misses the rate by; 0 if it fits."""
        if cost.fits:
            return 0.0
        slow = 0.0 if self.target_fps is None else self.target_fps / cost.fps - 1
        # What its FIFOs lack shows in neither.
        return max(self.share(cost) - 1, slow, 1e-6)

    def missing(self, cost: Cost) -> str:
        """What a design that does not fit lacks: "lut: 9,000 of 8,000"."""
        counts = {name: (getattr(cost, name), getattr(self.budget, name)) for name in hardware.FIELDS}
        return ", ".join(f"{name}: {a:,} of {b:,}" for name, (a, b) in counts.items() if a > b)


def budget(board: Board, text: str | None) -> Device:
    """The part of a board that a text gives: "lut=20000,dsp=100", "15%", or all that is usable for None.

    What is not named is as the board says; a percentage is of the whole chip.

    Raises:
        LevadaError: the text is neither, or gives more than is usable.
    """
    if text is None:
        return board.usable
    share = _SHARE.fullmatch(text.strip())
    if share:
        part = float(share[1]) / 100
        counts = {name: int(part * getattr(board.device, name)) for name in hardware.FIELDS}
    else:
        counts = dict(_count(board, one) for one in text.replace(" ", "").split(","))
    for name, count in counts.items():
        most = getattr(board.usable, name)
        if not 0 <= count <= most or (name == "lut" and count == 0):
            raise LevadaError(f"--budget {text}: {name} is {count:,}; {board.name} offers up to {most:,}")
    own = _counts(board.usable) | counts
    return Device(board.usable.family, *(own[name] for name in hardware.FIELDS))


def _counts(device: Device) -> dict[str, int]:
    return {name: getattr(device, name) for name in hardware.FIELDS}


def _count(board: Board, one: str) -> tuple[str, int]:
    name, _, number = one.partition("=")
    if name not in hardware.FIELDS or not number.isdecimal():
        known = ",".join(f"{key}={value}" for key, value in _counts(board.usable).items())
        raise LevadaError(f"--budget {one!r} is no budget; write 15% or some of {known}")
    return name, int(number)
