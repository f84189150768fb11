"""Quality of results: two networks of models/ against their baselines, and what `levada qor` says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from levada import cli, qor
from levada.build import Options, build

BASELINES = Path(__file__).resolve().parents[1] / "baselines"
COUNTED = BASELINES / "pynq-z2"
STEPS = ["load", "streamline", "lower", "partition", "connect", "emit", "bitstream"]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Builds of small networks, counted by Yosys, by name."""
    folder = tmp_path_factory.mktemp("builds")
    return {
        name: build(Options(name, flow="count", samples=1, out=folder / name))[0]
        for name in ("tfc-w1a1", "tfc-w2a2")
    }


def run(capsys, *arguments):
    """Exit code, stdout and stderr of the command line in this process."""
    code = cli.main([str(argument) for argument in arguments])
    return code, *capsys.readouterr()


def test_nothing_has_changed(built, update):
    """A figure that got better fails here, too: then `pytest --update` keeps it."""
    changes = qor.compare(list(built.values()), BASELINES, update)
    assert {change.figure for change in changes} == {"cycles", "lut", "ff", "dsp", "bram18"}
    assert qor.changed(changes) == [] or update


@pytest.mark.slow
def test_nothing_has_changed_behind_place_and_route(tmp_path, update):
    """The clock that nextpnr finds, too: without simulation, which other tests do."""
    flow = tmp_path / "route.toml"
    flow.write_text(f'back_end = "ecp5"\nsteps = {json.dumps(STEPS)}\n')
    options = Options("tfc-w2a2", board="ulx3s-85f", flow=str(flow), samples=1, out=tmp_path / "out")
    changes = qor.compare([build(options)[0]], BASELINES, update)
    assert {change.figure for change in changes} == {"cycles", "lut", "ff", "dsp", "bram18", "fmax_mhz"}
    assert qor.changed(changes) == [] or update


def kept(folder, **changed):
    """A copy of the baselines in which figures of tfc-w2a2 are others."""
    shutil.copytree(COUNTED, folder / COUNTED.name)
    (path,) = folder.rglob("tfc-w2a2.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))
    return path


@pytest.mark.parametrize(
    ("figure", "factor", "verdict"),
    [
        ("lut", 1.02, "better"),
        ("lut", 0.98, "worse"),
        ("lut", 1.005, None),
        ("ff", 1.02, "better"),
        ("cycles", 1.01, "better"),
        ("cycles", 0.99, "worse"),
    ],
)
def test_a_change_for_better_or_worse(built, tmp_path, capsys, figure, factor, verdict):
    (path,) = COUNTED.rglob("tfc-w2a2.json")
    kept(tmp_path / "b", **{figure: json.loads(path.read_text())[figure] * factor})
    code, out, err = run(capsys, "qor", built["tfc-w2a2"], "--baselines", tmp_path / "b")
    assert "tfc-w2a2" in out
    if verdict is None:
        assert (code, err) == (0, "")
    else:
        said = f"levada: tfc-w2a2 {figure} is {verdict}; keep that with --update, or mend it\n"
        assert (code, err) == (1, said)


def test_a_slice_that_was_not_there(built, tmp_path, capsys):
    kept(tmp_path / "b", dsp=1)
    code, _, err = run(capsys, "qor", built["tfc-w2a2"], "--baselines", tmp_path / "b")
    assert code == 1
    assert "tfc-w2a2 dsp is better" in err


def test_update_keeps_what_has_changed(built, tmp_path, capsys):
    path = kept(tmp_path / "b", lut=1)
    assert run(capsys, "qor", built["tfc-w2a2"], "--baselines", tmp_path / "b", "--update")[0] == 0
    code, out, _ = run(capsys, "qor", built["tfc-w2a2"], "--baselines", tmp_path / "b", "--json")
    assert code == 0
    figures = {row["figure"]: row["now"] for row in json.loads(out)}
    assert figures == json.loads(path.read_text())


def test_a_build_without_baseline(built, tmp_path, capsys):
    code, out, err = run(capsys, "qor", built["tfc-w1a1"], "--baselines", tmp_path)
    assert (code, out) == (1, "")
    assert err.startswith(f"levada: {built['tfc-w1a1']}: has no baseline {tmp_path}")
    assert err.endswith("tfc-w1a1.json; make it with --update\n")
    assert run(capsys, "qor", built["tfc-w1a1"], "--baselines", tmp_path, "--update")[0] == 0
    assert run(capsys, "qor", built["tfc-w1a1"], "--baselines", tmp_path)[0] == 0


@pytest.mark.parametrize("text", ["", "[]", '{"lut": "many"}'])
def test_a_baseline_that_is_none(built, tmp_path, capsys, text):
    kept(tmp_path / "b").write_text(text)
    code, _, err = run(capsys, "qor", built["tfc-w2a2"], "--baselines", tmp_path / "b")
    assert code == 1
    assert err.endswith("; make it again with --update\n")


def test_an_estimate_is_no_result(tmp_path, capsys):
    out = build(Options("tfc-w1a1", flow="estimate", samples=1, out=tmp_path / "out"))[0]
    code, _, err = run(capsys, "qor", out)
    said = f"levada: {out}: its resources are estimates; build it with a flow that synthesizes\n"
    assert (code, err) == (1, said)
