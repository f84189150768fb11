"""The chip of a bench in Verilator, with cocotb in it: compiled once for each content, a process each run."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from levada import content
from levada.emit import chip
from levada.sim import native, rtlsim
from tests.unit import packages

TOP = "bench"
#: Memory ports of the bench's chip to read by, and to write by.
PORTS = (2, 1)
# Only the ports of the bench are for cocotb to see; its main loop wants the model by this name.
_VERILATE = ("--vpi", "--public-depth", "1", "--prefix", "Vtop", "--timescale", "1ns/1ps")


def require():
    """Skips where cocotb is missing; fails where a test must not be skipped."""
    try:
        import cocotbext.axi  # noqa: F401
    except ImportError as error:
        said = f"cocotb and cocotbext-axi are missing ({error}); run make setup"
        if os.environ.get("LEVADA_CI"):
            pytest.fail(said)
        pytest.skip(said)


def design():
    """The files of the bench and of its chip."""
    bench = {f"{TOP}.sv": Path(__file__).with_name(f"{TOP}.sv").read_text()}
    return chip.sources(packages.wide(), PORTS) | bench


def compiled(files):
    """The simulator of these files, from the cache if it is known."""
    import cocotb
    from cocotb_tools import config

    parts = [*_VERILATE, *(text for pair in sorted(files.items()) for text in pair)]
    key = content.digest(native.compiler_version(), cocotb.__version__, str(config.libs_dir), *parts)
    with native.made_once("cocotb", key, TOP) as (target, work):
        if work is not None:
            rtlsim.verilate(files, work, _VERILATE, TOP)
            (work / "obj" / "vpi.cpp").write_text('#include "verilated_vpi.cpp"\n')
            libraries = [f"-L{config.libs_dir}", f"-Wl,-rpath,{config.libs_dir}", "-lcocotbvpi_verilator"]
            main = config.share_dir / "lib" / "verilator" / "verilator.cpp"
            rtlsim.link(work, main, work / TOP, level=native.SHORT_RUNS, libraries=libraries)
    return target


def run(module, work):
    """What became of each cocotb test of the module: None, or how it failed; it runs in the folder `work`."""
    from cocotb_tools.runner import get_runner

    files = design()
    for name, text in files.items():
        if name.endswith(".hex"):  # read when the simulation starts
            (work / name).write_text(text)
    results = get_runner("verilator").test(
        test_module=module,
        hdl_toplevel=TOP,
        hdl_toplevel_lang="verilog",
        build_dir=compiled(files).parent,
        test_dir=work,
        results_xml=str(work / "results.xml"),
        log_file=work / "log.txt",
        seed=1,
        extra_env={"COCOTB_LOG_LEVEL": "WARNING"},
    )
    if not results.exists():  # the module cannot be imported
        return {}
    cases = ET.parse(results).getroot().iter("testcase")
    return {case.attrib["name"]: _failure(case) for case in cases}


def _failure(case):
    for kind in ("failure", "error", "skipped"):
        if (found := case.find(kind)) is not None:
            return f"{found.attrib.get('message', kind)}\n{found.text or ''}"
    return None
