"""The programmable logic around an accelerator: registers, engines to memory, a stream in and out of each."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from levada import content
from levada.emit import sv
from levada.graph import Graph

TOP = "chip"
#: Hexadecimal digits of a design's digest that its registers hold.
DIGITS = 16


def digest(graph: Graph) -> str:
    """What tells this accelerator from any other: 64 hexadecimal digits over its sources."""
    return content.digest(*(text for pair in sorted(sv.sources(graph).items()) for text in pair))


def sources(graph: Graph) -> dict[str, str]:
    """Every file of the chip by name, its accelerator's included."""
    top = chip(graph, digest(graph)[:DIGITS])
    modules = set(re.findall(r"^  (\w+) #\($", top, re.MULTILINE))
    return {f"{TOP}.sv": top} | sv.library_sources(modules) | sv.sources(graph)


def chip(graph: Graph, digits: str) -> str:
    """The module `chip`: a register port, a memory port for each pair of engines, an interrupt.

    `digits` are the first hexadecimal digits of the design's digest, for the registers.
    """
    inputs, outputs = ([graph.stream(name) for name in names] for names in (graph.inputs, graph.outputs))
    return _template().render(
        name=graph.name,
        inputs=inputs,
        outputs=outputs,
        ports=list(sv.border(graph)),
        streams=len(sv.probes(graph)),
        digest=digits,
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=False,  # noqa: S701 - SystemVerilog, not HTML
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(f"{TOP}.sv.j2")
