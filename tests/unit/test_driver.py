"""The driver: a package made by hand, run on both simulators, and each refusal in its own words."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
import zipfile
from types import SimpleNamespace

import levada_driver
import numpy as np
import pytest
from levada_driver import Accelerator, DriverError
from levada_driver import manifest as manifests
from levada_driver.backends.pynq import power_sensors
from levada_driver.cli import main
from levada_driver.packing import Stream, pack

from levada import timing
from levada.errors import CheckFailedError
from levada.sim.program import Patience, RtlProgram
from tests.unit import graphs, packages


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of a package, its frames and their golden integers."""
    folder = tmp_path_factory.mktemp("package") / "deploy"
    return folder, *packages.write(folder)


@pytest.fixture
def folder(built, tmp_path):
    """A package of one's own, to damage."""
    return shutil.copytree(built[0], tmp_path / "deploy")


@pytest.mark.parametrize("backend", ["cppsim", "rtlsim"])
def test_a_package_runs(built, backend):
    folder, x, golden = built
    with Accelerator(folder, backend) as accelerator:
        assert accelerator.selftest() == 5
        got = accelerator.run(x)
        assert got.dtype == np.float32
        assert np.array_equal(got, golden * packages.SCALE + packages.BIAS)
        assert np.array_equal(accelerator.run(x[2:3].astype(np.float64)), got[2:3])
        assert accelerator.run(x[:0]).shape == (0, 3)


def test_info_is_that_of_the_design(built):
    graph = packages.tiny()
    with Accelerator(built[0], "cppsim") as accelerator:
        info = accelerator.info()
    assert info == {
        "name": "tiny",
        "board": "pynq-z2",
        "part": "xc7z020clg400-1",
        "clock_mhz": 100.0,
        "fps": 100e6 / timing.interval(graph),
        "latency_us": timing.latency(graph) / 100,
        "input": {"shape": [2, 2], "dtype": "UINT4"},
        "outputs": [{"shape": [3], "dtype": graph.tensors[graph.outputs[0]].dtype.name}],
    }


def test_the_package_holds_its_driver_and_no_caches(built):
    folder, _, _ = built
    copied = {path.name for path in (folder / "driver" / "levada_driver").rglob("*")}
    assert {"accelerator.py", "pynq.py", "cli.py"} <= copied
    assert "__pycache__" not in copied
    manifest = manifests.read(folder)
    assert manifest.inputs == (Stream(graphs.UINT4, 2, 2),)
    assert manifest.to_json() == (folder / "accelerator.json").read_text()


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (np.zeros((2, 4)), "tiny: input has shape [4] a frame, expected [2, 2]"),
        (np.full((1, 2, 2), 16), "tiny: input from 16 to 16 does not fit UINT4"),
        (
            np.full((1, 2, 2), 0.5),
            "tiny: input must be integers of UINT4 (the network's input times 15)",
        ),
        ([[["a", "b"], ["c", "d"]]], "tiny: input must be integers of UINT4 (the network's input times 15)"),
    ],
)
def test_wrong_frames_are_refused(built, x, text):
    with Accelerator(built[0], "cppsim") as accelerator, pytest.raises(DriverError) as error:
        accelerator.run(x)
    assert str(error.value) == text


def test_a_wrong_result_is_named(folder):
    with np.load(folder / "samples.npz") as samples:
        x, golden = samples["input"], samples["golden"]
    wrong = golden.copy()
    wrong[3, 1] += 7
    np.savez(folder / "samples.npz", input=x, golden=wrong)
    with Accelerator(folder, "cppsim") as accelerator, pytest.raises(DriverError) as error:
        accelerator.selftest()
    text = f"tiny: frame 3, element 1: expected {golden[3, 1] + 7}, got {golden[3, 1]}"
    assert str(error.value) == text


def edited(folder, **values):
    path = folder / "accelerator.json"
    data = json.loads(path.read_text()) | values
    path.write_text(json.dumps({key: value for key, value in data.items() if value != "none"}))
    return path


def refused(folder):
    with pytest.raises(DriverError) as error:
        manifests.read(folder)
    return str(error.value)


def test_a_missing_manifest(tmp_path):
    path = tmp_path / "accelerator.json"
    assert refused(tmp_path) == f"{path}: there is no such file; give the deploy/ folder of a build"


@pytest.mark.parametrize("data", [b"", b'{"schema_version": 1', b"\xff\xfe\x00"])
def test_a_manifest_that_is_no_json(folder, data):
    path = folder / "accelerator.json"
    path.write_bytes(data)
    text = refused(folder)
    assert text.startswith(f"{path}: cannot be read (")
    assert text.endswith("); copy the deploy/ folder again")


