"""The test bench of a layer in a plan for Vitis HLS, compiled by g++ with open headers."""

from __future__ import annotations

from levada.sim import native
from levada.sim.cppsim import ap_types


def compiled(folder):
    """Compiles the bench in the folder of a layer."""
    flags = ["-std=c++17", "-w", "-O0", "-isystem", str(ap_types())]
    flags += native.precompiled("#include <ap_int.h>\n#include <hls_stream.h>\n", flags)
    sources = [f"{folder.name}.cpp", "../bench.cpp"]
    native.run([native.compiler(), *flags, "-I../include", "-I.", *sources, "-o", "bench"], cwd=folder)


def run_bench(folder):
    """Runs the bench; its exit code and what it says."""
    done = native.call([folder / "bench"], cwd=folder)
    return done.code, done.stdout.splitlines()
