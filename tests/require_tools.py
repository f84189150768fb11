"""What a test needs besides Python: a skip with a reason on a developer's machine, a failure in CI."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import pytest


def require(name):
    """Path of the program or module `name`; without it the test is skipped, or fails where LEVADA_CI is set.

    Programs are looked up on the path and beside this Python, since a virtual environment need not be active.
    """
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)])
    found = shutil.which(name, path=path)
    if found:
        return found
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    if spec:
        return spec.origin
    return missing(f"{name} is missing; `levada doctor` tells how to install it")


def missing(reason):
    """Skips the test with the reason, or fails it where LEVADA_CI is set."""
    if os.environ.get("LEVADA_CI"):
        pytest.fail(f"{reason} (LEVADA_CI is set, so it must be there)", pytrace=False)
    pytest.skip(reason)
