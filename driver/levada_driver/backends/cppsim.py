"""The accelerator's C++ as a compiled library in this process, behind registers like those of the chip."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from levada_driver import registers as reg
from levada_driver.backends import Bytes
from levada_driver.backends.memory import BASE, SIZE, Memory, Part
from levada_driver.errors import DriverError
from levada_driver.manifest import Manifest
from levada_driver.packing import WORD, Stream

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

    def run(self, inputs: Sequence[Bytes], setting: int = 0) -> list[Bytes]:
        """Frames [N, bytes] of each input stream to those of each output stream, in a setting."""
        frames = len(inputs[0])
        data = [np.concatenate([x.reshape(-1), np.zeros(_SPARE, np.uint8)]) for x in inputs]
        results = [np.zeros(frames * s.frame_bytes + _SPARE, np.uint8) for s in self._outputs]
        failed = self._call(_pointers(data), _pointers(results), *map(ctypes.c_uint64, (frames, setting)))
        if failed:
            raise DriverError(f"cppsim: a stream was left too full or too empty in frame {failed - 1}")
        return [
            result[:-_SPARE].reshape(frames, s.frame_bytes)
            for result, s in zip(results, self._outputs, strict=True)
        ]


def _pointers(arrays: Sequence[Bytes]) -> Any:  # noqa: ANN401 - a ctypes array
    return (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))


class SoftwareChip:
    """The registers of hls/common/axi/control.sv over a library: a batch is done as soon as it is started.

    There are no cycles in C++, so CYCLES and what the streams do stay 0.
    """

    patience = 1.0

    def __init__(self, library: CppLibrary, manifest: Manifest) -> None:
        self._library, self._manifest = library, manifest
        self._memory = Memory(np.zeros(SIZE, np.uint8))
        readers = sum(manifest.ports[: len(manifest.inputs)])
        shape = len(manifest.streams) << 16 | (len(manifest.engines) - readers) << 8 | readers
        self._values = {
            reg.MAGIC: reg.MAGIC_WORD,
            reg.MAP: reg.MAP_VERSION,
            reg.DIGEST: manifest.register_digest & 0xFFFFFFFF,
            reg.DIGEST + 4: manifest.register_digest >> 32,
            reg.SHAPE: shape,
            reg.STATUS: reg.TAKES_MORE,
        }

    def read(self, offset: int) -> int:
        """The value of a register."""
        return self._values.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """Sets a register; a start runs the whole batch."""
        if offset == reg.PARAM_DATA:
            raise DriverError(
                f"{self._manifest.name}: cppsim has the parameters of the build; use backend='rtlsim' "
                "or 'pynq'"
            )
        if offset != reg.CONTROL:
            self._values[offset] = value
        elif value & reg.RESET:
            for counter in (reg.BATCHES, reg.SEEN):
                self._values[counter] = 0
        elif value & reg.START:
            self._run()
            self._values[reg.BATCHES] = self.read(reg.BATCHES) + 1

    def _run(self) -> None:
        memories = iter([self._memory_of(engine, words) for engine, words in enumerate(self._manifest.words)])
        parts = [[next(memories) for _ in range(t.ports)] for t in self._manifest.transfers]
        inputs = len(self._manifest.inputs)
        frames = self.read(reg.engine(0) + reg.WORDS) // self._manifest.words[0]
        pairs = list(zip(self._manifest.transfers, parts, strict=True))
        data = [transfer.gather(part, frames) for transfer, part in pairs[:inputs]]
        results = self._library.run(data, self.read(reg.SETTING))
        for (transfer, part), result in zip(pairs[inputs:], results, strict=True):
            transfer.scatter(result, part)

    def _memory_of(self, engine: int, words: int) -> Bytes:
        """The memory that the registers of an engine name, which moves `words` a frame."""
        base = reg.engine(engine)
        moved = self.read(base + reg.WORDS)
        first = self.read(base + reg.ADDRESS) + (self.read(base + reg.ADDRESS + 4) << 32) - BASE
        for counter, more in ((reg.MOVED, moved), (reg.FRAMES, moved // words)):
            self._values[base + counter] = self.read(base + counter) + more
        return self._memory.data[first : first + moved * WORD]

    def allocate(self, size: int) -> Part:
        """Memory that both sides see."""
        return self._memory.allocate(size)

    def wait(self, cycles: int) -> int:
        """Nothing is left to wait for."""
        return cycles

    def traffic(self) -> None:
        """Nothing: there is no line."""

    def power(self) -> None:
        """Nothing: a simulation takes none of its own."""

    def close(self) -> None:
        """Nothing: the library stays loaded for the life of the process."""


def open_package(folder: Path, manifest: Manifest) -> SoftwareChip:
    """The library of a deploy package."""
    path = folder / LIBRARY
    if not path.is_file():
        raise DriverError(f"{path}: the package has no C++ simulator; build it with the flow `simulate`")
    return SoftwareChip(CppLibrary(path, manifest.outputs), manifest)
