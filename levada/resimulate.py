"""Runs the simulator that a build left in its deploy package again, with other frames and stalls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from levada_driver import manifest as manifests
from levada_driver.packing import pack, unpack

from levada import content
from levada.errors import CheckFailedError, LevadaError
from levada.sim import rtlsim
from levada.sim.program import BINARY, IMAGES, Patience, RtlProgram


def resimulate(
    folder: Path, frames: int, stalls: float, seed: int, trace: Path | None = None
) -> dict[str, Any]:
    """Frames, mismatches, cycles, interval and latency of a run of the package's samples.

    Raises:
        LevadaError: the folder is no build, or a number is out of range.
        CheckFailedError: a result differs from the golden one.
    """
    if not 0 <= stalls <= 0.9:
        raise LevadaError(f"--stalls {stalls:g}: must be from 0 to 0.9")
    if frames < 2:
        raise LevadaError(f"--frames {frames}: at least 2 are needed to see an interval")
    package = content.package(folder)
    manifest = manifests.read(package)
    with np.load(package / "samples.npz") as samples:
        x, golden = samples["input"], samples["golden"]
    values = manifest.host_input.quantize(x)
    values = np.resize(values, (frames, values.shape[1]))
    golden = np.resize(golden, (frames, golden.shape[1]))
    patience = Patience.of(manifest.interval, manifest.latency, frames, stalls)
    binary = package / BINARY
    if trace is not None:
        files = {path.name: path.read_text() for path in (package / IMAGES).iterdir()}
        binary = rtlsim.compile_program(files, (package / "sim" / "ports.hpp").read_text(), trace=True)
    program = RtlProgram(binary, package / IMAGES, manifest.inputs, manifest.outputs)
    run = program.simulate([pack(values, manifest.inputs[0])], patience, stalls, seed, trace=trace)
    got = [unpack(data, stream) for data, stream in zip(run.outputs, manifest.outputs, strict=True)]
    wrong = int((np.concatenate(got, axis=1) != golden).any(axis=1).sum())
    if wrong:
        raise CheckFailedError(f"{manifest.name}: {wrong} of {frames} frames differ from the golden results")
    ends = run.given[0][manifest.outputs[0].beats - 1 :: manifest.outputs[0].beats]
    return {
        "frames": frames,
        "mismatches": wrong,
        "cycles": run.cycles,
        "interval": float(np.diff(ends)[-1]) if stalls == 0 else float(np.diff(ends).mean()),
        "latency": int(ends[0] - run.taken[0][0]) + 1,
    }
