"""The command line: help, JSON, exit codes, results on stdout and everything else on stderr."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from levada import __version__, cli, models
from levada.layer import registered
from tests.flow.networks import mlp

VERBS = (
    "board-sim",
    "build",
    "doctor",
    "explore",
    "layers",
    "models",
    "report",
    "simulate",
    "train",
    "weights",
)


def run(capsys, *arguments):
    """Exit code, stdout and stderr of the command line in this process."""
    code = cli.main([str(argument) for argument in arguments])
    return code, *capsys.readouterr()


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of an estimate of a small network."""
    folder = tmp_path_factory.mktemp("built")
    network = mlp().save(folder / "small.onnx")
    arguments = ["build", str(network), "--flow", "estimate", "--out", str(folder / "out"), "--samples", "32"]
    assert cli.main(arguments) == 0
    return folder / "out"


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb(verb, capsys):
    code, out, err = run(capsys, verb, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"Usage: levada {verb} [OPTIONS]")


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_names_every_verb(flag, capsys):
    code, out, err = run(capsys, flag)
    assert (code, err) == (0, "")
    assert all(f"\n  {verb} " in out for verb in VERBS)


def test_version(capsys):
    assert run(capsys, "--version") == (0, f"levada {__version__}\n", "")


def test_nothing_shows_the_help_on_stderr(capsys):
    code, out, err = run(capsys)
    assert (code, out) == (2, "")
    assert err.startswith("Usage: levada [OPTIONS]")


USAGE = {
    "unknown-verb": (["buid"], "No such command 'buid'. Did you mean 'build'?; see `levada --help`"),
    "no-model": (["build"], "Missing argument 'MODEL'; see `levada build --help`"),
    "no-folder": (["report"], "Missing argument 'FOLDER'; see `levada report --help`"),
    "unknown-option": (
        ["layers", "--jsn"],
        "No such option '--jsn'. Did you mean '--json'?; see `levada layers --help`",
    ),
    "second-argument": (
        ["models", "x"],
        "Got unexpected extra argument (x); see `levada models --help`",
    ),
    "no-integer": (
        ["build", "x.onnx", "--samples", "1.5"],
        "Invalid value for '--samples': '1.5' is not a valid integer; see `levada build --help`",
    ),
    "no-number": (
        ["build", "x.onnx", "--clock-mhz", "fast"],
        "Invalid value for '--clock-mhz': 'fast' is not a valid float; see `levada build --help`",
    ),
    "seed": (
        ["build", "x.onnx", "--seed", "-1"],
        "Invalid value for '--seed': -1 is not in the range 0<=x<=2147483647; see `levada build --help`",
    ),
}


@pytest.mark.parametrize(("arguments", "text"), USAGE.values(), ids=USAGE)
def test_wrong_usage_is_one_line_and_code_2(arguments, text, capsys):
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err == f"levada: {text}\n"


def test_layers_as_json(capsys):
    code, out, err = run(capsys, "layers", "--json")
    assert (code, err) == (0, "")
    assert {row["kind"]: row["operators"] for row in json.loads(out)} == {
        kind: sorted(cls.operators) for kind, cls in registered().items()
    }


def test_models_as_json(capsys):
    code, out, err = run(capsys, "models", "--json")
    assert (code, err) == (0, "")
    assert [row["name"] for row in json.loads(out)] == models.names()


@pytest.mark.parametrize("verb", ["layers", "models"])
def test_tables_have_a_line_for_each_row(verb, capsys):
    rows = json.loads(run(capsys, verb, "--json")[1])
    code, out, err = run(capsys, verb)
    assert (code, err) == (0, "")
    assert all(str(row["kind" if verb == "layers" else "name"]) in out for row in rows)


def test_doctor_as_json_says_what_the_exit_code_says(capsys):
    code, out, err = run(capsys, "doctor", "--json")
    tools = json.loads(out)
    assert len(tools) > 5
    assert (code == 0) == (err == "")
    assert code in (0, 3)


