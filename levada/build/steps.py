"""The steps of a build, by the name that flows use. Each reads and fills a State."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from levada_driver.datatype import IntArray
from levada_driver.manifest import Setting

from levada import (
    content,
    cost,
    deploy,
    fifo,
    frontend,
    joined,
    lower,
    models,
    partition,
    pipelining,
    reference,
    timing,
    writable,
)
from levada.build import data, settings
from levada.build.state import State, required
from levada.emit import cpp, script, shell
from levada.errors import CheckFailedError, LevadaError, ToolMissingError
from levada.graph import Graph, execute
from levada.reference import FloatArray
from levada.report.schema import Level
from levada.sim import compare
from levada.sim.compare import Comparison
from levada.sim.cppsim import CppSim
from levada.sim.rtlsim import RtlSim
from levada.sim.single import apart, golden_at_ports, intervals
from levada.streamline import InputSpec, streamline
from levada.streamline.ties import near_ties
from levada.synth import plan as plans
from levada.synth import vitis_hls, yosys
from levada.synth.backend import Design
from levada.synth.plan import Plan

# Frames on which every streamlining step is checked, and those simulated in RTL under random stalls.
_STEP_FRAMES = 32
_STALLED_FRAMES = 16
_STALLS = 0.3
# Frames that Vitis HLS simulates for each layer.
_HLS_FRAMES = 2
#: The folders of a build for the plans of its bitstream and of its layers in Vitis HLS.
PLAN, HLS = "plan", "hls"


def load(state: State) -> None:
    """Reads the network, refuses what cannot be built, and finds frames to verify on."""
    name = state.options.model
    if settings.is_file(name):
        settings.load(state, settings.read(Path(name)), load)
        state.name = Path(name).name.removesuffix(settings.SUFFIX)
        return
    given = Path(name)
    if given.suffix == ".onnx" or given.is_file():
        state.name, path = given.stem, given
    else:
        state.model = models.find(name)
        state.name, path = name, state.model.onnx
    spec = state.options.input
    if spec is None and state.model is not None:
        spec = state.model.input
    state.spec = InputSpec.parse(spec) if spec is not None else None
    state.source = frontend.load(path)
    frontend.check(state.source, state.name, state.spec)
    data.choose(state)


def streamline_step(state: State) -> None:
    """Makes the network integers only, and compares it with the network as it came."""
    state.network = network = streamline(state.source, state.spec, state.samples[:_STEP_FRAMES])
    host = required(network.host_outputs)
    floats = required(network.host_input).floats(state.samples)
    reference_output = reference.execute_all(state.source, floats)
    state.golden = network.integers(state.samples)
    _compare_torch(state)

    def ties(frames: IntArray) -> compare.Frames:
        return near_ties(state.source, floats[frames])

    _level(state, "streamlined", compare.with_floats(reference_output, state.golden, host, ties))
    for other in state.others:
        streamline_step(other)
    settings.check_hosts(state)


def _expected(samples: Mapping[str, FloatArray], variant: str) -> list[FloatArray]:
    """Torch's outputs: `expected_VARIANT`, and `expected_VARIANT_1`, ... where there are several."""
    keys = [f"expected_{variant}", *(f"expected_{variant}_{index}" for index in range(1, len(samples)))]
    return [samples[key] for key in keys if key in samples]


def _compare_torch(state: State) -> None:
    """The exported file against what torch itself gave on the model's samples, where that is known."""
    model, network = state.model, required(state.network)
    if model is None:
        return
    with np.load(model.samples) as samples:
        inputs, expected = samples["inputs"], _expected(samples, model.variant)
    if not expected:
        return
    floats = inputs.astype(np.float32) / np.float32(model.divisor)
    got = reference.execute_all(state.source, floats)
    host = required(network.host_outputs)
    x = inputs if state.spec is not None else floats
    golden = network.integers(x)

    def ties(frames: IntArray) -> compare.Frames:
        return near_ties(state.source, floats[frames])

    compare.require_equal("qonnx", compare.with_floats(got, golden, host, ties))
    _level(state, "qonnx", compare.with_floats(expected, golden, host, ties))


