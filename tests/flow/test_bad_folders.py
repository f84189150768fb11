"""Folders that cannot be written, builds that are stopped, a missing compiler: an earlier result stays."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys

import pytest

from levada import cli, content
from tests.flow.checks import without_log
from tests.flow.networks import mlp


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return mlp().save(tmp_path_factory.mktemp("network") / "small.onnx")


@pytest.fixture
def folder_refused(network, capsys):
    def run(out):
        capsys.readouterr()
        assert cli.main(["build", str(network), "--flow", "estimate", "--out", str(out)]) == 1
        result, log = capsys.readouterr()
        assert (result, log.count("\n")) == ("", 1)
        return log

    return run


def test_folder_below_a_file(folder_refused, tmp_path):
    (tmp_path / "file").write_text("mine")
    assert "cannot write there (" in folder_refused(tmp_path / "file" / "out")
    assert (tmp_path / "file").read_text() == "mine"


def test_folder_is_a_file(folder_refused, tmp_path):
    (tmp_path / "file").write_text("mine")
    assert folder_refused(tmp_path / "file").endswith("file: is a file; choose another --out\n")
    assert (tmp_path / "file").read_text() == "mine"


def test_folder_is_a_device(folder_refused):
    assert folder_refused("/dev/null") == "levada: /dev/null: is no folder; choose another --out\n"


def test_folder_with_other_files(folder_refused, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    assert "is a folder with other files in it; choose another --out or empty it" in folder_refused(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_folder_that_cannot_be_made(code, folder_refused, tmp_path, monkeypatch):
    def fails(**how):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(content.tempfile, "mkdtemp", fails)
    want = f"levada: {tmp_path / 'out'}: cannot write there ({os.strerror(code)}); choose another --out\n"
    assert folder_refused(tmp_path / "out") == want


def test_interrupted_replacement_keeps_the_earlier_result(tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.json").write_text("earlier")
    rename, calls = content.Path.rename, []

    def second_is_stopped(self, target):
        calls.append(target)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(content.Path, "rename", second_is_stopped)
    with pytest.raises(KeyboardInterrupt), content.folder_made_whole(tmp_path / "out") as work:
        (work / "report.json").write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out" / "report.json").read_text() == "earlier"


def command(network, out, flow):
    return [sys.executable, "-m", "levada.cli", "build", str(network), "--flow", flow, "--out", str(out)]


# Tests that a shell runs in the background ignore Ctrl-C, and what they start would inherit that.
NOTICES_CTRL_C = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.parametrize("moment", ["streamline ...", "cppsim ..."])
def test_ctrl_c(moment, network, tmp_path):
    out = tmp_path / "place" / "out"
    out.mkdir(parents=True)
    (out / "report.json").write_text("earlier")
    environment = os.environ | {
        "LEVADA_CACHE": str(tmp_path / "cache")
    }  # so that there is something to compile
    process = subprocess.Popen(
        [sys.executable, "-c", NOTICES_CTRL_C, *command(network, out, "simulate")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    log = []
    for line in process.stderr:
        log.append(line)
        if moment in line:
            break
    else:
        pytest.fail(f"the build ended before {moment}: {''.join(log)}")
    process.send_signal(signal.SIGINT)
    result, rest = process.communicate(timeout=60)  # far more than it takes, on a machine that does much else
    assert (process.returncode, result, without_log(rest)) == (
        1,
        "",
        ["levada: stopped; an earlier result is as it was"],
    )
    assert [path.name for path in out.parent.iterdir()] == ["out"]
    assert (out / "report.json").read_text() == "earlier"


def test_missing_compiler(network, tmp_path):
    environment = os.environ | {"CXX": "/nonexistent/g++", "LEVADA_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        command(network, tmp_path / "place" / "out", "simulate"),
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert [
        line for line in done.stderr.splitlines() if line.startswith("levada: ")
    ] == done.stderr.splitlines()[-1:]
    assert "Traceback" not in done.stderr
    assert list((tmp_path / "place").iterdir()) == []
