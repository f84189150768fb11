"""Virtual environments with pynq as it comes: it wants other versions of packages than levada has."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from levada import content
from levada.sim import native

ROOT = Path(__file__).resolve().parents[2]
#: Of each version of pynq, what else it takes: 3.1.2 imports a module that pycparser 3 no longer has.
VERSIONS = {"4.0.0": [], "3.1.2": ["pycparser<3"]}


def python(version: str) -> Path:
    """The interpreter of an environment with this version of pynq and the driver; made once."""
    packages = [f"pynq=={version}", *VERSIONS[version]]
    source = sorted((ROOT / "driver").rglob("*.py"))
    key = content.digest(sys.version, *packages, *(path.read_text() for path in source))
    with native.made_once("pynq", key, "ready") as (target, work):
        folder = target.parent / "environment"
        if work is not None:
            shutil.rmtree(folder, ignore_errors=True)
            venv.create(folder, with_pip=True)
            _install(folder, [*packages, str(ROOT / "driver")])
            (work / "ready").touch()
    return folder / "bin" / "python"


def _install(folder: Path, packages: list[str]) -> None:
    command = [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = f"pynq cannot be installed here: {done.stderr.strip()[-300:]}"
        if os.environ.get("LEVADA_CI"):
            pytest.fail(said)
        pytest.skip(said)
