"""When every beat of every stream moves, from the layers' schedules alone.

Layers are timed event graphs: a step waits for the step before it and for the beat it reads. With room for
every beat on every stream, step k of a layer runs at

    T[k] = max(T[k-1] + 1, arrival[k])    =>    T[k] = k + max over j <= k of (arrival[j] - j)

(Baccelli et al., Synchronization and Linearity, 1992). The same theory gives the fifo depths: fifos that hold
the high-water marks of a periodic schedule make it feasible, and a self-timed system is never later than a
feasible schedule, so no throughput is lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from levada_driver.datatype import IntArray

from levada.graph import Graph, Node
from levada.layer import BoolArray, Schedule

#: Indices into an array: all of them, or some.
Picked = slice | IntArray


@dataclass(frozen=True)
class Timing:
    """Cycle of each beat: `valid[tensor]` when it appears, `taken[tensor]` when it is read.

    `issued[tensor]` is when its layer claims a place for it. Arrays run over all simulated frames.
    """

    valid: Mapping[str, IntArray]
    taken: Mapping[str, IntArray]
    issued: Mapping[str, IntArray]


def interval(graph: Graph) -> int:
    """Cycles between frames of the whole graph: those of its slowest layer."""
    return max(node.layer.cycles(node.folding) for node in graph.nodes)


def settling(graph: Graph) -> int:
    """Frames after which the slowest layer sets the pace for sure, if the pipeline was empty and never waits.

    The other layers delay frame n to latency + n * pace at most, where pace are the cycles of the second
    slowest; from the slowest one it cannot come before (n + 1) * interval.
    """
    slowest = interval(graph)
    paces = [node.layer.cycles(node.folding) for node in graph.nodes]
    pace = max((cycles for cycles in paces if cycles < slowest), default=0)
    return 2 + max(0, -(-(latency(graph) - slowest) // (slowest - pace)))


def bottleneck(graph: Graph) -> Node:
    """The slowest layer, the first of equals."""
    return max(graph.nodes, key=lambda node: node.layer.cycles(node.folding))


def simulate(graph: Graph, frames: int, spacing: int = 0) -> Timing:
    """Timing of `frames` frames whose first beats are offered `spacing` cycles apart, room unlimited."""
    start = np.arange(frames, dtype=np.int64) * spacing
    valid = {name: np.repeat(start, graph.stream(name).beats) for name in graph.inputs}
    taken: dict[str, IntArray] = {}
    issued: dict[str, IntArray] = {}
    for node in graph.nodes:
        schedule = node.layer.schedule(node.folding)
        times = _step_times(schedule, [valid[name] for name in node.inputs], frames)
        for name, reads in zip(node.inputs, schedule.reads, strict=True):
            taken[name] = times[np.tile(reads, frames)]
        for name, writes in zip(node.outputs, schedule.writes, strict=True):
            issued[name] = times[np.tile(writes, frames)]
            valid[name] = issued[name] + schedule.latency
    for name in graph.outputs:
        taken[name] = valid[name]
    return Timing(valid, taken, issued)


def _step_times(schedule: Schedule, arrivals: list[IntArray], frames: int) -> IntArray:
    steps = np.arange(schedule.steps * frames, dtype=np.int64)
    earliest = np.zeros(len(steps), np.int64)
    for reads, arrival in zip(schedule.reads, arrivals, strict=True):
        at = np.tile(reads, frames)
        earliest[at] = np.maximum(earliest[at], arrival)
    return steps + np.maximum.accumulate(earliest - steps)


@dataclass(frozen=True)
class Active:
    """The steps of a schedule in which beats move: the others only count.

    `at` [n] are their numbers among all `steps`. `reads` and `writes` pick those out of the n that touch an
    input or an output.
    """

    at: IntArray
    steps: int
    reads: tuple[Picked, ...]
    writes: tuple[Picked, ...]

    @staticmethod
    def of(schedule: Schedule, dtype: type[np.signedinteger[Any]]) -> Active:
        """Those of a schedule, with numbers of a type."""
        masks = (*schedule.reads, *schedule.writes)
        at = np.flatnonzero(np.logical_or.reduce(masks))
        reads, writes = ([_picked(mask[at]) for mask in own] for own in (schedule.reads, schedule.writes))
        return Active(at.astype(dtype), schedule.steps, tuple(reads), tuple(writes))


def _picked(mask: BoolArray) -> Picked:
    return slice(None) if mask.all() else np.flatnonzero(mask)


def _never(steps: IntArray) -> int:
    """Beyond any cycle of interest; half the range of the type, so that sums with it do not overflow."""
    return int(np.iinfo(steps.dtype).max // 2)


def earliest_steps(active: Active, arrivals: Sequence[IntArray], interval: int) -> IntArray:
    """First possible cycle of each step that moves a beat, where frame f follows f * interval cycles later.

    `arrivals` holds the cycle of each beat of each input. With M = max over j of (arrival[j] - j), the frame
    before keeps the layer until its last step, at most M + steps - 1 - interval, so

        T[k] = k + max(max over j <= k of (arrival[j] - j), M + steps - interval);

    frames before that one keep it no longer, since steps <= interval. Only steps j that read have an arrival.
    """
    earliest = np.full_like(active.at, -_never(active.at))
    for reads, arrival in zip(active.reads, arrivals, strict=True):
        earliest[reads] = np.maximum(earliest[reads], arrival)
    # In place from here on: these arrays have millions of steps.
    start: IntArray = np.subtract(earliest, active.at, out=earliest)
    np.maximum.accumulate(start, out=start)
    np.maximum(start, start[-1] + active.steps - interval, out=start)
    start += active.at
    return start


def latest_steps(active: Active, deadlines: Sequence[IntArray], interval: int) -> IntArray:
    """Last possible cycle of each step that moves a beat: `earliest_steps` with time reversed.

    `deadlines` holds the cycle in which each beat of each output must be issued at the latest.
    """
    latest = np.full_like(active.at, _never(active.at))
    for writes, deadline in zip(active.writes, deadlines, strict=True):
        latest[writes] = np.minimum(latest[writes], deadline)
    start: IntArray = np.subtract(latest, active.at, out=latest)
    np.minimum.accumulate(start[::-1], out=start[::-1])
    np.minimum(start, start[0] + interval - active.steps, out=start)
    start += active.at
    return start


def suffices(start: IntArray, end: IntArray, interval: int, places: int) -> bool:
    """Whether `high_water` is at most so many places: then the beat that many before has left in time."""
    frames, more = divmod(places, len(end))
    before = len(end) - more
    this, last = end[:before] - frames * interval, end[before:] - (frames + 1) * interval
    return bool((this <= start[more:]).all() and (last <= start[:more]).all())


def high_water(start: IntArray, end: IntArray, interval: int) -> int:
    """The largest number of beats that are there at once: beat i from start[i] on, until end[i].

    All repeats every `interval` cycles. Both are ascending, no beat leaves before it comes, and the first and
    the last of each are at most an interval apart, as with layers. So beats, also those of earlier frames,
    leave in the order in which they come, and how many have left when beat i comes is found by a search.
    """
    frames, time = np.divmod(start - end[0], interval)
    left = frames * len(end) + np.searchsorted(end, time + end[0], side="right")
    return int((np.arange(1, len(start) + 1) - left).max(initial=0))


def latency(graph: Graph) -> int:
    """Cycles from the first beat of a frame going in to its last beat coming out, in an empty pipeline."""
    timing = simulate(graph, 1)
    last = max(timing.valid[name].max() for name in graph.outputs)
    return int(last - min(timing.taken[name].min() for name in graph.inputs)) + 1
