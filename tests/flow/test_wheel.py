"""The packages as others install them: built from an sdist, unpacked elsewhere, and used from there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from levada import boards, content, flows, models
from levada.layer import registered
from tests.require_tools import require

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("hls", "boards", "models", "build_flows")
# Kinds of files without which a package can be built but not used.
SUFFIXES = {".py", ".toml", ".sv", ".svh", ".hpp", ".cpp", ".onnx", ".npz", ".j2", ".md"}


def run(*command, cwd, env=None):
    done = subprocess.run([str(c) for c in command], cwd=cwd, env=env, capture_output=True, text=True)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with sdist/ and wheel/: the wheels are built from the sdists, as package indexes do."""
    require("hatchling")
    folder = tmp_path_factory.mktemp("packages")
    for project in (ROOT / "driver", ROOT):
        run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", folder / "sdist", cwd=project)
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index")
    run(*pip, "--wheel-dir", folder / "wheel", *sorted((folder / "sdist").iterdir()), cwd=folder)
    return folder


@pytest.fixture(scope="module")
def installed(made):
    """Runs Python on the installed wheels alone, in another working directory, and gives its output."""
    target, elsewhere = made / "target", made / "elsewhere"
    elsewhere.mkdir()
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index")
    run(*pip, "--target", target, *sorted((made / "wheel").glob("*.whl")), cwd=elsewhere)
    env = {**os.environ, "PYTHONPATH": str(target)}

    def python(*arguments):
        return run(sys.executable, *arguments, cwd=elsewhere, env=env)

    where = python(
        "-c", "import levada, levada_driver; print(levada.__file__, levada_driver.__file__)"
    ).split()
    assert all(Path(path).is_relative_to(target) for path in where), where
    return python


def sources(folder):
    """Files of the checkout that a package must hold, below `folder`."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.suffix in SUFFIXES)
    return {path.as_posix() for path in found if "__pycache__" not in path.parts}


def test_wheels_hold_everything(made):
    (wheel,) = (made / "wheel").glob("levada-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    want = {f"levada/{name}" for name in sources(ROOT / "levada")}
    want |= {f"levada/_content/{kind}/{name}" for kind in FOLDERS for name in sources(ROOT / kind)}
    assert sorted(want - names) == []
    (driver,) = (made / "wheel").glob("levada_driver-*.whl")
    held = set(zipfile.ZipFile(driver).namelist())
    assert sorted({f"levada_driver/{n}" for n in sources(ROOT / "driver" / "levada_driver")} - held) == []


def members(sdist):
    with tarfile.open(sdist) as archive:
        return archive.getnames()


def test_nothing_made_is_packed(made):
    sdists = [name for path in (made / "sdist").iterdir() for name in members(path)]
    wheels = [name for path in (made / "wheel").iterdir() for name in zipfile.ZipFile(path).namelist()]
    parts = {part for name in sdists + wheels for part in name.split("/")}
    assert not parts & {"__pycache__", ".venv", ".git"}
    # levada/build/ is a package; build/ at the root holds results.
    assert [name for name in sdists if name.split("/")[1:2] == ["build"]] == []


def test_content_is_found(installed):
    said = json.loads(
        installed(
            "-c",
            "import json; from levada import boards, content, flows, models\n"
            f"roots = [str(content.root(kind)) for kind in {FOLDERS}]\n"
            "print(json.dumps([roots, boards.names(), flows.names(), models.names()]))",
        )
    )
    roots, *names = said
    assert all("_content" in Path(root).parts for root in roots)
    assert names == [boards.names(), flows.names(), models.names()]
    assert str(content.root("hls")) not in roots


def test_layers(installed):
    rows = json.loads(installed("-m", "levada.cli", "layers", "--json"))
    assert [row["kind"] for row in rows] == sorted(registered())


def test_models(installed):
    rows = json.loads(installed("-m", "levada.cli", "models", "--json"))
    assert [row["name"] for row in rows] == models.names()
    assert "tfc-w1a1" in installed("-m", "levada.cli", "models")


def test_a_layer_is_generated_simulated_and_reported(installed):
    """Every kind of file in use: HLS templates, modules, the simulators' C++, the report's page."""
    script = """
import numpy as np
import levada.layers
from levada.layer import adapter, Tensor
from levada.sim.cppsim import CppSim
from levada.sim.rtlsim import RtlSim
from levada.sim.single import single
from levada.report.html import environment
from levada_driver.datatype import IntType

layer = adapter()(Tensor("x", (6,), IntType(3, True)), 2, 3)
graph = single(layer, next(layer.foldings()))
x = np.arange(12).reshape(2, 6) % 8 - 4
assert np.array_equal(CppSim(graph).run(x)[0], x)
assert np.array_equal(RtlSim(graph).run(x).outputs[0], x)
for name in ("template.html.j2", "explore.html.j2", "search.html.j2", "search.css", "search.js"):
    environment().get_template(name)
print("equal")
"""
    assert installed("-c", script) == "equal\n"


def test_driver_command(installed):
    assert "--backend" in installed("-m", "levada_driver.cli", "--help")
