"""A compiled rtlsim: run once for some frames, it gives them and the cycle of every beat at the ports."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from levada_driver.backends import Bytes
from levada_driver.packing import Stream

from levada.errors import CheckFailedError, LevadaError

#: Where a deploy package has the program, and the memory images that it reads at its start.
BINARY, IMAGES = "sim/rtlsim", "rtl"


@dataclass(frozen=True)
class Patience:
    """When a simulation counts as stuck: cycles without a beat at any port, and cycles in all."""

    quiet: int
    total: int

    @staticmethod
    def of(interval: int, latency: int, frames: int, stalls: float) -> Patience:
        """Generous limits for `frames` frames: hundreds of frame times."""
        frame = (latency + 4 * interval) * 64 * (8 if stalls else 1)
        return Patience(frame, (frames + 4) * frame)


@dataclass(frozen=True, eq=False)
class Run:
    """Frames out of each output, and the cycle in which each beat of each input and output moved."""

    outputs: list[Bytes]
    taken: list[npt.NDArray[np.int64]]
    given: list[npt.NDArray[np.int64]]
    cycles: int


class RtlProgram:
    """A compiled simulation; `images` is the folder with the memory images."""

    def __init__(
        self, binary: Path, images: Path, inputs: Sequence[Stream], outputs: Sequence[Stream]
    ) -> None:
        self._binary, self._images = binary, images
        self._inputs, self._outputs = inputs, outputs

    def simulate(
        self,
        inputs: Sequence[Bytes],
        patience: Patience,
        stalls: float = 0.0,
        seed: int = 0,
        setting: int = 0,
        trace: Path | None = None,
    ) -> Run:
        """Simulates frames [N, bytes] of each input; ports pause in a cycle with probability `stalls`."""
        arguments = [len(inputs[0]), round(stalls * 256), seed, patience.total, patience.quiet, setting]
        command = [str(self._binary.resolve()), *map(str, arguments)]
        if trace is not None:
            command.append(str(trace.resolve()))
        data = b"".join(np.ascontiguousarray(x).tobytes() for x in inputs)
        try:
            done = subprocess.run(command, cwd=self._images, input=data, capture_output=True, check=False)
        except OSError as error:
            raise LevadaError(
                f"{self._binary}: cannot be run here ({error}); build the package here"
            ) from error
        if done.returncode != 0:
            said = (done.stderr + done.stdout[:2000]).decode(errors="replace").strip()
            raise CheckFailedError(f"rtlsim stopped with exit code {done.returncode}: {said}")
        return self._parse(done.stdout, len(inputs[0]))

    def _parse(self, output: bytes, frames: int) -> Run:
        header, _, body = output.partition(b"\n")
        word, _, rest = header.decode().partition(" ")
        if word != "ok":
            raise CheckFailedError(f"rtlsim is stuck in cycle {rest}")
        data = np.frombuffer(body, np.uint8)
        outputs, at = [], 0
        for stream in self._outputs:
            outputs.append(data[at : at + frames * stream.frame_bytes].reshape(frames, stream.frame_bytes))
            at += frames * stream.frame_bytes
        cycles = []
        for stream in (*self._inputs, *self._outputs):
            size = 8 * frames * stream.beats
            cycles.append(data[at : at + size].copy().view(np.uint64).astype(np.int64))
            at += size
        inputs = len(self._inputs)
        return Run(outputs, cycles[:inputs], cycles[inputs:], int(rest))
