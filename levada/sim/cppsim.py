"""cppsim: the generated HLS C++ compiled by g++ and called in this process, arrays in, arrays out."""

from __future__ import annotations

import ctypes
import importlib.util
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from levada_driver.datatype import IntArray
from levada_driver.packing import pack, unpack

from levada import content
from levada.emit import cpp, harness
from levada.errors import CheckFailedError, ToolMissingError
from levada.graph import Graph
from levada.sim import native

_FLAGS = ("-std=c++17", "-O2", "-fPIC", "-shared", "-w", "-fvisibility=hidden")
_HEADERS = "#include <ap_int.h>\n#include <hls_stream.h>\n"
_SPARE = 8  # bytes past the end that the C++ may touch
_CHUNK = 256  # frames of one call: small enough to see Ctrl-C and to show progress


def ap_types() -> Path:
    """Folder with `ap_int.h`: of Vitis HLS where installed (`$XILINX_HLS`), else of the hls4ml wheel."""
    vitis = os.environ.get("XILINX_HLS")
    if vitis and (Path(vitis) / "include" / "ap_int.h").is_file():
        return Path(vitis) / "include"
    found = importlib.util.find_spec("hls4ml")
    if found is None or found.origin is None:
        raise ToolMissingError("the ap_int headers are missing; pip install --no-deps hls4ml")
    return Path(found.origin).parent / "templates" / "vivado" / "ap_types"


class CppSim:
    """The C++ of a connected graph, compiled once for each content and loaded."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.library = compile_library(graph)
        self._call: Any = ctypes.CDLL(str(self.library)).levada_cppsim
        self._call.restype = ctypes.c_uint64

    def run(
        self, *inputs: IntArray, progress: Callable[[int], object] = lambda frames: None
    ) -> tuple[IntArray, ...]:
        """Arrays [frames, ...], one an input, to arrays [frames, elements], one an output.

        `progress` is told how many frames were done. Raises CheckFailedError where a stream holds too
        few or too many beats.
        """
        frames = len(inputs[0])
        starts = range(0, frames, _CHUNK)
        with ThreadPoolExecutor(native.JOBS) as pool:
            parts = []
            for part in pool.map(lambda at: self._chunk([x[at : at + _CHUNK] for x in inputs]), starts):
                parts.append(part)
                progress(len(part[0]))
        if not parts:
            parts = [self._chunk(list(inputs))]
        return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))

    def _chunk(self, inputs: Sequence[IntArray]) -> tuple[IntArray, ...]:
        graph, frames = self.graph, len(inputs[0])
        given = [graph.stream(name) for name in graph.outputs]
        data = [
            _spare(pack(x, graph.stream(name)).reshape(-1))
            for x, name in zip(inputs, graph.inputs, strict=True)
        ]
        results = [np.zeros(frames * s.frame_bytes + _SPARE, np.uint8) for s in given]
        failed = self._call(_pointers(data), _pointers(results), ctypes.c_uint64(frames))
        if failed:
            raise CheckFailedError(f"cppsim: a stream was left too full or too empty in frame {failed - 1}")
        return tuple(
            unpack(result[:-_SPARE].reshape(frames, s.frame_bytes), s)
            for result, s in zip(results, given, strict=True)
        )


def _spare(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.concatenate([data, np.zeros(_SPARE, np.uint8)])


def _pointers(arrays: Sequence[npt.NDArray[np.uint8]]) -> Any:  # noqa: ANN401 - a ctypes array
    return (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))


def compile_library(graph: Graph) -> Path:
    """The shared library of a graph's C++, from the cache where it was compiled before."""
    files = cpp.sources(graph) | {"ports.hpp": harness.ports_header(graph)}
    files["cppsim.cpp"] = Path(__file__).with_name("cppsim.cpp").read_text()
    key = content.digest(native.compiler_version(), *_FLAGS, *(x for pair in sorted(files.items()) for x in pair))
    with native.made_once("cppsim", key, "cppsim.so") as (target, work):
        if work is not None:
            for name, text in files.items():
                (work / name).write_text(text)
            flags = [*_FLAGS, "-isystem", str(ap_types()), "-pthread"]
            flags += native.precompiled(_HEADERS, flags)
            everything = work / "everything.cpp"
            everything.write_text('#include "accelerator.cpp"\n#include "cppsim.cpp"\n')
            native.run([native.compiler(), *flags, "-I", work, everything, "-o", work / "cppsim.so"])
    return target
