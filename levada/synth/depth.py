"""How deep the logic between registers is: the longest path of a mapped layer, and its widest fanout.

A path begins at a register, a memory, a DSP slice or an input and ends at one of those or at an output. How
long it takes is counted in levels: a LUT with its route is one. What else lies on it counts as a share of
that, by the delays of an Artix-7 (Yosys' cells_sim.v, after prjxray): a carry cell of 4 bits takes 0.11 ns, a
multiplexer between LUTs 0.2 to 0.3, the sum of a DSP slice 1 to 2, to read a block RAM 2.5, of which 0.3 are
those of any register; a LUT takes 0.1 to 0.6 and its route as much again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from levada.synth.cells import Bit, Cell, Json, Kind, cell

_LEVELS: Mapping[Kind, float] = {"lut": 1, "memory": 1, "mux": 0.25, "carry": 0.125, "dsp": 2}
# What a path that begins in a block RAM has behind it.
_BLOCK_LEVELS = 2.0
# Names that Yosys makes up, and pins that are no data.
_MADE_UP = re.compile(r"\$.*|_\d+_")
_ROLES = {"CE": "enable", "R": "reset", "S": "reset", "CLR": "reset", "PRE": "reset", "LSR": "reset"}
# Yosys numbers the parts of a memory: "beats.0.7".
_PART = re.compile(r"(\.\d+)+$")
# Every layer has these two, and a chip carries them on networks of their own.
_GLOBAL = ("clk", "rst_n")


@dataclass(frozen=True)
class Depth:
    """The longest path of a layer, by the cells on it, and its widest net.

    Attributes:
        start: the signal that the path begins with.
        end: what it ends in: a signal, with what of a register it drives in brackets unless it is the data.
        lut, carry, mux, memory, dsp: cells on the path; a carry cell has 4 bits on 7-series, 8 on UltraScale+
            and 2 on ECP5.
        fanout: pins that the widest net drives, clock and reset apart.
        net: its name, or that of the signal of which it is made.
    """

    start: str
    end: str
    lut: int = 0
    carry: int = 0
    mux: int = 0
    memory: int = 0
    dsp: int = 0
    fanout: int = 0
    net: str = ""


@dataclass(frozen=True)
class _Netlist:
    """A module with what drives its bits: arcs by output, and the kinds of their cells."""

    module: Json
    cells: tuple[Cell, ...]
    behind: Mapping[Bit, tuple[Kind, tuple[Bit, ...]]]
    names: Mapping[Bit, str]
    levels: dict[Bit, float] = field(default_factory=dict)


def depth(module: Json) -> Depth:
    """The longest path and the widest net of a module of write_json, flat and mapped to primitives."""
    cells = tuple(cell(name, made) for name, made in module["cells"].items())
    arcs = [(own.kind, arc) for own in cells for arc in own.arcs if arc.inputs or own.kind == "dsp"]
    behind = {arc.output: (kind, arc.inputs) for kind, arc in arcs}
    netlist = _Netlist(module, cells, behind, _names(module))  # type: ignore[arg-type] # only kinds with arcs
    blocks = {bit for own in cells if own.kind == "block" for bit in own.starts}
    netlist.levels.update(dict.fromkeys(blocks, _BLOCK_LEVELS))
    end, bit = max(_ends(netlist), key=lambda found: _arrival(netlist, found[1]), default=("", "0"))
    path = list(_path(netlist, bit))
    kinds = Counter[str](netlist.behind[on][0] for on in path if on in netlist.behind)
    net, fanout = _widest(netlist)
    return Depth(_named(netlist, path[-1]), end, **kinds, fanout=fanout, net=net)


def _names(module: Json) -> dict[Bit, str]:
    """A name for each bit: that of a register if it has one, else the one nearest to the top."""
    found: dict[Bit, tuple[tuple[bool, int, str], str]] = {}
    for name, net in module["netnames"].items():
        if _MADE_UP.fullmatch(name):
            continue
        own = name.removeprefix("u_layer.")
        rank = not own.endswith(("_q", "_qq")), own.count("."), own
        wide = len(net["bits"]) > 1
        for at, bit in enumerate(net["bits"]):
            if bit not in found or rank < found[bit][0]:
                found[bit] = rank, f"{own}[{at}]" if wide else own
    return {bit: name for bit, (_, name) in found.items()}


def _ends(netlist: _Netlist) -> Iterator[tuple[str, Bit]]:
    """Where paths end, with a name."""
    for own in netlist.cells:
        for pin, bit in own.ends:
            if isinstance(bit, int):
                yield _end(netlist, own, pin), bit
    for name, port in netlist.module["ports"].items():
        if port["direction"] == "output":
            yield from ((name, bit) for bit in port["bits"])


def _end(netlist: _Netlist, own: Cell, pin: str) -> str:
    if own.kind != "register":
        return f"{_instance(netlist, own)} ({pin})"
    name = _named(netlist, own.starts[0])
    return f"{name} ({_ROLES[pin]})" if pin in _ROLES else name


def _instance(netlist: _Netlist, own: Cell) -> str:
    """The name of a memory or slice without the number of its part, or else of what it gives."""
    if not _MADE_UP.fullmatch(own.name):
        return _PART.sub("", own.name.removeprefix("u_layer."))
    return next((netlist.names[bit] for bit in own.starts if bit in netlist.names), own.name)


def _arrival(netlist: _Netlist, last: Bit) -> float:
    """Levels up to a bit. Not recursive: paths of carries are longer than Python's stack."""
    levels, waiting = netlist.levels, [last]
    while waiting:
        bit = waiting[-1]
        if bit in levels:
            waiting.pop()
        elif bit not in netlist.behind:
            levels[bit] = 0
        else:
            kind, inputs = netlist.behind[bit]
            unknown = [other for other in inputs if other not in levels]
            waiting += unknown
            if not unknown:
                levels[bit] = _LEVELS[kind] + max((levels[other] for other in inputs), default=0)
    return levels[last]


