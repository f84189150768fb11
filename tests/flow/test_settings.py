"""`levada build` of several nested networks at once: every level in every setting, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from levada_driver import Accelerator

from levada import cli
from levada.export import drop
from tests.flow.networks import mlp, save

LISTED = """
[[setting]]
name = "w3"
onnx = "wide.onnx"

[[setting]]
name = "w2"
onnx = "narrow.onnx"
"""


def networks(folder, wide, narrow):
    """Two networks and the file that lists them."""
    save(wide, folder / "wide.onnx")
    save(narrow, folder / "narrow.onnx")
    path = folder / "net.settings.toml"
    path.write_text(LISTED)
    return path


def cut(seed=0, **how):
    """A network with weights of 3 bits, of which the upper 2 are left."""
    proto = mlp(seed, **how).model()
    drop(proto, 2)
    return proto


def failed(capsys, *arguments):
    """The one line of a command that fails."""
    assert cli.main([str(argument) for argument in arguments]) == 1
    return capsys.readouterr().err.strip().splitlines()[-1]


def test_every_level_in_every_setting(tmp_path):
    path = networks(tmp_path, mlp(0).model(), cut())
    out = tmp_path / "out"
    arguments = ["build", str(path), "--samples", "16", "--rtl-frames", "8", "--flow", "simulate"]
    assert cli.main([*arguments, "--out", str(out)]) == 0
    report = json.loads((out / "report.json").read_text())
    assert report["model"] == "net"
    assert [(one["name"], one["weight_bits"]) for one in report["settings"]] == [("w3", 3), ("w2", 2)]
    for one in report["settings"]:
        assert set(one["levels"]) == {"streamlined", "graph", "cppsim", "rtlsim", "driver"}
        assert all(level["samples"] and not level["mismatches"] for level in one["levels"].values())
    assert any(note.startswith("setting w2: frames compared and equal: ") for note in report["notes"])
    with Accelerator(out / "deploy", "rtlsim") as accelerator:
        assert accelerator.settings == ("w3", "w2")
        x = accelerator.samples()[0]
        wide = accelerator.run(x)
        accelerator.setting = "w2"
        assert not np.array_equal(accelerator.run(x), wide)
        assert accelerator.selftest() == 2 * len(x)


@pytest.mark.parametrize(
    ("narrow", "said"),
    [
        (lambda: mlp(1).model(), "the weights of setting 1 are not the upper planes of those of setting 0"),
        (lambda: mlp(0).model(), "net: its settings are all the same network; build one of them alone"),
        (
            lambda: cut(inputs=7),
            "setting w2: the host would have to quantize the input otherwise than for w3;",
        ),
    ],
)
def test_networks_that_do_not_belong_together(narrow, said, tmp_path, capsys):
    path = networks(tmp_path, mlp(0).model(), narrow())
    assert said in failed(capsys, "build", path, "--flow", "estimate", "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_vitis_hls_takes_one_setting(tmp_path, capsys):
    path = networks(tmp_path, mlp(0).model(), cut())
    arguments = ("--samples", "4", "--flow", "vitis_hls", "--out", tmp_path / "out")
    said = failed(capsys, "build", path, *arguments)
    assert said == "levada: net: Vitis HLS is tried on one setting at a time; build them apart"