def test_build_as_json_is_the_report_alone(built, tmp_path, capsys):
    network = built.parent / "small.onnx"
    code, out, err = run(capsys, "build", network, "--flow", "estimate", "--out", tmp_path / "o", "--json")
    report = json.loads(out)
    assert (code, report["model"], report["board"]) == (0, "small", "pynq-z2")
    assert [layer["kind"] for layer in report["layers"] if layer["kind"] == "mvau"] == ["mvau", "mvau"]
    assert [line.split(" s ")[1] for line in err.splitlines() if line.endswith("...")] == [
        f"{step} ..." for step in ("load", "streamline", "lower", "partition", "connect")
    ]
    assert json.loads((tmp_path / "o" / "report.json").read_text()) == report


def test_report_shows_what_the_build_wrote(built, capsys):
    code, out, err = run(capsys, "report", built, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == json.loads((built / "report.json").read_text())
    code, out, err = run(capsys, "report", built)
    assert (code, err) == (0, "")
    assert "mvau_0" in out


def test_partition_of_a_build_can_be_given_back(built, tmp_path, capsys):
    network = built.parent / "small.onnx"
    options = ["--flow", "estimate", "--partition", built / "partition.toml", "--out", tmp_path / "again"]
    assert run(capsys, "build", network, *options)[0] == 0
    written = [(folder / "partition.toml").read_text() for folder in (built, tmp_path / "again")]
    assert written[0] == written[1]


def test_explore_prints_the_curves_and_writes_a_page(built, tmp_path, capsys):
    network, page = built.parent / "small.onnx", tmp_path / "new" / "page.html"
    code, out, err = run(capsys, "explore", network, "--out", page, "--json")
    assert (code, f"in {page}" in err) == (0, True)
    assert {curve["name"] for curve in json.loads(out)["curves"]} == {"LUT only", "DSP only", "mixed"}
    assert "<svg" in page.read_text()
    code, out, _ = run(capsys, "explore", network, "--out", page)
    assert (code, "LUT only" in out) == (0, True)


@pytest.mark.parametrize(
    ("objective", "words"), [("throughput", "as fast as the board allows"), ("latency", "least latency")]
)
def test_a_build_says_what_it_was_folded_for(objective, words, built, tmp_path, capsys):
    options = ["--flow", "estimate", "--objective", objective, "--out", tmp_path / "out", "--json"]
    code, out, _ = run(capsys, "build", built.parent / "small.onnx", *options)
    assert code == 0
    assert json.loads(out)["partition"]["objective"] == words


FOLDERS = {
    "report-missing": (["report", "nowhere"], 1),
    "simulate-missing": (["simulate", "nowhere"], 1),
    "simulate-stalls": (["simulate", "nowhere", "--stalls", "1"], 1),
    "simulate-frames": (["simulate", "nowhere", "--frames", "1"], 1),
    "train-unknown": (["train", "tfc-w9a9"], 1),
    "no-board": (["build", "tfc-w2a2", "--board", "pynk"], 1),
}


@pytest.mark.parametrize(("arguments", "code"), FOLDERS.values(), ids=FOLDERS)
def test_mistake_is_one_line_and_code_1(arguments, code, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    got, out, err = run(capsys, *arguments)
    assert (got, out) == (code, "")
    assert err.startswith("levada: ")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"model": 1}', "\0"])
def test_damaged_report_is_one_line(text, tmp_path, capsys):
    (tmp_path / "report.json").write_text(text)
    code, out, err = run(capsys, "report", tmp_path)
    assert (code, out) == (1, "")
    assert err.startswith("levada: ")


def test_estimate_cannot_be_simulated(built, capsys):
    code, out, err = run(capsys, "simulate", built)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("levada: ")


def test_module_and_closed_pipe():
    """`levada models | head -0`: no traceback when nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "levada.cli", "models"],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
