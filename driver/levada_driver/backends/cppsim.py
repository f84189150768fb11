"""The accelerator's C++, compiled to a shared library and called in this process."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from levada_driver.backends import Bytes
from levada_driver.errors import DriverError
from levada_driver.manifest import Manifest
from levada_driver.packing import Stream

LIBRARY = "sim/cppsim.so"
_SPARE = 8  # bytes past the end of a buffer that the C++ may touch


class CppLibrary:
    """A compiled accelerator with the function `levada_cppsim`."""

    def __init__(self, path: Path, outputs: Sequence[Stream]) -> None:
        try:
            self._call: Any = ctypes.CDLL(str(path)).levada_cppsim
        except OSError as error:
            raise DriverError(
                f"{path}: cannot be loaded here ({error}); build the package on this machine"
            ) from error
        self._call.restype = ctypes.c_uint64
        self._outputs = outputs

    def run(self, inputs: Sequence[Bytes]) -> list[Bytes]:
        """Frames [N, bytes] of each input stream to those of each output stream."""
        frames = len(inputs[0])
        data = [np.concatenate([x.reshape(-1), np.zeros(_SPARE, np.uint8)]) for x in inputs]
        results = [np.zeros(frames * s.frame_bytes + _SPARE, np.uint8) for s in self._outputs]
        failed = self._call(_pointers(data), _pointers(results), ctypes.c_uint64(frames))
        if failed:
            raise DriverError(f"cppsim: a stream was left too full or too empty in frame {failed - 1}")
        return [
            result[:-_SPARE].reshape(frames, s.frame_bytes)
            for result, s in zip(results, self._outputs, strict=True)
        ]

    def close(self) -> None:
        """Nothing: the library stays loaded for the life of the process."""


def _pointers(arrays: Sequence[Bytes]) -> Any:  # noqa: ANN401 - a ctypes array
    return (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))


def open_package(folder: Path, manifest: Manifest) -> CppLibrary:
    """The library of a deploy package."""
    path = folder / LIBRARY
    if not path.is_file():
        raise DriverError(f"{path}: the package has no C++ simulator; build it with the flow `simulate`")
    return CppLibrary(path, manifest.outputs)
