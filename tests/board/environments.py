"""Virtual environments for what wants other versions of packages than levada has, such as pynq."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from levada import content
from levada.sim import native

#: Where the interpreter finds the driver: as it is, without being installed.
DRIVER = Path(__file__).resolve().parents[2] / "driver"
#: Of each version of pynq, what else it takes: 3.1.2 imports a module that pycparser 3 no longer has.
VERSIONS = {"4.0.0": [], "3.1.2": ["pycparser<3"]}


def python(version: str) -> Path:
    """The interpreter of an environment with this version of pynq; made once. The driver is in DRIVER."""
    return made("pynq", [f"pynq=={version}", *VERSIONS[version]])


def made(name: str, packages: list[str]) -> Path:
    """The interpreter of an environment with these packages; made once, in the cache's folder `name`."""
    key = content.digest(sys.version, *packages)
    with (content.cache_dir(name) / f"{key}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in several processes
        with native.made_once(name, key, "ready") as (target, work):
            folder = target.parent / "environment"
            if work is not None:
                shutil.rmtree(folder, ignore_errors=True)
                venv.create(folder, with_pip=True)
                install(folder, packages)
                (work / "ready").touch()
    return folder / "bin" / "python"


def install(folder: Path, packages: list[str]) -> None:
    """Lets the environment in a folder have packages, or skips the test where they cannot be fetched."""
    command = [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = f"{packages[0]} cannot be installed here: {done.stderr.strip()[-300:]}"
        if os.environ.get("LEVADA_CI"):
            pytest.fail(said)
        pytest.skip(said)


@contextlib.contextmanager
def alone(version: str) -> Iterator[Path]:
    """`python`, while no other test uses it: pynq keeps what it has loaded in a file of its own folder."""
    with (content.cache_dir("pynq") / f"{version}.use").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield python(version)
