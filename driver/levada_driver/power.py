"""The power that a board takes while it works."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType

# Seconds between two looks at the sensors, which average over about as long themselves.
_INTERVAL = 0.05


class PowerMeter:
    """Asks `power` for watts again and again within a `with`, in a thread of its own."""

    def __init__(self, power: Callable[[], float | None]) -> None:
        self._power = power
        self._found: list[float] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._measure, name="levada-power", daemon=True)

    def _measure(self) -> None:
        while (watts := self._power()) is not None:
            self._found.append(watts)
            if self._ended.wait(_INTERVAL):
                return

    @property
    def watts(self) -> float | None:
        """The average within the `with`; None where there is no sensor."""
        return sum(self._found) / len(self._found) if self._found else None

    def __enter__(self) -> PowerMeter:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
