"""An accelerator as a function of NumPy arrays, the same on a board and on its simulators."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from levada_driver import manifest as manifests
from levada_driver.backends import open_backend
from levada_driver.datatype import IntArray
from levada_driver.errors import DriverError
from levada_driver.packing import pack, unpack

SAMPLES = "samples.npz"


class Accelerator:
    """A deploy package on one of its back ends: "pynq" on the board, "rtlsim" or "cppsim" anywhere.

    Use it as a context manager, or call close().
    """

    def __init__(self, folder: str | Path, backend: str = "pynq") -> None:
        self.folder = Path(folder)
        self.manifest = manifests.read(self.folder)
        self._backend = open_backend(backend, self.folder, self.manifest)

    def run(self, x: npt.NDArray[Any]) -> npt.NDArray[Any] | tuple[npt.NDArray[Any], ...]:
        """The network's output [N, ...] for frames x [N, *input shape]: float32, or int64 class indices.

        A tuple of them where the network has several outputs.

        x is what the network takes (float), or the integers named in `manifest.host_input`. Raises
        DriverError for a wrong shape or value.
        """
        results = self.manifest.host_outputs.finish(self.run_integers(x))
        return results[0] if len(results) == 1 else results

    def run_integers(self, x: npt.NDArray[Any]) -> IntArray:
        """The accelerator's own integers [N, elements], before the host's scale and bias.

        Those of several outputs lie side by side.
        """
        (stream,) = self.manifest.inputs
        try:
            packed = pack(self.manifest.host_input.quantize(np.asarray(x)), stream)
        except ValueError as error:
            raise DriverError(f"{self.manifest.name}: {error}") from error
        parts = zip(self._backend.run([packed]), self.manifest.outputs, strict=True)
        return np.concatenate([unpack(data, result) for data, result in parts], axis=1)

    def selftest(self) -> int:
        """Runs the package's sample input and returns the number of frames; DriverError where one differs."""
        x, golden = self._samples()
        got = self.run_integers(x)
        wrong = np.argwhere(got != golden)
        if len(wrong):
            frame, index = (int(i) for i in wrong[0])
            raise DriverError(
                f"{self.manifest.name}: frame {frame}, element {index}: expected {golden[frame, index]}, "
                f"got {got[frame, index]}"
            )
        return len(x)

    def _samples(self) -> tuple[npt.NDArray[Any], IntArray]:
        path = self.folder / SAMPLES
        try:
            with np.load(path) as samples:
                return samples["input"], samples["golden"]
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise DriverError(f"{path}: cannot be read ({error}); copy the deploy/ folder again") from error

    def info(self) -> dict[str, Any]:
        """Name, board, clock and the rate and latency that the simulation showed."""
        m = self.manifest
        return {
            "name": m.name,
            "board": m.board,
            "part": m.part,
            "clock_mhz": m.clock_mhz,
            "fps": m.clock_mhz * 1e6 / m.interval,
            "latency_us": m.latency / m.clock_mhz,
            "input": {"shape": list(m.host_input.shape), "dtype": m.host_input.dtype.name},
            "outputs": [
                {"shape": list(part.shape), "dtype": part.dtype.name} for part in m.host_outputs.parts
            ],
        }

    def close(self) -> None:
        """Gives back the board or the simulator."""
        self._backend.close()

    def __enter__(self) -> Accelerator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