@pytest.mark.parametrize("version", [0, 1, 4, 6, "5", None])
def test_another_schema_version(folder, version):
    path = edited(folder, schema_version=version)
    assert refused(folder) == (
        f"{path}: schema version {version}, this driver reads 5; "
        "install the levada-driver that is in the package's driver/ folder"
    )


def test_a_manifest_that_is_a_list(folder):
    (folder / "accelerator.json").write_text("[1]")
    assert "schema version None, this driver reads 5" in refused(folder)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"clock_mhz": "none"}, "KeyError('clock_mhz')"),
        ({"host_input": {"shape": [4]}}, "KeyError('dtype')"),
        (
            {"interval_cycles": "many"},
            "ValueError(\"invalid literal for int() with base 10: 'many'\")",
        ),
        (
            {"inputs": [{"dtype": "UINT4", "elements": 2, "beats": 2, "beat_bytes": 2}]},
            "ValueError('a beat of 2 bytes does not hold 8 bits')",
        ),
        (
            {"outputs": [{"dtype": "FLOAT32", "elements": 2, "beats": 2, "beat_bytes": 2}]},
            "ValueError(\"'FLOAT32' is no integer type; write INT<n>, UINT<n> or BIPOLAR\")",
        ),
        ({"outputs": 3}, "TypeError(\"'int' object is not iterable\")"),
    ],
)
def test_a_damaged_manifest(folder, values, said):
    path = edited(folder, **values)
    assert refused(folder) == f"{path}: is damaged ({said}); copy the deploy/ folder again"


def opened(folder, backend):
    with pytest.raises(DriverError) as error:
        Accelerator(folder, backend)
    return str(error.value)


def test_an_unknown_back_end(built):
    text = "back end 'vitis' is unknown; use one of pynq, serial, rtlsim, cppsim"
    assert opened(built[0], "vitis") == text


def test_there_is_no_bitstream_yet(folder):
    path = folder / "accelerator.bit"
    assert opened(folder, "pynq") == (
        f"{path}: the package has no bitstream for pynq-z2; put one there (levada's docs/bitstream.md), "
        "or use backend='rtlsim' or 'cppsim'"
    )
    path.write_bytes(b"")
    assert opened(folder, "pynq") == (
        "pynq is missing (No module named 'pynq'); run this on the board, or use backend='rtlsim' or 'cppsim'"
    )


@pytest.mark.parametrize(("name", "what"), [("chipsim", "an RTL"), ("cppsim.so", "a C++")])
def test_a_package_without_its_simulator(folder, name, what):
    (folder / "sim" / name).unlink()
    backend, kind = {"chipsim": "rtlsim", "cppsim.so": "cppsim"}[name], what.split()[1]
    assert opened(folder, backend) == (
        f"{folder / 'sim' / name}: the package has no {kind} simulator; build it with the flow `simulate`"
    )


def test_simulators_of_another_machine(folder):
    for name in ("chipsim", "cppsim.so"):
        (folder / "sim" / name).write_bytes(b"\x7fELF for some other machine")
    text = opened(folder, "cppsim")
    assert text.startswith(f"{folder / 'sim' / 'cppsim.so'}: cannot be loaded here (")
    assert text.endswith("); build the package on this machine")
    text = opened(folder, "rtlsim")
    assert text.startswith(f"{folder / 'sim' / 'chipsim'}: cannot be run here (")


def test_a_simulation_that_does_not_end_is_stuck(built):
    folder, x, _ = built
    m = manifests.read(folder)
    program = RtlProgram(folder / "sim" / "rtlsim", folder / "rtl", m.inputs, m.outputs)
    with pytest.raises(CheckFailedError) as error:
        program.simulate([pack(x, m.inputs[0])], Patience(quiet=1000, total=3))
    assert str(error.value).startswith("rtlsim is stuck in cycle 3: ")


