"""chipsim: the whole programmable logic in Verilator, registers and memory ports included."""

from __future__ import annotations

from pathlib import Path

from levada.emit import chip, harness
from levada.graph import Graph
from levada.sim import rtlsim


def program(graph: Graph, ports: chip.Ports) -> Path:
    """The simulator of the chip around a connected graph, compiled once for each content.

    `ports`: memory ports of each input, then of each output.

    It is what the driver's back end `rtlsim` talks to; chipsim.cpp has the commands.
    """
    return rtlsim.compile_program(
        chip.sources(graph, ports),
        harness.memory_ports_header(graph, ports),
        loop="chipsim",
        top=chip.TOP,
    )
