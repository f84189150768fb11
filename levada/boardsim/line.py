"""The simulated board of a package with a serial line, at a pseudo terminal."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from levada_driver import manifest as manifests
from levada_driver.accelerator import SAMPLES
from levada_driver.backends import rtlsim
from levada_driver.manifest import FILE

from levada import content
from levada.errors import LevadaError
from levada.sim import serialsim
from levada.sim.serialsim import SerialSim

# Bits a second that the host expects of a simulation. What takes longer on the line than this allows for is
# sent again, which makes a slow line slower.
_BAUD = 20_000


def line_package(deploy: Path, target: Path) -> bool:
    """Writes the host's package of a build's `deploy` folder into `target`; False where there is no line."""
    manifest = manifests.read(deploy)
    if manifest.baud is None:
        return False
    target.mkdir(parents=True, exist_ok=True)
    content.write_whole(target / FILE, replace(manifest, baud=_BAUD).to_json())
    shutil.copyfile(deploy / SAMPLES, target / SAMPLES)
    return True


def open_line(deploy: Path) -> SerialSim:
    """Starts the board of a build's `deploy` folder."""
    binary = deploy / serialsim.BINARY
    if not binary.is_file():
        raise LevadaError(f"{binary}: there is no such file; build with the flow `simulate`")
    return SerialSim(binary, deploy / rtlsim.IMAGES)
