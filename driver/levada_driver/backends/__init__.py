"""Back ends: what moves frames of bytes through an accelerator. A new one is one module and one name."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from levada_driver.errors import DriverError
from levada_driver.manifest import Manifest

Bytes = npt.NDArray[np.uint8]

NAMES = ("pynq", "rtlsim", "cppsim")


class Backend(Protocol):
    """Runs frames: one array [frames, frame bytes] for each input stream to one for each output stream."""

    def run(self, inputs: Sequence[Bytes]) -> list[Bytes]:
        """Raises DriverError where the frames do not come out."""
        ...

    def close(self) -> None:
        """Gives back what the back end holds."""
        ...


def open_backend(name: str, folder: Path, manifest: Manifest) -> Backend:
    """The back end `name` for a deploy package; DriverError where it cannot run here."""
    if name not in NAMES:
        raise DriverError(f"back end {name!r} is unknown; use one of {', '.join(NAMES)}")
    module = importlib.import_module(f"levada_driver.backends.{name}")
    backend: Backend = module.open_package(folder, manifest)
    return backend
