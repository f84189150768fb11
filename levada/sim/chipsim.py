"""chipsim: the whole programmable logic in Verilator, registers and memory ports included."""

from __future__ import annotations

from pathlib import Path

from levada.emit import chip, harness
from levada.graph import Graph
from levada.sim import native, rtlsim


def program(graph: Graph) -> Path:
    """The simulator of the chip around a connected graph, compiled once for each content.

    It is what the driver's back end `rtlsim` talks to; chipsim.cpp has the commands.
    """
    ports = harness.memory_ports_header(graph)
    return rtlsim.compile_program(
        chip.sources(graph), ports, level=native.LONG_RUNS, loop="chipsim", top=chip.TOP
    )
