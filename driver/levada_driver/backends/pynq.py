"""The accelerator on a board that runs PYNQ: its bitstream is loaded, and its registers are memory."""

from __future__ import annotations

import fcntl
import importlib
import os
import tempfile
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from levada_driver import registers as reg
from levada_driver.backends import Bytes
from levada_driver.errors import DriverError, MissingError
from levada_driver.manifest import Manifest

BITSTREAM = "accelerator.bit"
# The rail that feeds all others, as pynq calls it on boards that measure it.
_SUPPLY = "12V"
# Shorter waits than this are left to the next look at the registers.
_NAP = 50e-6


class BoardBuffer:
    """Contiguous memory of the processor's, which the caches are told of."""

    def __init__(self, buffer: Any) -> None:  # noqa: ANN401 - pynq's own array
        self._buffer = buffer
        self.data: Bytes = buffer.view(np.ndarray)
        self.address = int(buffer.physical_address)

    def to_chip(self) -> None:
        """Writes the caches back."""
        self._buffer.flush()

    def from_chip(self) -> None:
        """Makes the caches read again."""
        self._buffer.invalidate()

    def free(self) -> None:
        """Gives the memory back."""
        self._buffer.freebuffer()


class BoardChip:
    """The registers at `manifest.registers`, through pynq."""

    patience = 2.0

    def __init__(self, pynq: Any, folder: Path, manifest: Manifest) -> None:  # noqa: ANN401 - the module
        self._pynq, self._clock = pynq, manifest.clock_mhz * 1e6
        self._lock: Any = _only_user()
        try:
            self._overlay = pynq.Overlay(str(folder / BITSTREAM))
            self._registers = pynq.MMIO(manifest.registers, reg.SIZE)
        except Exception as error:  # pynq raises whatever goes wrong below it
            self._lock.close()
            raise DriverError(f"{folder / BITSTREAM}: cannot be loaded ({error})") from error
        self._sensors = power_sensors(_rails(pynq))

    def read(self, offset: int) -> int:
        """The value of a register."""
        return int(self._registers.read(offset)) & 0xFFFFFFFF  # pynq 3.1 takes remote words for signed

    def write(self, offset: int, value: int) -> None:
        """Sets a register."""
        self._registers.write(offset, value)

    def allocate(self, size: int) -> BoardBuffer:
        """Memory that both sides reach."""
        try:
            return BoardBuffer(self._pynq.allocate(shape=(size,), dtype="u1"))
        except (RuntimeError, MemoryError, OSError) as error:
            raise DriverError(
                f"memory: {size:,} contiguous bytes are asked for, and there are not as many ({error}); run "
                "smaller batches, or give Linux a larger CMA"
            ) from error

    def wait(self, cycles: int) -> int:
        """Sleeps, but no longer than it takes to look again in time."""
        begin = time.perf_counter()
        time.sleep(min(_NAP, cycles / self._clock))
        return int((time.perf_counter() - begin) * self._clock)

    def traffic(self) -> None:
        """Nothing: there is no line."""

    def power(self) -> float | None:
        """That of the sensors which pynq finds; None where there are none, as on a PYNQ-Z2."""
        sensors = self._sensors
        return sum(float(sensor.value) for sensor in sensors) if sensors else None

    def close(self) -> None:
        """Lets another process use the board."""
        self._lock.close()


def _rails(pynq: Any) -> Mapping[str, Any]:  # noqa: ANN401 - the module
    """The power rails by their names; none of a remote board, for which pynq has no such function."""
    with warnings.catch_warnings():
        # Without sensors a board need not have libsensors, which pynq warns of.
        warnings.simplefilter("ignore")
        rails: Mapping[str, Any] = pynq.get_rails() if hasattr(pynq, "get_rails") else {}
    return rails


def power_sensors(rails: Mapping[str, Any]) -> list[Any]:
    """The sensors whose watts together are the board's: that of its supply, else those of all rails."""
    sensors = {name: rail.power for name, rail in rails.items() if rail.power is not None}
    return [sensors[_SUPPLY]] if _SUPPLY in sensors else list(sensors.values())


def lock_file() -> Path:
    """Held by the process that uses the board: this one, or the first remote one that pynq is told of."""
    remote = os.environ.get("PYNQ_REMOTE_DEVICES", "").split(",")[0].strip()
    return Path(tempfile.gettempdir()) / f"levada-board-{remote or 'here'}.lock"


def _only_user() -> Any:  # noqa: ANN401 - an open file
    """Holds the lock as long as the file is open, and no longer than this process lives."""
    lock = lock_file().open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        owner = lock.read().strip()
        lock.close()
        raise DriverError(f"the board is in use by process {owner or '?'}; close its Accelerator") from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def open_package(folder: Path, manifest: Manifest) -> BoardChip:
    """The accelerator of a deploy package on this board."""
    if not (folder / BITSTREAM).is_file():
        raise DriverError(
            f"{folder / BITSTREAM}: the package has no bitstream for {manifest.board}; put one "
            "there (levada's docs/bitstream.md), or use backend='rtlsim' or 'cppsim'"
        )
    try:
        pynq = importlib.import_module("pynq")
    except ImportError as error:
        raise MissingError(
            f"pynq is missing ({error}); run this on the board, or use backend='rtlsim' or 'cppsim'"
        ) from error
    return BoardChip(pynq, folder, manifest)