def lower_step(state: State) -> None:
    """Maps the streamlined network to layers, and compares their golden results with it."""
    family = state.board.device.family
    networks = [state, *state.others]
    graphs = [
        lower.lower(required(one.network).model, state.name).on(
            family, pipelining.choose(family, state.actual_mhz)
        )
        for one in networks
    ]
    names = [one.setting or state.name for one in networks]
    state.graph = writable.opened(joined.joined(graphs, names), state.options.runtime_weights)
    for setting, one in enumerate(networks):
        x = required(required(state.network).host_input).quantize(state.samples)
        values = execute(state.graph.at(setting), x)
        got = side_by_side([values[name] for name in state.graph.outputs])
        _level(one, "graph", compare.integers(one.golden, got))


def partition_step(state: State) -> None:
    """Folds every layer, by the user's partition.toml or for the board."""
    graph = required(state.graph)
    if state.options.partition is not None:
        foldings = partition.from_toml(state.options.partition)
        folded = partition.with_foldings(graph, foldings)
        state.partition = partition.Partition(folded, f"as {state.options.partition} says", None, 0.0)
    else:
        options = state.options
        state.partition = partition.fold(
            graph, state.board.usable, state.clock_mhz, _target_fps(state), options.objective, options.lanes
        )
    state.graph = state.partition.graph
    content.write_whole(state.work / "partition.toml", partition.to_toml(state.graph))


