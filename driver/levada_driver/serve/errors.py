"""Why a request is not answered with a result."""

from __future__ import annotations

from typing import Any

#: Characters of a client's value that an answer repeats.
_SHOWN = 60


class RequestError(Exception):
    """A request that is refused: the status of its answer, and the reason in it."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def shown(value: Any) -> str:  # noqa: ANN401 - whatever a client sends
    """The value as a reason shows it, cut where it is long."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
