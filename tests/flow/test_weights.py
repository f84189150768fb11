"""`--runtime-weights` and `levada weights`: another network in the place of the one that was built."""

from __future__ import annotations

import json

import numpy as np
import pytest
from levada_driver import Accelerator

from levada import cli
from tests.flow.networks import mlp


def run(capsys, *arguments):
    """Exit code, stdout and the last line of stderr."""
    code = cli.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, out, err.strip().splitlines()[-1] if err else ""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A build that takes the weights of others, and the file of the network that was built."""
    folder = tmp_path_factory.mktemp("built")
    network = mlp(0).save(folder / "first.onnx")
    out = folder / "out"
    arguments = ["build", str(network), "--runtime-weights", "all", "--samples", "8", "--out", str(out)]
    assert cli.main(arguments) == 0
    return out


def test_another_network_takes_its_place(built, tmp_path, capsys):
    other = mlp(1).save(tmp_path / "other.onnx")
    code, out, _ = run(capsys, "weights", built, other, "--out", tmp_path / "other.npz", "--json")
    assert code == 0
    found = json.loads(out)
    assert found["mismatches"] == 0
    assert found["frames"] > 1
    with Accelerator(built / "deploy", "rtlsim") as accelerator:
        x = accelerator.samples()[0]
        before = accelerator.run(x)
        accelerator.load(tmp_path / "other.npz")
        assert not np.array_equal(accelerator.run(x), before)


def test_the_file_lies_in_the_build_by_default(built, tmp_path, capsys):
    other = mlp(1).save(tmp_path / "other.onnx")
    assert run(capsys, "weights", built, other)[0] == 0
    assert (built / "other.weights.npz").is_file()


def test_a_network_of_another_size(built, tmp_path, capsys):
    other = mlp(1, hidden=7).save(tmp_path / "other.onnx")
    code, out, err = run(capsys, "weights", built, other, "--out", tmp_path / "other.npz")
    assert (code, out) == (1, "")
    assert err.startswith("levada: mvau_")
    assert not (tmp_path / "other.npz").exists()


def test_a_network_of_other_bits(built, tmp_path, capsys):
    other = mlp(1, bits=2).save(tmp_path / "other.onnx")
    code, _, err = run(capsys, "weights", built, other, "--out", tmp_path / "other.npz")
    assert code == 1
    assert "other: is not of the form of first: " in err
    assert err.endswith("would be other hardware; build it by itself")


def test_a_build_whose_weights_are_fixed(tmp_path, capsys):
    network = mlp(0).save(tmp_path / "fixed.onnx")
    out = tmp_path / "out"
    assert run(capsys, "build", network, "--samples", "8", "--rtl-frames", "2", "--out", out)[0] == 0
    code, _, err = run(capsys, "weights", out, network)
    assert code == 1
    assert err == "levada: fixed: its parameters cannot be written; build it with --runtime-weights"


def test_a_layer_that_does_not_exist(tmp_path, capsys):
    network = mlp(0).save(tmp_path / "net.onnx")
    code, _, err = run(capsys, "build", network, "--runtime-weights", "mvau_9", "--out", tmp_path / "out")
    assert code == 1
    assert err == "levada: --runtime-weights mvau_9: no such layer in net; it has mvau_0, mvau_1"
    assert not (tmp_path / "out").exists()
