"""The accelerator on a PYNQ board. The AXI shell that connects it to the processor is not in packages yet."""

from __future__ import annotations

from pathlib import Path

from levada_driver.backends import Backend
from levada_driver.errors import DriverError
from levada_driver.manifest import Manifest

BITSTREAM = "accelerator.bit"


def open_package(folder: Path, manifest: Manifest) -> Backend:
    """Always raises: what it says is why this package cannot run on a board."""
    if not (folder / BITSTREAM).is_file():
        raise DriverError(
            f"{folder / BITSTREAM}: the package has no bitstream for {manifest.board}; until a flow "
            "makes one, use backend='rtlsim' or 'cppsim'"
        )
    raise DriverError(
        f"{folder / BITSTREAM}: this driver has no shell to run a bitstream; update levada-driver"
    )