def _target_fps(state: State) -> float | None:
    """The rate asked for; else the model's own, or what a serial line to the host carries if that is less."""
    graph, shell = required(state.graph), state.board.shell
    if shell is None or shell.baud is None or state.options.target_fps or state.options.objective:
        return state.target_fps

    def frame_bytes(names: Sequence[str]) -> int:
        return sum(-(-graph.tensors[name].size * graph.tensors[name].dtype.bits // 8) for name in names)

    # A byte takes ten bits on the line, which carries both directions at once.
    line = shell.baud / 10 / max(frame_bytes(graph.inputs), frame_bytes(graph.outputs))
    if state.target_fps is not None and state.target_fps <= line:
        return state.target_fps
    state.note(
        f"folded for the {line:.0f} frames a second that the serial line carries; --target-fps asks for more"
    )
    return line


def connect(state: State) -> None:
    """Joins the layers by width converters and the fifos that keep the pipeline from waiting."""
    found = required(state.partition).connected
    state.graph = found if found is not None else fifo.connect(required(state.graph))


def emit(state: State) -> None:
    """Writes the generated sources."""
    graph, board = required(state.graph), state.board
    ports = deploy.memory_ports(graph, board)
    design = Design(graph, board, ports, state.clock_mhz).sources
    if board.shell is not None and (actual := board.shell.actual_mhz(state.clock_mhz)) != state.clock_mhz:
        state.note(f"{board.name} makes {actual:g} MHz where {state.clock_mhz:g} MHz are asked for")
    about = shell.hardware_file(graph, board, state.clock_mhz)
    for folder, files in (("rtl", design), ("cpp", cpp.sources(graph)), ("", about)):
        for name, text in files.items():
            content.write_whole(state.work / "deploy" / folder / name, text)


def cppsim(state: State) -> None:
    """Runs the C++: the samples against golden, and every frame of the test set for the accuracy."""
    state.cppsim = CppSim(required(state.graph))
    for setting, one in enumerate([state, *state.others]):
        _cppsim(state, one, setting)


def _cppsim(state: State, one: State, setting: int) -> None:
    """Runs the C++ of a build in a setting, whose own results are those of `one`."""
    network = required(one.network)
    host_input, host_outputs = required(network.host_input), required(network.host_outputs)
    frames = state.x if state.labels is not None else state.samples
    got = side_by_side(required(state.cppsim).run(host_input.quantize(frames), setting=setting))
    samples = len(state.samples)
    found = compare.integers(one.golden, got[:samples])
    where = ""
    if found.mismatches and not state.others:
        where = compare.culprit(required(state.graph), "cppsim", host_input.quantize(state.samples))
    _level(one, "cppsim", found, where)
    if state.labels is not None:
        right = host_outputs.classes(got) == state.labels
        one.accuracy = float(right.mean() * 100)


def rtlsim(state: State) -> None:
    """Runs the RTL without stalls, for results and cycles, and some frames under random stalls."""
    graph = required(state.graph)
    state.rtlsim = RtlSim(graph)
    # An interval needs two frames, behind those that fill the pipeline.
    least = 2 + -(-timing.latency(graph) // timing.interval(graph))
    count = max(state.options.rtl_frames, 2)
    x = required(required(state.network).host_input).quantize(state.samples[:count])
    x = np.resize(x, (max(len(x), least), x.shape[1]))
    want = np.resize(state.golden[: min(count, len(state.golden))], (len(x), state.golden.shape[1]))
    state.run = state.rtlsim.run(x)
    predicted = timing.interval(graph)
    beats = graph.stream(graph.outputs[0]).beats
    if state.run.interval(beats) < predicted:
        # Frames that find the pipeline empty can follow faster for a while than the slowest layer lets them.
        more = timing.settling(graph)
        x, want = np.resize(x, (more, x.shape[1])), np.resize(want, (more, want.shape[1]))
        state.run = state.rtlsim.run(x)
    found = compare.integers(want, side_by_side(state.run.outputs))
    if not found.mismatches:
        stalled = state.rtlsim.run(x[:_STALLED_FRAMES], stalls=_STALLS, seed=state.options.seed)
        found_stalled = compare.integers(want[:_STALLED_FRAMES], side_by_side(stalled.outputs))
        found = found_stalled if found_stalled.mismatches else found
    where = compare.culprit(graph, "rtlsim", x) if found.mismatches and not state.others else ""
    _level(state, "rtlsim", found, where)
    for setting, other in enumerate(state.others, start=1):
        want = np.resize(other.golden[: min(count, len(other.golden))], (len(x), other.golden.shape[1]))
        stalled = state.rtlsim.run(x, stalls=_STALLS, seed=state.options.seed, setting=setting)
        _level(other, "rtlsim", compare.integers(want, side_by_side(stalled.outputs)))
    simulated = state.run.interval(beats)
    if simulated != predicted:
        raise CheckFailedError(
            f"rtlsim: a frame takes {simulated} cycles, the layers' schedules say {predicted} "
            f"({timing.bottleneck(graph).name})"
        )


def rtlsim_layers(state: State) -> None:
    """Runs the RTL of every layer alone, for its results and for its cycles when nothing makes it wait."""
    graph = required(state.graph)
    x = required(required(state.network).host_input).quantize(state.samples[:2])
    reads, writes = golden_at_ports(graph, np.resize(x, (2, x.shape[1])))
    alone = apart([(node.layer, node.folding) for node in graph.nodes])
    sim = RtlSim(alone)
    run = sim.run(*reads)
    state.layer_cycles = dict(zip((node.name for node in graph.nodes), intervals(alone, run), strict=True))
    names = [name for node in graph.nodes for name in node.outputs]
    for name, want, got in zip(names, writes, run.outputs, strict=True):
        compare.require_equal("rtlsim_layers", compare.integers(want, got), name)
    for setting in range(1, graph.settings):
        reads, writes = golden_at_ports(graph.at(setting), np.resize(x, (2, x.shape[1])))
        for name, want, got in zip(names, writes, sim.run(*reads, setting=setting).outputs, strict=True):
            where = f"{name} in setting {state.others[setting - 1].setting}"
            compare.require_equal("rtlsim_layers", compare.integers(want, got), where)
    for node in graph.nodes:
        predicted, simulated = node.layer.cycles(node.folding), state.layer_cycles[node.name]
        if simulated != predicted:
            raise CheckFailedError(
                f"{node.name}: a frame takes {simulated} cycles in rtlsim, its schedule says {predicted}"
            )
    state.log(f"rtlsim_layers: {len(graph.nodes)} layers alone are exact and take the cycles predicted")


def synthesize(state: State) -> None:
    """Counts the resources of the whole design and of each layer alone, with Yosys."""
    graph = required(state.graph)
    family = state.board.device.family
    state.synthesized = yosys.synthesize(graph, family)
    over = cost.excess(state.synthesized, state.board.device)
    if over:
        state.note(f"the synthesized design does not fit {state.board.name}: {'; '.join(over)}")
    state.synthesized_layers = yosys.synthesize_layers(graph.nodes, family)
    state.depths = yosys.depths(graph.nodes, family)


def deploy_step(state: State) -> None:
    """Packs what the driver needs, and runs the driver itself on the simulated accelerator."""
    graph, network = required(state.graph), required(state.network)
    x, golden = state.samples[:_STEP_FRAMES], state.golden[:_STEP_FRAMES]
    networks = [state, *state.others] if state.others else []
    package = deploy.Package(
        graph=graph,
        board=state.board,
        clock_mhz=state.clock_mhz,
        network=network,
        run=required(state.run),
        cppsim=required(state.cppsim),
        rtlsim=required(state.rtlsim),
        samples=x,
        golden=golden,
        demo=state.model.demo if state.model else None,
        settings=tuple(_setting(one, graph, setting) for setting, one in enumerate(networks)),
    )
    got = deploy.write(package, state.work / "deploy")
    for one, results in zip(networks or [state], got, strict=True):
        _level(one, "driver", compare.integers(one.golden[:_STEP_FRAMES], results))


def _setting(one: State, graph: Graph, setting: int) -> deploy.Setting:
    """A setting as a package has it."""
    bits = joined.weight_bits(graph, setting)
    about = Setting(required(one.setting), bits, one.accuracy, required(required(one.network).host_outputs))
    return deploy.Setting(about, one.golden[:_STEP_FRAMES])


def bitstream(state: State) -> None:
    """Plans the bitstream; runs the plan where the tools are, and puts what it makes into the package."""
    graph, board, options = required(state.graph), state.board, state.options
    back_end = required(state.back_end)
    ports = deploy.memory_ports(graph, board)
    design = Design(graph, board, ports, state.clock_mhz, options.out_of_context)
    folder = state.work / PLAN

    def run(plan: Plan) -> None:
        state.implemented = back_end.run(plan, folder, design)
        shutil.copyfile(folder / shell.BITSTREAM, state.work / "deploy" / shell.BITSTREAM)

    _planned(state, back_end.plan(design), folder, "bitstream", run)


def hls(state: State) -> None:
    """Plans how Vitis HLS makes hardware of each layer's C++ and tries it; runs that where the tool is."""
    graph, network = required(state.graph), required(state.network)
    if state.others:
        raise LevadaError(f"{state.name}: Vitis HLS is tried on one setting at a time; build them apart")
    frames = required(network.host_input).quantize(state.samples[:_HLS_FRAMES])
    folder = state.work / HLS

    def run(plan: Plan) -> None:
        state.hls = vitis_hls.run(plan, folder, graph)

    plan = vitis_hls.plan(graph, [frames], state.board, state.clock_mhz)
    _planned(state, plan, folder, "result of Vitis HLS", run)


def _planned(state: State, plan: Plan, folder: Path, what: str, run: Callable[[Plan], None]) -> None:
    """Writes a plan, and runs it unless it is only to be planned; `what` it makes in words."""
    plans.write(plan, folder)
    if state.options.plan_only:
        state.note(f"no {what} yet (--plan-only): {folder.name}/{script.NAME} makes it")
        return
    try:
        run(plan)
    except ToolMissingError as error:
        state.lacks = f"no {what}: {error}; all that is left to run there is {folder.name}/{script.NAME}"


def side_by_side(outputs: Sequence[IntArray]) -> IntArray:
    """The integers of several outputs, [N, elements] in all."""
    return np.concatenate([array.reshape(len(array), -1) for array in outputs], axis=1)


def _level(state: State, name: str, found: Comparison, where: str = "") -> None:
    compare.require_equal(name, found, where)
    state.levels[name] = Level(samples=found.samples, mismatches=found.mismatches, ties=found.ties)
    state.log(f"{name}: {found.samples} frames equal" + (f", {found.ties} at ties" if found.ties else ""))


STEPS: dict[str, Callable[[State], None]] = {
    "load": load,
    "streamline": streamline_step,
    "lower": lower_step,
    "partition": partition_step,
    "connect": connect,
    "emit": emit,
    "cppsim": cppsim,
    "rtlsim": rtlsim,
    "rtlsim_layers": rtlsim_layers,
    "synthesize": synthesize,
    "deploy": deploy_step,
    "bitstream": bitstream,
    "hls": hls,
}
