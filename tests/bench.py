"""Speed of levada's own tools on this machine, as ratios within one run: `make bench`.

Absolute times depend on the machine and on what else it does; the ratios say what a change brought.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from levada_driver.packing import pack, unpack
from rich.console import Console
from rich.table import Table

from levada import cost, models, partition, reference, solver, timing
from levada.build import Options, lowered
from levada.build.data import random_frames
from levada.build.state import State
from levada.build.steps import STEPS
from levada.problem import problem
from levada.sim.cppsim import CppSim
from levada.sim.rtlsim import RtlSim
from tests.flow.networks import resnet18, save
from tests.unit import graphs

FRAMES = 2048
RTL_FRAMES = 256


def seconds(function: Callable[[], object], repeats: int = 3) -> float:
    """The median wall time of a call, after one that is not counted."""
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]


def prepared(model: str) -> State:
    """A build up to the connected graph."""
    state = lowered(Options(model))
    state.work = Path(tempfile.mkdtemp())
    for name in ("partition", "connect"):
        STEPS[name](state)
    return state


def simulators(model: str) -> list[tuple[str, str, float, str]]:
    """(what, unit, value, ratio) of the simulators of a model against executing its QONNX file."""
    state = prepared(model)
    graph, host = state.graph, state.network.host_input  # type: ignore[union-attr]
    x = random_frames((FRAMES, *reference.input_shape(state.source)), state.spec, 0)
    floats, values = host.floats(x), host.quantize(x)
    by_qonnx = FRAMES / seconds(lambda: reference.execute(state.source, floats))
    cppsim, rtlsim = CppSim(graph), RtlSim(graph)
    by_cppsim = FRAMES / seconds(lambda: cppsim.run(values))
    frames = values[:RTL_FRAMES]
    by_rtlsim = RTL_FRAMES / seconds(lambda: rtlsim.run(frames))
    cycles = timing.interval(graph) * by_rtlsim
    return [
        (f"{model}: qonnx", "frames/s", by_qonnx, "1"),
        (f"{model}: cppsim", "frames/s", by_cppsim, f"{by_cppsim / by_qonnx:.2f} of qonnx"),
        (f"{model}: rtlsim", "frames/s", by_rtlsim, f"{by_rtlsim / by_qonnx:.2f} of qonnx"),
        (f"{model}: rtlsim", "cycles/s", cycles, ""),
    ]


def compiler() -> list[tuple[str, str, float, str]]:
    """Seconds from a file to a graph of layers, each step checked on a sample, against executing the file."""
    with tempfile.TemporaryDirectory() as folder:
        file = save(resnet18().model(), Path(folder) / "resnet18.onnx")
        models = {"lpyolo-w4a4": "lpyolo-w4a4", "resnet18, random weights": str(file)}
        return [_compiled(name, model) for name, model in models.items()]


def _compiled(name: str, model: str) -> tuple[str, str, float, str]:
    start = time.perf_counter()
    state = lowered(Options(model, samples=1))
    taken = time.perf_counter() - start
    frame = np.zeros((1, *reference.input_shape(state.source)), np.float32)
    ratio = taken / seconds(lambda: reference.execute(state.source, frame))
    return f"{name}: load, streamline and lower", "s", taken, f"{ratio:,.0f} frames of qonnx"


def folding() -> list[tuple[str, str, float, str]]:
    """Seconds in which layers get their foldings, for the rate of a plain build, against lowering them."""
    rows = []
    for model in models.names():
        start = time.perf_counter()
        state = lowered(Options(model, samples=1))
        before = time.perf_counter() - start
        graph, target = state.graph, state.target_fps
        assert graph is not None
        found = partition.fold(graph, state.board.usable, state.clock_mhz, target)
        ratio = f"{found.seconds / before:.2f} of lowering"
        rows.append((f"{model}: fold, gap {found.gap:.1%}", "s", found.seconds, ratio))
    start = time.perf_counter()
    chain = problem(graphs.loose_chain(graphs.bottlenecks()), graphs.LARGE)
    solver.fastest(chain, cost.budget(graphs.LARGE))
    rows.append(("convolutions of ResNet-50 in a chain: fold", "s", time.perf_counter() - start, ""))
    return rows


def packing() -> list[tuple[str, str, float, str]]:
    """What the driver does to a frame of LPYOLO on its way in and out, against loops over elements."""
    state = lowered(Options("lpyolo-w4a4", samples=1))
    graph, network = state.graph, state.network
    assert graph is not None
    assert network is not None
    taken, given = (graph.stream(names[0]) for names in (graph.inputs, graph.outputs))
    random = np.random.default_rng(0)
    x = random.integers(0, 256, (1, *network.host_input.shape), np.uint8)
    dtype = given.dtype
    y = pack(random.integers(dtype.min, dtype.max + 1, (1, given.size)), given)

    def in_by_element() -> None:
        pixels = x[0].transpose(1, 2, 0).reshape(-1)
        bytes(int(pixel) for pixel in pixels)

    def out_by_element() -> list[int]:
        return [int.from_bytes(y[0, i : i + 1].tobytes(), "little", signed=True) for i in range(given.size)]

    assert (given.dtype.bits, given.elements) == (8, 1), "the loops are for bytes"
    pairs = {
        "lpyolo-w4a4: a frame quantized and packed": (
            in_by_element,
            lambda: pack(network.host_input.quantize(x), taken),
        ),
        "lpyolo-w4a4: a result unpacked and scaled": (
            out_by_element,
            lambda: network.host_outputs.finish(unpack(y, given)),
        ),
    }
    rows = []
    for name, (by_element, at_once) in pairs.items():
        slow, fast = 1e6 * seconds(by_element), 1e6 * seconds(at_once)
        rows += [
            (f"{name}, by element", "us", slow, "1"),
            (name, "us", fast, f"1/{slow / fast:.0f} of the loop"),
        ]
    return rows


def main() -> int:
    """Prints the table."""
    table = Table("what", "unit", "value", "ratio", box=None)
    found = [*simulators(sys.argv[1] if sys.argv[1:] else "tfc-w2a2"), *packing(), *compiler(), *folding()]
    for name, unit, value, ratio in found:
        table.add_row(name, unit, f"{value:,.3g}" if value < 100 else f"{value:,.0f}", ratio)
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
