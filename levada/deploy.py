"""The deploy package: all that a machine with the driver needs to run or check an accelerator."""

from __future__ import annotations

import io
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import levada_driver
import numpy as np
import numpy.typing as npt
from levada_driver import Accelerator
from levada_driver import manifest as manifests
from levada_driver.backends import cppsim as cppsim_backend
from levada_driver.backends import rtlsim as rtlsim_backend
from levada_driver.datatype import IntArray
from levada_driver.manifest import FILE, Manifest
from levada_driver.serve import settings

from levada import content, timing, writable
from levada.boards import Board
from levada.emit import chip, harness, sv
from levada.graph import Graph
from levada.sim import chipsim, program, serialsim
from levada.sim.cppsim import CppSim
from levada.sim.rtlsim import RtlRun, RtlSim
from levada.streamline import Network


@dataclass(frozen=True, eq=False)
class Setting:
    """One of several networks that a design may be, and its golden integers for the samples."""

    about: manifests.Setting
    golden: IntArray


@dataclass(frozen=True, eq=False)
class Package:
    """What goes into a package: the design, its simulators, and samples with their golden integers.

    `demo`: a file that tells the driver's demo page what the results mean, or None. `settings`: where there
    are several, all of them; the golden integers of the first are those of the package.
    """

    graph: Graph
    board: Board
    clock_mhz: float
    network: Network
    run: RtlRun
    cppsim: CppSim
    rtlsim: RtlSim
    samples: npt.NDArray[Any]
    golden: IntArray
    demo: Path | None = None
    settings: tuple[Setting, ...] = ()


def write(package: Package, folder: Path) -> list[IntArray]:
    """Writes the package into `folder`; returns what its own driver gives for the samples in each setting.

    The driver runs on the package's simulated chip, with the class that runs on the board.
    """
    content.write_whole(folder / FILE, manifest(package).to_json())
    buffer = io.BytesIO()
    golden = {f"golden_{number}": one.golden for number, one in enumerate(package.settings) if number}
    arrays = {"input": package.samples, "golden": package.golden, **golden}
    np.savez_compressed(buffer, allow_pickle=True, **arrays)
    content.write_whole(folder / "samples.npz", buffer.getvalue())
    content.write_whole(folder / "sim" / "ports.hpp", harness.ports_header(package.graph))
    for source, name in _simulators(package):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, folder / name)
    if package.demo is not None:
        shutil.copy2(package.demo, folder / settings.FILE)
    _copy_driver(folder / "driver")
    with Accelerator(folder, backend="rtlsim") as accelerator:
        found = [accelerator.run_integers(package.samples)]
        for name in accelerator.settings[1:]:
            accelerator.setting = name
            found.append(accelerator.run_integers(package.samples))
        return found


def _simulators(package: Package) -> list[tuple[Path, str]]:
    """The compiled simulators, and where they go."""
    ports = memory_ports(package.graph, package.board)
    found = [
        (package.cppsim.path, cppsim_backend.LIBRARY),
        (package.rtlsim.binary, program.BINARY),
        (chipsim.program(package.graph, ports), rtlsim_backend.BINARY),
    ]
    if package.board.shell and package.board.shell.baud:
        found.append((serialsim.program(package.graph, ports), serialsim.BINARY))
    return found


def memory_ports(graph: Graph, board: Board) -> chip.Ports:
    """Memory ports of a board that each stream of a graph has."""
    return chip.ports(graph, timing.interval(graph), len(board.memory_ports))


def manifest(package: Package) -> Manifest:
    """The accelerator.json of a package."""
    graph, network, shell = package.graph, package.network, package.board.shell
    assert network.host_input is not None
    assert network.host_outputs is not None
    return Manifest(
        name=graph.name,
        board=package.board.name,
        part=package.board.part,
        clock_mhz=shell.actual_mhz(package.clock_mhz) if shell else package.clock_mhz,
        digest=chip.digest(sv.sources(graph)),
        interval=timing.interval(graph),
        latency=package.run.latency,
        host_input=network.host_input,
        host_outputs=network.host_outputs,
        inputs=tuple(graph.stream(name) for name in graph.inputs),
        outputs=tuple(graph.stream(name) for name in graph.outputs),
        ports=memory_ports(graph, package.board),
        streams=tuple(harness.ends(name, graph) for name in sv.probes(graph)),
        registers=shell.registers if shell else 0,
        baud=shell.baud if shell else None,
        writable=tuple(node.name for node in sv.writable(graph)),
        forms=writable.forms(graph) if sv.writable(graph) else None,
        settings=tuple(setting.about for setting in package.settings),
    )


def _copy_driver(folder: Path) -> None:
    """The driver as it is: the board needs no other source of it."""
    source = Path(levada_driver.__file__).parent
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(source, folder / source.name, ignore=ignore, dirs_exist_ok=True)
    project = source.parent / "pyproject.toml"
    if project.is_file():
        shutil.copy2(project, folder / project.name)
