"""What several settings of one accelerator take: a row of docs/nested.md, by Yosys.

    python -m tests.nested_costs FILE.settings.toml FRAMES_A_SECOND

The accelerator is folded for the rate; the widest network alone has the same foldings.
"""

from __future__ import annotations

import sys

from levada import boards, cost, fifo, partition
from levada.build import Options, lowered
from levada.build.state import required
from levada.graph import Graph
from levada.layer import Resources
from levada.synth import yosys

BOARD = "pynq-z2"


def counted(graph: Graph) -> tuple[Resources, Resources]:
    """What a folded graph takes, by Yosys and by the estimates."""
    connected = fifo.connect(graph)
    return yosys.synthesize(connected), cost.total(connected, boards.load(BOARD).device)


def main(path: str, fps: str) -> None:
    """Prints the table."""
    board = boards.load(BOARD)
    graph = required(lowered(Options(path, BOARD, samples=16)).graph)
    folded = partition.fold(graph, board.usable, board.clock_mhz, float(fps)).graph
    print("| | LUT | flip-flops | DSP | block RAM | LUT estimated |\n|---|---|---|---|---|---|")  # noqa: T201
    for name, one in (("widest network alone", folded.at(0)), (f"{graph.settings} settings", folded)):
        used, estimated = counted(one)
        shown = f"{used.lut:,} | {used.ff:,} | {used.dsp} | {used.bram18}"
        print(f"| {name} | {shown} | {estimated.lut:,} |")  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
