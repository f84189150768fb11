"""What Vitis HLS reads of a layer: its C++ with a test bench and golden data, and the Tcl for all steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from levada_driver.datatype import IntArray

from levada.emit import cpp, harness
from levada.graph import Graph, Node, verify
from levada.templates import environment

#: The library's headers, the test bench of all layers, and what calls Vitis HLS by the name that it has.
INCLUDE, BENCH, CALL = "include", "bench.cpp", "hls.sh"
#: In the folder of a layer: the script, the data, and what the script leaves behind.
SCRIPT, DATA = "hls.tcl", "golden.dat"
SYNTHESIZED, SIMULATED, PACKED = "csynth.xml", "cosim.rpt", "ip.zip"
_OWN = Path(__file__).parent

Frames = Sequence[IntArray]


@dataclass(frozen=True)
class Job:
    """What all scripts of a design have in common: its name, the chip, and the clock."""

    name: str
    part: str
    clock_mhz: float


def shared(graph: Graph) -> dict[str, str]:
    """The files that all layers of a graph have in common, by name."""
    files = {f"{INCLUDE}/{name}": text for name, text in cpp.library(graph).items()}
    return files | {name: (_OWN / name).read_text() for name in (BENCH, CALL)}


def layer(job: Job, node: Node, reads: Frames, writes: Frames, cosim: bool) -> dict[str, str]:
    """The files of one layer by name, in a folder that is called after it.

    It gets what it `reads`, [frames, elements] for each input, and must give what it `writes`, the same for
    each output. With `cosim` the hardware is simulated, too.
    """
    graph = _alone(job, node)
    files = cpp.top(graph, node.name) | {"ports.hpp": harness.ports_header(graph), DATA: _data(reads, writes)}
    values = {"layer": node.name, "job": job, "cosim": cosim}
    values |= {"include": INCLUDE, "bench": BENCH, "data": DATA, "packed": PACKED}
    values |= {"synthesized": SYNTHESIZED, "simulated": SIMULATED}
    templates = environment(_OWN)
    for name in (SCRIPT, "layer.hpp"):
        files[name] = templates.get_template(f"{name}.j2").render(values)
    return {f"{node.name}/{name}": text for name, text in files.items()}


def _alone(job: Job, node: Node) -> Graph:
    """A graph of just this layer."""
    reads, writes = node.layer.inputs, node.layer.outputs
    ends = zip((*node.inputs, *node.outputs), (*reads, *writes), strict=True)
    tensors = {name: replace(tensor, name=name) for name, tensor in ends}
    return verify(Graph(job.name, (node,), tensors, node.inputs, node.outputs), "connected")


def _data(reads: Frames, writes: Frames) -> str:
    """A line with the number of frames; then for each of them a line an input, and a line an output."""
    count = len(reads[0])
    rows = [x[frame].ravel().tolist() for frame in range(count) for x in (*reads, *writes)]
    return "".join(f"{' '.join(map(str, row))}\n" for row in [[count], *rows])
