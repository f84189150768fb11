"""The chip at the end of a serial line: its host is a computer at the other end, memory and all."""

from __future__ import annotations

from pathlib import Path

from levada.emit import chip, sv
from levada.graph import Graph
from levada.templates import environment

TOP = "serial_chip"


def sources(graph: Graph, ports: chip.Ports, divisor: int) -> dict[str, str]:
    """The top and what is between it and the chip, by name.

    `ports`: memory ports of each input, then of each output; `divisor`: cycles of a bit on the line.
    """
    readers, writers = chip.engines(graph, ports)
    top = (
        environment(Path(__file__).parent)
        .get_template(f"{TOP}.sv.j2")
        .render(
            name=graph.name,
            divisor=divisor,
            readers=readers,
            writers=writers,
        )
    )
    return {f"{TOP}.sv": top} | sv.library_sources(sv.library_modules(top))
