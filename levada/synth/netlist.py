"""The netlist of a whole design, shell included: the step of a plan that makes it, and what is in it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from levada.emit import netlist, shell, sv
from levada.synth import families, yosys
from levada.synth.backend import Design
from levada.synth.plan import Command

# What a netlist has beside the primitives that are counted: the processor, and the buffer of its clock.
_PROCESSORS = frozenset({"PS7", "PS8", "BUFG_PS"})
_SLICES = frozenset({"DSP48E1", "DSP48E2"})


def synthesis(design: Design) -> tuple[dict[str, str], Command]:
    """The sources of a design, and the command that makes a netlist of them."""
    graph, board = design.graph, design.board
    used = {
        name: text for name, text in design.sources.items() if Path(name).suffix[1:] not in shell.CONSTRAINTS
    }
    files = {f"{netlist.SOURCES}/{name}": text for name, text in used.items()}
    family, layers = families.of(board.device.family), [node.name for node in graph.nodes]
    synthesis = family.synthesis.format(family=board.device.family, top=shell.TOP)
    script = netlist.script(graph.name, family.around, synthesis, sv.compile_list(used), layers)
    command = yosys.command(netlist.SCRIPT, tuple(files), (netlist.NETLIST,))
    return files | {netlist.SCRIPT: script}, command


@dataclass(frozen=True)
class Netlist:
    """The cells of a flat netlist, as Yosys writes them in JSON, by their names."""

    cells: Mapping[str, Mapping[str, Any]]

    @classmethod
    def read(cls, path: Path) -> Netlist:
        """The netlist of the shell in a file that `synthesis` made."""
        return cls(json.loads(path.read_text())["modules"][shell.TOP]["cells"])

    @cached_property
    def types(self) -> dict[str, int]:
        """How many cells there are of each type."""
        return dict(sorted(Counter(cell["type"] for cell in self.cells.values()).items()))

    @property
    def primitives(self) -> dict[str, int]:
        """The same without the processor and what belongs to it: the cells that `Family.count` is for."""
        return {cell: number for cell, number in self.types.items() if cell not in _PROCESSORS}

    @cached_property
    def chains(self) -> tuple[int, ...]:
        """How many DSP slices are in each chain of them, one alone being a chain of 1; the longest first."""
        ports = [cell["connections"] for cell in self.cells.values() if cell["type"] in _SLICES]
        readers = {port["PCIN"][0]: port for port in ports}
        given = {port["PCOUT"][0] for port in ports if "PCOUT" in port}
        lengths = []
        for port in (port for port in ports if port["PCIN"][0] not in given):
            length, last = 1, port
            while (following := readers.get(last.get("PCOUT", [None])[0])) is not None:
                length, last = length + 1, following
            lengths.append(length)
        return tuple(sorted(lengths, reverse=True))
