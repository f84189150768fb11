"""A cheap estimate of a frame's latency for every folding, linear in what a folding decides.

Each tensor has a cycle in which its first beat is valid, and one for its last. A layer of C cycles a frame
whose beats are B at an input and O at an output, and which takes the share r of the input up to its first
result and gives the share s of the output from its last read on, delays them by

    first_out >= first_in + r B - 1 + L            it takes one beat a cycle,
    first_out >= first_in + r (last_in - first_in) + L      and these come evenly,
    last_out  >= first_in + C - 1 + L              it works for C cycles,
    last_out  >= last_in + max(s O - 1, s C - r B) + L      and some of them after its last read.

So in a chain the times to fill the layers add up, and the time of the slowest comes on top once. r and s
belong to what a layer computes, not to its folding; they and the latency L of its pipeline are read off the
schedule of one folding. The width converters and FIFOs between layers are not counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from levada.graph import Graph
from levada.layer import Folding, Layer, Resources
from levada.offers import Choice

# The folding that is looked at is the finest with at most so many steps: a matter of milliseconds.
_STEPS = 1 << 16


@dataclass(frozen=True)
class Span:
    """Of one input and one output: what is read before the first result, and given after the last read.

    `read` of `beats` and `given` of `results`: fractions as whole numbers.
    """

    read: int
    beats: int
    given: int
    results: int


@dataclass(frozen=True, eq=False)
class Filling:
    """How a layer delays its streams, apart from its folding."""

    layer: Layer

    @cached_property
    def _seen(self) -> tuple[int, dict[tuple[int, int], Span]]:
        schedule = self.layer.schedule(_finest(self.layer))
        spans = {}
        for source, reads in enumerate(schedule.reads):
            for target, writes in enumerate(schedule.writes):
                first, last = int(np.argmax(writes)), len(reads) - 1 - int(np.argmax(reads[::-1]))
                read, given = int(reads[: first + 1].sum()), int(writes[last:].sum())
                spans[source, target] = Span(read, int(reads.sum()), given, int(writes.sum()))
        return schedule.latency, spans

    @property
    def pipeline(self) -> int:
        """Cycles from a step to its result."""
        return self._seen[0]

    def span(self, source: int, target: int) -> Span:
        """What is known of an input and an output."""
        return self._seen[1][source, target]

    def head(self, choice: Choice, source: int, target: int) -> int:
        """Steps after the first before the first result, as far as reading makes them necessary."""
        return max(0, self._read(choice, source, target) - 1)

    def tail(self, choice: Choice, source: int, target: int) -> int:
        """Steps after the last read until the last result."""
        span = self.span(source, target)
        results = -(-span.given * self.layer.outputs[target].size // (span.results * choice.given[target]))
        rest = span.given * choice.cycles // span.results - self._read(choice, source, target)
        return max(0, results - 1, rest)

    def _read(self, choice: Choice, source: int, target: int) -> int:
        span = self.span(source, target)
        return -(-span.read * self.layer.inputs[source].size // (span.beats * choice.taken[source]))

    def columns(self, choice: Choice) -> tuple[int, ...]:
        """All that decides on the latency: cycles, heads and tails."""
        pairs = [(s, t) for s in range(len(self.layer.inputs)) for t in range(len(self.layer.outputs))]
        heads = [self.head(choice, *pair) for pair in pairs]
        return (choice.cycles, *heads, *(self.tail(choice, *pair) for pair in pairs))


def _finest(layer: Layer) -> Folding:
    """The slowest folding of at most _STEPS cycles, or the fastest."""
    found = sorted((layer.cycles(folding), folding) for folding in layer.foldings())
    short = [folding for cycles, folding in found if cycles <= _STEPS]
    return short[-1] if short else found[0][1]


def estimate(graph: Graph) -> int:
    """The estimated latency of a folded graph in cycles, counted as `timing.latency` counts them."""
    ends = dict.fromkeys(graph.inputs, (0, 0))
    for node in graph.nodes:
        taken, given = (tuple(stream.elements for stream in side) for side in node.streams)
        cycles = node.layer.cycles(node.folding)
        choice = Choice(node.folding, cycles, Resources(), taken, given)
        filling = Filling(node.layer)
        for target, name in enumerate(node.outputs):
            both = [
                _delayed(filling, choice, (source, target), ends[read])
                for source, read in enumerate(node.inputs)
            ]
            ends[name] = max(first for first, _ in both), max(last for _, last in both)
    return max(ends[name][1] for name in graph.outputs) + 1


def _delayed(
    filling: Filling, choice: Choice, ports: tuple[int, int], read: tuple[int, int]
) -> tuple[int, int]:
    """First and last cycle of an output, as one input has it."""
    span, (first, last) = filling.span(*ports), read
    even = -(-span.read * (last - first) // span.beats)
    begun = first + max(filling.head(choice, *ports), even)
    done = max(first + choice.cycles - 1, last + filling.tail(choice, *ports))
    return begun + filling.pipeline, done + filling.pipeline