def _path(netlist: _Netlist, last: Bit) -> Iterator[Bit]:
    """The bits of the longest path to one, backwards."""
    yield last
    while last in netlist.behind and netlist.behind[last][1]:
        last = max(netlist.behind[last][1], key=lambda bit: netlist.levels[bit])
        yield last


def _named(netlist: _Netlist, bit: Bit) -> str:
    """The name of the memory or slice that a bit comes from, else its own, else that of what it goes to."""
    storing = (own for own in netlist.cells if own.kind != "register" and bit in own.starts)
    found = next((_instance(netlist, own) for own in storing), "")
    return found or netlist.names.get(bit) or _reader(netlist, bit)


def _reader(netlist: _Netlist, bit: Bit) -> str:
    """What a bit without a name goes to: Yosys moves registers, before a memory's address for example."""
    seen = {bit}
    waiting = [bit]
    for bit in waiting:  # grows on the way
        for own in netlist.cells:
            if any(read == bit for _, read in own.ends):
                named = [netlist.names[out] for out in own.starts if out in netlist.names]
                return f"before {named[0] if own.kind == 'register' and named else _instance(netlist, own)}"
            for arc in own.arcs:
                if bit in arc.inputs and arc.output not in seen:
                    if arc.output in netlist.names:
                        return f"before {netlist.names[arc.output]}"
                    seen.add(arc.output)
                    waiting.append(arc.output)
    return f"net {bit}"


def _widest(netlist: _Netlist) -> tuple[str, int]:
    """The net that drives the most pins, and how many."""
    ports = netlist.module["ports"]
    without = {bit for name in _GLOBAL if name in ports for bit in ports[name]["bits"]}
    pins: Counter[Bit] = Counter()
    for made in netlist.module["cells"].values():
        for pin, direction in made.get("port_directions", {}).items():
            if direction == "input":
                pins.update(bit for bit in made["connections"][pin] if isinstance(bit, int))
    left = ((bit, count) for bit, count in pins.most_common() if bit not in without)
    bit, count = next(left, ("0", 0))
    return (_origin(netlist, bit), count) if count else ("", 0)


def _origin(netlist: _Netlist, bit: Bit) -> str:
    """The name of a net, or of the last one with a name on the longest path to it."""
    if bit in netlist.names:
        return netlist.names[bit]
    _arrival(netlist, bit)
    path: Iterable[Bit] = _path(netlist, bit)
    return next((f"behind {netlist.names[on]}" for on in path if on in netlist.names), _named(netlist, bit))
