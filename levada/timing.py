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
from typing import Any, Literal

import numpy as np
from levada_driver.datatype import IntArray

from levada.graph import Graph, Node
from levada.layer import BoolArray, Schedule

#: Indices into an array: all of them, or some.
Picked = slice | IntArray
# Of so many beats one is looked at closely.
_STRIDE = 16


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
class Side:
    """The inputs or the outputs of a layer: the steps at which any of them moves a beat.

    `at` [n] are their numbers, ascending; `ports` pick out of them those of each port.
    """

    at: IntArray
    ports: tuple[Picked, ...]

    @staticmethod
    def of(masks: Sequence[BoolArray], dtype: type[np.signedinteger[Any]]) -> Side:
        """Those of a schedule, with numbers of a type."""
        if len(masks) == 1:
            return Side(np.flatnonzero(masks[0]).astype(dtype), (slice(None),))
        at = np.flatnonzero(np.logical_or.reduce(masks))
        picked = (mask[at] for mask in masks)
        ports = (slice(None) if mask.all() else np.flatnonzero(mask) for mask in picked)
        return Side(at.astype(dtype), tuple(ports))

    def starts(self, cycles: Sequence[IntArray], most: bool) -> IntArray:
        """When step 0 is for each port's beats to move in given `cycles`; of several ports most or least."""
        if len(cycles) == 1:
            return np.subtract(cycles[0], self.at)
        join = np.maximum if most else np.minimum
        far = np.iinfo(self.at.dtype).max // 2  # half the range, so that sums with it do not overflow
        joined = np.full_like(self.at, -far if most else far)
        for port, own in zip(self.ports, cycles, strict=True):
            joined[port] = join(joined[port], own)
        return np.subtract(joined, self.at, out=joined)

    def moved(self, cycles: IntArray) -> tuple[IntArray, ...]:
        """The cycles of the steps, by port."""
        return tuple(cycles[port] for port in self.ports)


@dataclass(frozen=True)
class Steps:
    """The cycles of those steps of a frame that move beats, for each input and each output."""

    taken: tuple[IntArray, ...]
    issued: tuple[IntArray, ...]


@dataclass(frozen=True)
class Active:
    """The steps of a schedule in which beats move: the others only count.

    `last` [writing steps] is the place of the last reading step up to each, -1 for none; `next` [reading
    steps] that of the next writing step from each on, the number of these for none.
    """

    steps: int
    reads: Side
    writes: Side
    last: Picked
    next: Picked

    @staticmethod
    def of(schedule: Schedule, dtype: type[np.signedinteger[Any]]) -> Active:
        """Those of a schedule, with numbers of a type."""
        reads, writes = Side.of(schedule.reads, dtype), Side.of(schedule.writes, dtype)
        if np.array_equal(reads.at, writes.at):
            return Active(schedule.steps, reads, writes, slice(None), slice(None))
        last = _counts(reads.at, writes.at, "right") - 1
        return Active(schedule.steps, reads, writes, last, _counts(writes.at, reads.at, "left"))

    def earliest(self, arrivals: Sequence[IntArray], interval: int) -> Steps:
        """Each step in its first possible cycle, where frame f follows f * interval cycles later.

        `arrivals` holds the cycle of each beat of each input. With M = max over j of (arrival[j] - j), the
        frame before keeps the layer until its last step, at most M + steps - 1 - interval, so

            T[k] = k + max(max over j <= k of (arrival[j] - j), M + steps - interval);

        frames before that one keep it no longer, since steps <= interval. Only steps j that read have an
        arrival.
        """
        start = _ascending(self.reads.starts(arrivals, most=True), most=True)
        least = start[-1] + self.steps - interval
        np.maximum(start, least, out=start)
        # Place -1 is the one at the end.
        issued = np.append(start, least)[self.last] if _beyond(self.last, start) else start[self.last]
        return Steps(self.reads.moved(start + self.reads.at), self.writes.moved(issued + self.writes.at))

    def latest(self, deadlines: Sequence[IntArray], interval: int) -> Steps:
        """Each step in its last possible cycle: `earliest` with time reversed.

        `deadlines` holds the cycle in which each beat of each output must be issued at the latest.
        """
        start = _ascending(self.writes.starts(deadlines, most=False), most=False)
        most = start[0] + interval - self.steps
        np.minimum(start, most, out=start)
        taken = np.append(start, most)[self.next] if _beyond(self.next, start) else start[self.next]
        return Steps(self.reads.moved(taken + self.reads.at), self.writes.moved(start + self.writes.at))


def _ascending(cycles: IntArray, most: bool) -> IntArray:
    """In place the most of all cycles up to each, or the least of all from each on.

    Cycles that ascend are that already. If not, those in a reach that doubles are joined until they do:
    mostly that is the length of a burst, and then much faster than NumPy's `accumulate`.
    """
    reach = 1
    while not (cycles[1:] >= cycles[:-1]).all():
        early, late = cycles[:-reach], cycles[reach:]
        (np.maximum if most else np.minimum)(early, late, out=late if most else early)
        reach *= 2
    return cycles


def _counts(numbers: IntArray, bounds: IntArray, side: Literal["left", "right"]) -> IntArray:
    """For each bound how many of the `numbers` are below it, or up to it (right); all ascend."""
    if len(bounds) <= len(numbers):
        return np.searchsorted(numbers, bounds, side)
    # The other way round there is less to search for: what counts from which bound on.
    first = np.searchsorted(bounds, numbers, "left" if side == "right" else "right")
    return np.repeat(np.arange(len(numbers) + 1), np.diff(first, prepend=0, append=len(bounds)))


def _beyond(places: Picked, table: IntArray) -> bool:
    """Whether some of the ascending places are beyond either end of a table."""
    return not isinstance(places, slice) and bool(places[0] < 0 or places[-1] == len(table))


def suffices(start: IntArray, end: IntArray, interval: int, places: int) -> bool:
    """Whether `high_water` is at most so many places: then the beat that many before has left in time."""
    frames, more = divmod(places, len(end))
    before = len(end) - more
    this, last = end[:before] - frames * interval, end[before:] - (frames + 1) * interval
    # Where it does not suffice a few beats mostly tell.
    if not (this[::_STRIDE] <= start[more::_STRIDE]).all():
        return False
    return bool((this <= start[more:]).all() and (last <= start[:more]).all())


def high_water(start: IntArray, end: IntArray, interval: int) -> int:
    """The largest number of beats that are there at once: beat i from start[i] on, until end[i].

    All repeats every `interval` cycles. Both are ascending, no beat leaves before it comes, and the first and
    the last of each are at most an interval apart, as with layers. So beats, also those of earlier frames,
    leave in the order in which they come, and how many have left when beat i comes is found by a search. That
    is done for some beats: each one after them adds one at most, and what is left is bisected.
    """
    beats = np.arange(0, len(start), _STRIDE)
    frames, time = np.divmod(start[beats] - end[0], interval)
    left = frames * len(end) + np.searchsorted(end, time + end[0], side="right")
    low = int((beats + 1 - left).max())
    high = low + min(_STRIDE, len(start)) - 1
    while low < high:
        middle = (low + high) // 2
        if suffices(start, end, interval, middle):
            high = middle
        else:
            low = middle + 1
    return low


def latency(graph: Graph) -> int:
    """Cycles from the first beat of a frame going in to its last beat coming out, in an empty pipeline."""
    timing = simulate(graph, 1)
    last = max(timing.valid[name].max() for name in graph.outputs)
    return int(last - min(timing.taken[name].min() for name in graph.inputs)) + 1
