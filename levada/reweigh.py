"""Another network's weights for an accelerator that was built to take them."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from levada_driver import Accelerator
from levada_driver import manifest as manifests
from levada_driver.parameters import Parameters, differing

from levada import content, fifo, partition, writable
from levada.build import Options, lowered
from levada.build.state import required
from levada.errors import LevadaError
from levada.graph import execute

# Frames that are compared, and come along for a selftest.
_SAMPLES = 16
_MOST_NAMED = 4


def reweigh(folder: Path, options: Options, out: Path | None, log: Callable[[str], None]) -> dict[str, Any]:
    """Writes the parameters of a network for the build in `folder`, and has its simulated chip run with them.

    Raises:
        LevadaError: the build takes no parameters, or the network is not of its form.
        DriverError: a result differs from the golden one.
    """
    package = content.package(folder)
    manifest = manifests.read(package)
    if manifest.forms is None:
        raise LevadaError(
            f"{manifest.name}: its parameters cannot be written; build it with --runtime-weights"
        )
    parameters = _parameters(
        package, manifest, replace(options, board=manifest.board, clock_mhz=manifest.clock_mhz), log
    )
    target = out or package.parent / f"{Path(options.model).stem}.weights.npz"
    buffer = io.BytesIO()
    parameters.save(buffer)
    content.write_whole(target, buffer.getvalue())
    with Accelerator(package, "rtlsim") as accelerator:
        accelerator.load(target)
        frames = accelerator.selftest()
    return {"file": str(target), "words": len(parameters.words), "frames": frames, "mismatches": 0}


def _parameters(
    package: Path, manifest: manifests.Manifest, options: Options, log: Callable[[str], None]
) -> Parameters:
    """The network as layers folded like those of the package, as words."""
    state = lowered(replace(options, runtime_weights=manifest.writable, samples=_SAMPLES), log)
    foldings = partition.from_toml(package.parent / "partition.toml")
    graph = fifo.connect(partition.with_foldings(required(state.graph), foldings))
    assert manifest.forms is not None
    wrong = differing(manifest.forms, writable.forms(graph))
    if wrong:
        raise LevadaError(
            f"{state.name}: is not of the form of {manifest.name}: {', '.join(wrong[:_MOST_NAMED])} would be "
            "other hardware; build it by itself"
        )
    network = required(state.network)
    host_input = required(network.host_input)
    values = execute(graph, host_input.quantize(state.samples))
    frames = len(state.samples)
    golden = np.concatenate([values[name].reshape(frames, -1) for name in graph.outputs], axis=1)
    words = writable.words(graph).astype(np.uint32)
    host_outputs = required(network.host_outputs)
    return Parameters(
        state.name, writable.forms(graph), words, host_input, host_outputs, state.samples, golden
    )
