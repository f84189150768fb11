"""Options, data, flows and foldings that cannot be used: one line, nothing left behind, nothing lost."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest

from levada import cli, content
from tests.flow.checks import without_log
from tests.flow.networks import Chain, mlp


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return mlp().save(tmp_path_factory.mktemp("network") / "small.onnx")


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    chain = Chain(784).quant(2).linear(4, bits=2).quant(2).linear(3, bits=2)
    return chain.save(tmp_path_factory.mktemp("wide") / "wide.onnx")


@pytest.fixture
def refused(network, tmp_path, capsys):
    """Runs a build that must fail over an earlier result; gives its one line."""
    out = tmp_path / "place" / "out"
    out.mkdir(parents=True)
    (out / "report.json").write_text("earlier")

    def run(*options, model=network, code=1):
        capsys.readouterr()
        arguments = ["build", str(model), "--flow", "estimate", "--out", str(out)]
        assert cli.main([*arguments, *map(str, options)]) == code
        result, log = capsys.readouterr()
        assert result == ""
        assert [path.name for path in out.parent.iterdir()] == ["out"]
        assert (out / "report.json").read_text() == "earlier"
        said = without_log(log)
        assert said[0].startswith("levada: ")
        assert len(said) == 1 or "cannot be built" in said[0]
        return "\n".join(said)[len("levada: ") :]

    return run


RATES = {
    "0": "0: must be above 0 and below 1e9",
    "-1": "-1: must be above 0 and below 1e9",
    "nan": "nan: must be above 0 and below 1e9",
    "inf": "inf: must be above 0 and below 1e9",
    "-inf": "-inf: must be above 0 and below 1e9",
    "1e9": "1e+09: must be above 0 and below 1e9",
}


@pytest.mark.parametrize("option", ["--target-fps", "--clock-mhz"])
@pytest.mark.parametrize("value", RATES)
def test_rate(option, value, refused):
    assert refused(f"{option}={value}") == f"{option} {RATES[value]}"


def test_impossible_rate_names_the_layer_and_the_way_out(refused):
    text = refused("--target-fps", "9e8")
    assert text.startswith("mvau_0: takes at least ")
    assert "choose --target-fps 1" in text


def test_tiny_rate_is_met(network, tmp_path):
    arguments = [
        "build",
        str(network),
        "--flow",
        "estimate",
        "--target-fps",
        "1e-310",
        "--out",
        str(tmp_path / "o"),
    ]
    assert cli.main(arguments) == 0


@pytest.mark.parametrize("option", ["--samples", "--rtl-frames"])
@pytest.mark.parametrize("value", [0, -5])
def test_no_frames(option, value, refused):
    assert refused(f"{option}={value}") == (
        "--samples and --rtl-frames: at least 1 frame is needed to compare anything"
    )


GARBAGE = (
    " ",
    "8",
    "uint8/",
    "/255",
    "uint8/0",
    "uint8/-1",
    "uint8/2.5",
    "float32/1",
    "uint/255",
    "int0",
    "uint08",
)
MORE = ("uint8/255/2", "uint8 /255", "uint8,255", "bipolar", "int-8", "üint8/255", "uint8/1e3", "1/uint8")


@pytest.mark.parametrize("text", GARBAGE + MORE)
def test_input(text, refused):
    assert refused("--input", text) == f"--input {text}: write TYPE/D, such as uint8/255 or int16/1024"


def test_input_of_two_lines(refused):
    assert (
        refused("--input", "uint8\n") == r"--input 'uint8\n': write TYPE/D, such as uint8/255 or int16/1024"
    )


def test_input_of_17_bits(refused):
    assert refused("--input", "int17") == "--input int17: INT17 has more than 16 bits; choose fewer"


def test_float_input_without_quantizer(refused, tmp_path):
    model = Chain(6).linear(4).save(tmp_path / "float.onnx")
    assert "say what its integers are, e.g. --input uint8/255" in refused(model=model)


def test_every_problem_has_a_line(refused, tmp_path):
    model = Chain(6).quant().op("Tan").linear(4).op("Log").save(tmp_path / "two.onnx")
    lines = refused(model=model).splitlines()
    assert lines[0] == "two: 2 nodes cannot be built"
    assert [line.split(":")[0] for line in lines[1:]] == ["  Tan_0 (Tan)", "  Log_0 (Log)"]


def test_unknown_board_names_a_close_one(refused):
    assert refused("--board", "pynq-z3").startswith("board 'pynq-z3' is unknown; did you mean pynq-z")


@pytest.mark.parametrize("text", ["", "name = ", "name = 3", "\0", "[[["])
def test_broken_board(text, refused, tmp_path):
    path = tmp_path / "board.toml"
    path.write_text(text)
    assert refused("--board", path).startswith(f"{path}: ")


def test_unknown_flow(refused):
    known = "count, ecp5, estimate, simulate, verify, vitis_hls, zynq_openxc7, zynq_vivado"
    assert refused("--flow", "simlate").startswith(f"flow 'simlate' is unknown; known: {known}")


FLOWS = {
    "not-toml": ("steps = [", "cannot be read as TOML ("),
    "no-steps": ('description = "x"', "has no steps; write steps = [...] of "),
    "empty": ("steps = []", "has no steps; write steps"),
    "text": ('steps = "load"', "has no steps; write steps"),
    "unknown": ('steps = ["load", "fly"]', "step 'fly' is unknown; use "),
    "number": ("steps = [1]", "step 1 is unknown; use "),
    "table": ("steps = [{a = 1}]", "step {'a': 1} is unknown; use "),
    "nested": ('steps = ["load", [["lower"]]]', "step ['lower'] is unknown; use "),
    "key": ('step = ["load"]', "key step is unknown; use one of description, steps, back_end"),
    "no-back-end": (
        'steps = ["load", "streamline", "lower", "partition", "connect", "emit", "bitstream"]',
        "back_end and the step 'bitstream' need each other; write both, or none",
    ),
    "no-bitstream": (
        'back_end = "vivado"\nsteps = ["load", "streamline", "lower", "partition"]',
        "back_end and the step 'bitstream' need each other; write both, or none",
    ),
    "back-end": (
        'back_end = "ise"\n'
        'steps = ["load", "streamline", "lower", "partition", "connect", "emit", "bitstream"]',
        "back_end is 'ise'; use one of ",
    ),
    "twice": ('steps = ["load", "load"]', "step 'load' stands there twice; leave one out"),
    "twice-at-once": ('steps = [["load", "load"]]', "step 'load' stands there twice; leave one out"),
    "order": ('steps = ["lower"]', "step 'lower' needs 'streamline' before it; add that"),
    "at-once": (
        'steps = ["load", ["streamline", "lower"]]',
        "step 'lower' needs 'streamline' before it; add that",
    ),
    "short": (
        'steps = ["load", "streamline"]',
        "has no step 'partition', and no report without it; add that",
    ),
}


@pytest.mark.parametrize(("text", "error"), FLOWS.values(), ids=FLOWS)
def test_flow(text, error, refused, tmp_path):
    path = tmp_path / "flow.toml"
    path.write_text(text)
    assert refused("--flow", path).startswith(f"{path}: {error}")


def good(**arrays):
    return {"x": np.zeros((4, 6), np.float32), "y": np.arange(4)} | arrays


DATA = {
    "no-x": ({"z": np.zeros(3)}, "has no array `x`; save frames as x"),
    "text": (
        good(x=np.array(["a", "b", "c", "d"])),
        "x is <U1 of shape [4]; save frames [N, ...] of numbers",
    ),
    "complex": (good(x=np.zeros((4, 6), complex)), "x is complex128 of shape [4, 6]; save frames"),
    "scalar": ({"x": np.float32(1)}, "x is float32 of shape []; save frames [N, ...] of numbers"),
    "objects": ({"x": np.array([{}, 1], object)}, "cannot be read as .npz (ValueError: "),
    "shape": (good(x=np.zeros((4, 5))), "the data has frames of shape [5], the network takes [6]"),
    "no-frames": ({"x": np.zeros((0, 6))}, "the data has no frames; at least one is needed"),
    "nan": (good(x=np.full((4, 6), np.nan)), "the data holds NaN or infinity; take those frames out"),
    "too-large": (good(x=np.full((4, 6), 1e300)), "the data holds NaN or infinity"),
    "labels-short": (good(y=np.arange(3)), "4 frames in x but [3] classes in y; save one a frame"),
    "labels-one-hot": (good(y=np.eye(4)), "4 frames in x but [4, 4] classes in y; save one a frame"),
    "labels-scalar": (good(y=np.int64(1)), "4 frames in x but [] classes in y; save one a frame"),
    "labels-text": (good(y=np.array(["a"] * 4)), "y is <U1; save classes as whole numbers from 0"),
    "labels-half": (good(y=np.full(4, 0.5)), "y is float64; save classes as whole numbers from 0"),
    "labels-negative": (good(y=np.full(4, -1)), "y is int64; save classes as whole numbers from 0"),
}


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize(("arrays", "error"), DATA.values(), ids=DATA)
def test_data(arrays, error, refused, tmp_path):
    np.savez(tmp_path / "data.npz", **arrays)
    assert error in refused("--data", tmp_path / "data.npz")


def test_data_of_another_type_than_the_input(refused, tmp_path):
    for x in (np.full((4, 6), 256), np.full((4, 6), -1), np.zeros((4, 6))):
        np.savez(tmp_path / "data.npz", x=x)
        text = refused("--data", tmp_path / "data.npz", "--input", "uint8/255")
        assert text.startswith(f"small: --input says UINT8, the data is {x.dtype} from ")


def archive(path):
    np.savez(path, **good())
    return path.read_bytes()


FILES = {
    "missing": lambda path: None,
    "empty": lambda path: b"",
    "text": lambda path: b"x = 1\n",
    "half": lambda path: archive(path)[:300],
    "bits": lambda path: bytes(b ^ (1 if 60 < i < 90 else 0) for i, b in enumerate(archive(path))),
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_file_of_data(content, refused, tmp_path):
    path = tmp_path / "data.npz"
    data = content(path)
    if data is not None:
        path.write_bytes(data)
    assert refused("--data", path).startswith(f"--data {path}: cannot be read as .npz (")


def test_single_array_as_data(refused, tmp_path):
    with (tmp_path / "data.npz").open("wb") as file:
        np.save(file, np.zeros((4, 6)))
    assert refused("--data", tmp_path / "data.npz").endswith(
        "is a single array, no .npz; save it with numpy.savez"
    )


def test_unknown_data_set(refused):
    assert refused("--data", "mnost").startswith("data set 'mnost' is unknown; known: ")


PARTITIONS = {
    "not-toml": ("[mvau_0", "{path}: cannot be read as TOML ("),
    "unknown-layer": ("[conv_0]\npe = 1", "conv_0: no such layer in small; it has mvau_0, mvau_1"),
    "unknown-key": ("[mvau_0]\nPE = 1", "{path}: [mvau_0] has 'PE'; use pe, simd, mmv, dsp_pe, memory"),
    "no-table": ("mvau_0 = 3", "{path}: mvau_0 is 3; write a table [mvau_0] with pe, simd, ..."),
    "text": ('[mvau_0]\npe = "1"', "{path}: [mvau_0] pe = '1'; write a whole number"),
    "bool": ("[mvau_0]\npe = true", "{path}: [mvau_0] pe = True; write a whole number"),
    "float": ("[mvau_0]\npe = 1.0", "{path}: [mvau_0] pe = 1.0; write a whole number"),
    "zero": ("[mvau_0]\npe = 0", "{path}: [mvau_0] pe = 0; write a whole number"),
    "negative": ("[mvau_0]\nsimd = -1", "{path}: [mvau_0] simd = -1; write a whole number"),
    "memory-number": ("[mvau_0]\nmemory = 1", "{path}: [mvau_0] memory = 1; write text"),
    "memory": (
        '[mvau_0]\nmemory = "disk"',
        "mvau_0: memory=disk is not possible; legal near it: block, constant, lut",
    ),
    "pe": ('[mvau_0]\npe = 3\nmemory = "lut"', "mvau_0: PE=3 does not divide MH=5; legal near it: 1, 5"),
    "mmv": ('[mvau_0]\nmmv = 2\nmemory = "lut"', "mvau_0: MMV=2 does not divide pixels=1; legal near it: 1"),
    "dsp": ('[mvau_0]\ndsp_pe = 9\nmemory = "lut"', "mvau_0: dsp_pe=9 is not possible; legal near it: 5"),
}


@pytest.mark.parametrize(("text", "error"), PARTITIONS.values(), ids=PARTITIONS)
def test_partition(text, error, refused, tmp_path):
    path = tmp_path / "partition.toml"
    path.write_text(text)
    assert refused("--partition", path).startswith(error.format(path=path))


def test_partition_that_does_not_divide(refused, wide, tmp_path):
    path = tmp_path / "partition.toml"
    path.write_text('[mvau_0]\npe = 1\nsimd = 12\nmemory = "lut"\n')
    text = refused("--partition", path, model=wide)
    assert text == "mvau_0: SIMD=12 does not divide MW=784; legal near it: 8, 14"


def test_missing_partition(refused, tmp_path):
    path = tmp_path / "none.toml"
    assert (
        refused("--partition", path) == f"{path}: there is no such file; a build writes one as partition.toml"
    )


@pytest.mark.parametrize("call", ["write_whole", "rename"])
def test_full_disk_leaves_the_earlier_result(call, refused, monkeypatch):
    def full(*arguments, **how):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "disk")

    target = content if call == "write_whole" else content.Path
    monkeypatch.setattr(target, call, full)
    assert refused() == "disk: No space left on device"
