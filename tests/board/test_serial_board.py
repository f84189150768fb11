"""The simulated board at a serial line: as a user starts it, and as a user runs the driver at it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from levada import boardsim
from levada.errors import LevadaError
from tests.board import environments
from tests.unit import packages

# A background job of a shell ignores Ctrl-C, and so would this process.
CODE = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from levada.cli import main; sys.exit(main())"
)


@pytest.fixture(scope="module", params=["ulx3s-85f", "colorlight-i9"])
def deploy(tmp_path_factory, request):
    path = tmp_path_factory.mktemp("package") / "deploy"
    packages.write_wide(path, frames=20, board=request.param)
    return path


def test_the_command_is_the_board(deploy):
    """It says how to use it, and that works, from the folder that it names; it ends with Ctrl-C."""
    board = subprocess.Popen(
        [sys.executable, "-c", CODE, "board-sim", str(deploy)], stderr=subprocess.PIPE, text=True
    )
    said = [board.stderr.readline() for _ in range(2)]
    assert " a simulated board at /dev/pts/" in said[0]
    command = said[1].split()[said[1].split().index("levada-run") + 1 :]
    assert command[:3] == ["--backend", "serial", "--port"]
    assert command[4:] == [str(deploy / "board-sim"), "selftest"]
    done = subprocess.run(
        [sys.executable, "-m", "levada_driver.cli", *command],
        env=os.environ | {"PYTHONPATH": str(environments.DRIVER)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("wide: 20 frames as they should be\n", "")
    board.send_signal(signal.SIGINT)
    _, err = board.communicate(timeout=30)
    assert board.returncode == 0
    assert err.endswith(" s stopped\n")


def test_a_package_without_the_simulator(deploy, tmp_path):
    with pytest.raises(LevadaError) as error:
        boardsim.open_line(tmp_path)
    path = tmp_path / "sim" / "serialsim"
    assert str(error.value) == f"{path}: there is no such file; build with the flow `simulate`"


def test_a_simulator_that_cannot_be_run(tmp_path):
    (tmp_path / "sim").mkdir()
    (tmp_path / "sim" / "serialsim").write_text("no program")
    with pytest.raises(LevadaError, match=r"serialsim: cannot be run here \(.*\); build the package here"):
        boardsim.open_line(tmp_path)
