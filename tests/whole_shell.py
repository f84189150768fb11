"""A whole design, shell included, through Yosys: `python -m tests.whole_shell NETWORK [--board BOARD]`.

Takes the step of a plan that makes the netlist (`levada.synth.netlist`), runs it, and says what came of it: a
line for each thing, and exit code 1 where one is wrong. The netlist stays in build/NETWORK-BOARD-netlist/.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

from levada import boards, deploy, fifo, partition
from levada.build import Options, lowered
from levada.emit import chip, netlist, sv
from levada.errors import LevadaError
from levada.synth import families, openxc7, yosys
from levada.synth.backend import Design
from levada.synth.netlist import Netlist, synthesis
from levada.synth.plan import Plan

ROOT = Path(__file__).resolve().parent.parent
#: Latches, and memories that were not mapped, as cells of Yosys or of the chip.
LATCHES, MEMORIES = ("latch", "_DLATCH", "LDCE", "LDPE"), ("$mem",)
#: The cells of a shell beside the primitives that are counted, by the kind of the shell.
AROUND = {"zynq7": {"PS7"}, "zynqmp": {"PS8", "BUFG_PS"}}
#: By how much the LUTs in the netlist may differ from those of layers that were counted alone.
LUTS = 0.01


def folded(model: str, board: str) -> Design:
    """The design that `levada build MODEL --board BOARD` makes."""
    options = Options(model, board=board, samples=1)
    state = lowered(options)
    assert state.graph is not None
    found = partition.fold(
        state.graph, state.board.usable, state.clock_mhz, state.target_fps, options.objective, options.lanes
    )
    graph = found.connected or fifo.connect(found.graph)
    return Design(graph, state.board, deploy.memory_ports(graph, state.board), state.clock_mhz)


def synthesized(design: Design, folder: Path) -> tuple[Netlist, str]:
    """The netlist of a design, and all that Yosys said."""
    files, command = synthesis(design)
    yosys.run(Plan("a netlist", files, (command,)), folder)
    return Netlist.read(folder / netlist.NETLIST), (folder / command.log).read_text()


def findings(design: Design, found: Netlist, said: str) -> list[tuple[bool, str]]:
    """What is to be said of the netlist of a design, and whether it is as it should be."""
    around = found.types.keys() - found.primitives.keys()
    checked = said.rpartition("Executing CHECK pass")[2]
    return [
        ("Found and reported 0 problems." in checked, "Yosys' own check: no problem"),
        none(found, LATCHES, "latches"),
        none(found, MEMORIES, "memories that are not mapped"),
        *driven(found),
        (
            around == AROUND[design.board.shell.kind],
            f"only primitives: {', '.join(f'{n:,} {cell}' for cell, n in found.types.items())}",
        ),
        *counted(design, found),
        *tiled(design, found),
    ]


def none(found: Netlist, names: tuple[str, ...], what: str) -> tuple[bool, str]:
    """That there is no cell whose type holds one of these names."""
    number = sum(n for cell, n in found.types.items() if any(name in cell for name in names))
    return number == 0, f"{what}: {number}"


def driven(found: Netlist) -> list[tuple[bool, str]]:
    """That every bit of a net which is read is driven, and none twice."""
    drivers, read = Counter(), set()
    for cell in found.cells.values():
        for port, bits in cell["connections"].items():
            nets = [bit for bit in bits if isinstance(bit, int)]
            if cell["port_directions"][port] == "output":
                drivers.update(nets)
            else:
                read.update(nets)
    twice, never = sum(number > 1 for number in drivers.values()), len(read - drivers.keys())
    return [(twice == 0, f"nets with two drivers: {twice}"), (never == 0, f"nets without a driver: {never}")]


def counted(design: Design, found: Netlist) -> list[tuple[bool, str]]:
    """That the part inside the accelerator takes what the layers take that were mapped and counted alone."""
    path = f"u_{chip.TOP}.u_{sv.TOP}."
    inside = Counter(
        cell["type"]
        for name, cell in found.cells.items()
        if name.replace("\\", "").removeprefix("$flatten").startswith(path)
    )
    family = design.board.device.family
    count = families.of(family).count
    try:
        whole, inner = count(found.primitives), count(inside)
    except LevadaError as error:
        return [(False, f"counts: {error}")]
    alone = yosys.synthesize(design.graph, family)
    same = (inner.dsp, inner.bram18) == (alone.dsp, alone.bram18)
    close = abs(inner.lut - alone.lut) <= LUTS * alone.lut and abs(inner.ff - alone.ff) <= LUTS * alone.ff
    return [
        (True, f"all of it: {counts(whole)}"),
        (same and close, f"its accelerator: {counts(inner)}"),
        (same and close, f"its layers counted alone: {counts(alone)}"),
    ]


def counts(used) -> str:
    """Resources in words."""
    return f"{used.lut:,} LUT, {used.ff:,} FF, {used.dsp} DSP, {used.bram18} BRAM18"


def tiled(design: Design, found: Netlist) -> list[tuple[bool, str]]:
    """That the chains of DSP slices fit the tiles of a chip for nextpnr-xilinx, as it uses them."""
    if design.board.device.family not in openxc7.BACK_END.families:
        return []
    needed, there = openxc7.tiles(found), design.board.device.dsp // 2
    return [(needed <= there, f"tiles of two DSP slices for {len(found.chains)} chains: {needed} of {there}")]


def main(arguments: list[str]) -> int:
    """Prints what is found; 1 where it is not as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.whole_shell")
    parser.add_argument("network")
    parser.add_argument("--board", default=Options.board, choices=boards.names())
    given = parser.parse_args(arguments)
    design = folded(given.network, given.board)
    start = time.monotonic()
    found, said = synthesized(design, ROOT / "build" / f"{given.network}-{given.board}-netlist")
    results = findings(design, found, said)
    lines = [f"{'ok' if right else 'WRONG'}: {text}" for right, text in results]
    print(*lines, f"in {time.monotonic() - start:.0f} s", sep="\n")  # noqa: T201 - what it is for
    return 0 if all(right for right, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
