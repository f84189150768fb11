"""The time that a search may take, on all processes that work for it."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from levada.errors import LevadaError
from levada.train.methods import Method
from levada.train.run import Run

_FORM = re.compile(r"(\d+(?:\.\d+)?)(s|m|h)")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


class TimeUpError(LevadaError):
    """The time of a search is over; what is done so far is kept."""


@dataclass(frozen=True)
class Deadline:
    """A moment, in seconds since the epoch; None for never."""

    at: float | None = None

    @property
    def passed(self) -> bool:
        """Whether it is over."""
        return self.at is not None and time.time() >= self.at

    def part(self, share: float) -> Deadline:
        """A moment before it: a share of the time that is left now."""
        now = time.time()
        return Deadline(None if self.at is None else now + share * (self.at - now))

    def check(self) -> None:
        """Raises TimeUpError where it is over."""
        if self.passed:
            raise TimeUpError("the time is over")


def deadline(text: str | None) -> Deadline:
    """The moment so long from now: "90s", "30m", "1.5h"; never for None.

    Raises:
        LevadaError: the text is no such time.
    """
    if text is None:
        return Deadline()
    match = _FORM.fullmatch(text.strip())
    if match is None or float(match[1]) == 0:
        raise LevadaError(f"--time {text!r} is no time; write 90s, 30m or 1.5h")
    return Deadline(time.time() + float(match[1]) * _SECONDS[match[2]])


class Stopwatch(Method):
    """Ends a training between two epochs once the time is over; its checkpoint waits for the next run."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline

    def epoch_start(self, run: Run) -> None:  # noqa: ARG002
        """Looks at the time."""
        self._deadline.check()