@pytest.fixture
def cli(monkeypatch, capsys):
    """Runs levada-run; gives exit code, stdout and stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["levada-run", *map(str, arguments)])
        try:
            code = main()
        except SystemExit as error:
            code = error.code
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_levada_run(built, cli, tmp_path):
    folder, x, golden = built
    assert cli(folder, "--backend", "cppsim", "selftest") == (0, "tiny: 5 frames as they should be\n", "")
    code, out, err = cli(folder, "--backend", "cppsim", "info")
    assert (code, json.loads(out)["name"], err) == (0, "tiny", "")
    np.save(tmp_path / "x.npy", x)
    run = ("--backend", "cppsim", "run", tmp_path / "x.npy", tmp_path / "y.npy")
    assert cli(folder, *run) == (0, "", "")
    assert np.array_equal(np.load(tmp_path / "y.npy"), golden * packages.SCALE + packages.BIAS)


def test_levada_run_benchmarks(built, cli):
    folder, _, _ = built
    code, out, err = cli(folder, "--backend", "rtlsim", "--batch", 4, "benchmark", "--frames", 9, "--streams")
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert (result["frames"], result["chip"]["frames"]) == (9, 4)
    assert [row["name"] for row in result["streams"]] == list(manifests.read(folder).streams)
    no_frames = "levada-run: tiny: 0 frames: there must be at least 1\n"
    assert cli(folder, "--backend", "cppsim", "benchmark", "--frames", 0) == (1, "", no_frames)


def test_power_is_an_average_of_the_sensors_that_there_are(built):
    with Accelerator(built[0], "cppsim") as accelerator:
        assert accelerator.benchmark(10)["watts"] is None
        readings = itertools.cycle([2.0, 3.0])
        accelerator._backend.power = lambda: next(readings)
        assert 2 <= accelerator.benchmark(10)["watts"] <= 2.5


def test_power_is_that_of_the_supply_or_of_all_rails():
    rails = {name: SimpleNamespace(power=SimpleNamespace(value=watts)) for name, watts in RAILS.items()}
    rails["VADJ"] = SimpleNamespace(power=None)
    assert [sensor.value for sensor in power_sensors(rails)] == [9.5]
    del rails["12V"]
    assert [sensor.value for sensor in power_sensors(rails)] == [1.5, 0.5]
    assert power_sensors({}) == []


RAILS = {"INT": 1.5, "12V": 9.5, "DDR": 0.5}  # watts


def test_levada_run_says_in_one_line_what_is_wrong(folder, cli, tmp_path):
    text = f"levada-run: {folder / 'accelerator.bit'}: the package has no bitstream for pynq-z2; "
    code, out, err = cli(folder, "selftest")
    assert (code, out) == (1, "")
    assert err.startswith(text)
    np.save(tmp_path / "x.npy", np.zeros((1, 3)))
    run = ("--backend", "cppsim", "run", tmp_path / "x.npy", tmp_path / "y.npy")
    wrong = "levada-run: tiny: input has shape [3] a frame, expected [2, 2]\n"
    assert cli(folder, *run) == (1, "", wrong)
    assert not (tmp_path / "y.npy").exists()


@pytest.mark.parametrize("damage", ["no file", "empty", "text", "torn zip", "no golden"])
def test_damaged_arrays_are_said_in_one_line(folder, cli, tmp_path, damage):
    samples, given = folder / "samples.npz", tmp_path / "x.npy"
    for path in (samples, given):
        _damage(path, damage)
    for action in (["selftest"], ["run", given, tmp_path / "y.npy"]):
        code, out, err = cli(folder, "--backend", "cppsim", *action)
        assert (code, out, err.count("\n")) == (1, "", 1), err
        assert err.startswith(f"levada-run: {samples if action == ['selftest'] else given}: cannot be read")


def _damage(path, damage):
    path.unlink(missing_ok=True)
    if damage in ("empty", "text"):
        path.write_text("" if damage == "empty" else "some text")
    elif damage == "torn zip":
        path.write_bytes(b"PK\x03\x04 and no more")
    elif damage == "no golden":
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("other.txt", "text")


@pytest.mark.parametrize(
    "arguments", [[], ["--help"], ["deploy", "fly"], ["--backend", "vitis", "x", "info"]]
)
def test_usage(cli, arguments):
    code, out, err = cli(*arguments)
    assert code == (0 if arguments == ["--help"] else 2)
    assert "levada-run" in out + err


def test_importing_the_driver_imports_neither_levada_nor_a_framework():
    code = (
        "import sys, levada_driver, levada_driver.cli, levada_driver.backends.pynq\n"
        "import levada_driver.backends.rtlsim, levada_driver.backends.cppsim\n"
        "print(sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.replace("'", "").strip("[]\n").split(", "))
    assert {"levada_driver", "numpy"} <= loaded
    assert not loaded & {"levada", "torch", "onnx", "onnxruntime", "qonnx", "finn", "brevitas", "pynq"}
    assert levada_driver.__all__ == ["Accelerator", "ChipError", "DriverError", "StuckError"]
