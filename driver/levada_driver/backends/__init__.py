"""Back ends: the registers and the memory of an accelerator. A new one is one module and one name."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from levada_driver.errors import DriverError
from levada_driver.manifest import Manifest

Bytes = npt.NDArray[np.uint8]

NAMES = ("pynq", "serial", "rtlsim", "cppsim")


@dataclass(frozen=True)
class Traffic:
    """What has gone over the line to a board, and what has gone wrong there.

    Attributes:
        moved: bytes, in both directions.
        resent: requests that were not answered in time, and sent again.
        damaged: responses that did not arrive as they were sent, and noise.
    """

    moved: int
    resent: int
    damaged: int


class Buffer(Protocol):
    """Memory that the accelerator reaches: `data` are its bytes here, `address` is where they are there."""

    data: Bytes
    address: int

    def to_chip(self) -> None:
        """What was written here becomes visible there."""
        ...

    def from_chip(self) -> None:
        """What was written there becomes visible here."""
        ...

    def free(self) -> None:
        """Gives the memory back."""
        ...


class Backend(Protocol):
    """Registers of 32 bits at offsets in bytes, memory, and time.

    `patience`: seconds of the accelerator's time without a word moved after which it counts as stuck.
    """

    patience: float

    def read(self, offset: int) -> int:
        """The value of a register."""
        ...

    def write(self, offset: int, value: int) -> None:
        """Sets a register."""
        ...

    def allocate(self, size: int) -> Buffer:
        """Memory of `size` bytes, its address a multiple of 4,096. DriverError where there is not as much."""
        ...

    def wait(self, cycles: int) -> int:
        """Lets up to `cycles` of the accelerator's cycles pass, or fewer where its interrupt comes.

        Returns how many passed.
        """
        ...

    def power(self) -> float | None:
        """Watts that the board takes now; None where nothing measures them."""
        ...

    def traffic(self) -> Traffic | None:
        """What has gone over the line since it was opened; None where there is none."""
        ...

    def close(self) -> None:
        """Gives back what the back end holds."""
        ...


def open_backend(name: str, folder: Path, manifest: Manifest, port: str | None = None) -> Backend:
    """The back end `name` for a deploy package; DriverError where it cannot run here.

    `port`: the serial port that the board is at, for the back end "serial" alone.
    """
    if name not in NAMES:
        raise DriverError(f"back end {name!r} is unknown; use one of {', '.join(NAMES)}")
    module = importlib.import_module(f"levada_driver.backends.{name}")
    if port is not None and name != "serial":
        raise DriverError(f"port {port!r}: the back end {name!r} uses none; leave it out, or use 'serial'")
    options = {} if port is None else {"port": port}
    backend: Backend = module.open_package(folder, manifest, **options)
    return backend
