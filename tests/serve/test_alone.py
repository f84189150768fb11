"""The driver without levada: its wheel in a clean environment, with the extra `serve` and without."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import numpy as np
import pytest

from tests.board import environments
from tests.require_tools import require
from tests.serve import servers

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The driver's wheel."""
    require("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=environments.DRIVER, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


def run(*words):
    """Exit code, stdout and stderr of a program that finds nothing but its own environment."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [str(word) for word in words]
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=Path(command[0]).parent)
    return done.returncode, done.stdout, done.stderr


def test_the_wheel_alone(wheel, deploy, tmp_path, monkeypatch):
    folder = tmp_path / "environment"
    venv.create(folder, with_pip=True)
    environments.install(folder, [str(wheel)])
    python, command = folder / "bin" / "python", folder / "bin" / "levada-run"
    for name in ("levada", "torch", "starlette"):
        assert run(python, "-c", f"import {name}")[0] == 1
    here = (command, deploy, "--backend", "cppsim")
    assert run(*here, "selftest") == (0, "tiny: 16 frames as they should be\n", "")
    missing = (
        "levada-run: serve: starlette, uvicorn, prometheus_client missing; pip install starlette uvicorn "
    )
    assert run(*here, "serve") == (3, "", f"{missing}prometheus_client\n")

    environments.install(folder, [f"{wheel}[serve]"])
    monkeypatch.delenv("PYTHONPATH", raising=False)
    with servers.running(deploy, "--demo", python=python) as server:
        x = np.zeros((1, 2, 2), int)
        tensor = {"name": "input", "datatype": "INT64", "shape": [1, 2, 2], "data": x.tolist()}
        status, answer = server.json("POST", "/v2/models/tiny/infer", {"inputs": [tensor]})
        assert (status, answer["outputs"][0]["data"]) == (200, servers.expected(deploy, x)[0][0].tolist())
        assert server.ask("GET", "/demo/demo.js")[0] == 200

    other = shutil.copytree(deploy, tmp_path / "deploy")
    library = other / "sim" / "cppsim.so"
    library.write_bytes(b"\x7fELF of another machine")
    code, out, err = run(command, other, "--backend", "cppsim", "selftest")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(f"levada-run: {library}: cannot be loaded here (")
    assert err.endswith("); build the package on this machine\n")
    library.unlink()
    text = f"levada-run: {library}: the package has no C++ simulator; build it with the flow `simulate`\n"
    assert run(command, other, "--backend", "cppsim", "selftest") == (1, "", text)
