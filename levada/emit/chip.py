"""The programmable logic around an accelerator: registers, engines to memory, a stream in and out of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from levada_driver.manifest import REGISTER_DIGITS
from levada_driver.packing import Transfer

from levada import content
from levada.emit import sv
from levada.graph import Graph
from levada.templates import environment

TOP = "chip"
#: Memory ports of each input, then of each output.
Ports = tuple[int, ...]


def ports(graph: Graph, interval: int, available: int) -> Ports:
    """Memory ports of each stream: as many as it takes not to slow a frame every `interval` cycles.

    A chip has `available` ports to read by, and as many to write by: with more streams than that, one for
    each, and with too few for the rate, memory is what sets the pace.
    """
    read, written = (_shared(graph, names, interval, available) for names in (graph.inputs, graph.outputs))
    return (*read, *written)


def _shared(graph: Graph, names: Sequence[str], interval: int, available: int) -> list[int]:
    transfers = [Transfer(graph.stream(name)) for name in names]
    while True:
        slowest = max(transfers, key=lambda transfer: transfer.words)
        more = replace(slowest, ports=2 * slowest.ports)
        used = sum(transfer.ports for transfer in transfers) + slowest.ports
        if slowest.words <= interval or used > available or more.words == slowest.words:
            return [transfer.ports for transfer in transfers]
        transfers[transfers.index(slowest)] = more


def engines(graph: Graph, ports: Ports) -> tuple[int, int]:
    """How many engines read, and how many write: one for each port of a stream."""
    inputs = len(graph.inputs)
    return sum(ports[:inputs]), sum(ports[inputs:])


def digest(design: Mapping[str, str]) -> str:
    """What tells an accelerator from any other: 64 hexadecimal digits over its sources, by their names."""
    return content.digest(*(text for pair in sorted(design.items()) for text in pair))


def sources(graph: Graph, ports: Ports) -> dict[str, str]:
    """Every file of the chip by name, its accelerator's included."""
    design = sv.sources(graph)
    top = chip(graph, ports, digest(design)[:REGISTER_DIGITS])
    return {f"{TOP}.sv": top} | sv.library_sources(sv.library_modules(top)) | design


def chip(graph: Graph, ports: Ports, digits: str) -> str:
    """The module `chip`: registers, memory ports, an interrupt.

    `digits` are the first hexadecimal digits of the design's digest, for the registers.
    """
    names = list(sv.border(graph).values())
    transfers = [Transfer(graph.stream(name), count) for name, count in zip(names, ports, strict=True)]
    firsts = [sum(ports[:index]) for index in range(len(ports))]
    ends = [
        _End(port, transfer, range(first, first + transfer.ports))
        for port, transfer, first in zip(sv.border(graph), transfers, firsts, strict=True)
    ]
    inputs = len(graph.inputs)
    readers, writers = engines(graph, ports)
    return (
        environment(Path(__file__).parent)
        .get_template(f"{TOP}.sv.j2")
        .render(
            name=graph.name,
            inputs=ends[:inputs],
            outputs=ends[inputs:],
            readers=readers,
            writers=writers,
            streams=len(sv.probes(graph)),
            writable=sv.listens(graph),
            settings=graph.settings,
            digest=digits,
        )
    )


@dataclass(frozen=True)
class _End:
    """A stream at the border, by its `port`, and the numbers of the engines that move it."""

    port: str
    transfer: Transfer
    engines: range
