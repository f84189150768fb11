"""cppsim: the generated HLS C++ compiled by g++ and called in this process, arrays in, arrays out."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from levada_driver.backends.cppsim import CppLibrary
from levada_driver.datatype import IntArray
from levada_driver.errors import DriverError
from levada_driver.packing import pack, unpack

from levada import content
from levada.emit import cpp, harness
from levada.errors import CheckFailedError, ToolMissingError
from levada.graph import Graph
from levada.sim import native

_FLAGS = ("-std=c++17", "-fPIC", "-shared", "-w", "-fvisibility=hidden")
_HEADERS = "#include <ap_int.h>\n#include <hls_stream.h>\n"
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

    def __init__(self, graph: Graph, level: str = native.LONG_RUNS) -> None:
        self.graph = graph
        self.path = compile_library(graph, level)
        self._inputs = [graph.stream(name) for name in graph.inputs]
        self._outputs = [graph.stream(name) for name in graph.outputs]
        self._library = CppLibrary(self.path, self._outputs)

    def run(
        self, *inputs: IntArray, setting: int = 0, progress: Callable[[int], object] = lambda _frames: None
    ) -> tuple[IntArray, ...]:
        """Arrays [frames, ...], one an input, to arrays [frames, elements], one an output.

        `progress` is told how many frames were done. Raises CheckFailedError where a stream holds too
        few or too many beats.
        """
        starts = range(0, max(1, len(inputs[0])), _CHUNK)
        parts = []
        with ThreadPoolExecutor(native.JOBS) as pool:
            for part in pool.map(
                lambda at: self._chunk([x[at : at + _CHUNK] for x in inputs], setting), starts
            ):
                parts.append(part)
                progress(len(part[0]))
        return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))

    def _chunk(self, inputs: Sequence[IntArray], setting: int) -> tuple[IntArray, ...]:
        data = [pack(x, stream) for x, stream in zip(inputs, self._inputs, strict=True)]
        try:
            results = self._library.run(data, setting)
        except DriverError as error:
            raise CheckFailedError(str(error)) from error
        return tuple(unpack(y, stream) for y, stream in zip(results, self._outputs, strict=True))


def unit_flags(level: str = native.LONG_RUNS) -> list[str]:
    """Flags of the compiler at an optimisation level, with the ap_int headers precompiled."""
    flags = [*_FLAGS, level, "-isystem", str(ap_types()), "-pthread"]
    return [*flags, *native.precompiled(_HEADERS, flags)]


def compile_library(graph: Graph, level: str = native.LONG_RUNS) -> Path:
    """The shared library of a graph's C++, from the cache where it was compiled before."""
    files = cpp.sources(graph) | {"ports.hpp": harness.ports_header(graph)}
    files["cppsim.cpp"] = Path(__file__).with_name("cppsim.cpp").read_text()
    key = content.digest(
        native.compiler_version(), *_FLAGS, level, *(x for pair in sorted(files.items()) for x in pair)
    )
    with native.made_once("cppsim", key, "cppsim.so") as (target, work):
        if work is not None:
            for name, text in files.items():
                (work / name).write_text(text)
            flags = unit_flags(level)
            everything = work / "everything.cpp"
            everything.write_text('#include "accelerator.cpp"\n#include "cppsim.cpp"\n')
            native.run([native.compiler(), *flags, "-I", work, everything, "-o", work / "cppsim.so"])
    return target
