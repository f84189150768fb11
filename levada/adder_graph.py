"""Sums with constant weights as a graph of shifted additions that all rows share.

Node n < inputs is input n; the node behind addition i is node inputs + i. Each addition is a register: its
result is there one cycle after its operands, and a result that is also needed later is delayed.
`levada.subexpressions` finds the graph of given weights, `levada.emit.sums` writes it as SystemVerilog.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from levada_driver.datatype import IntArray, IntType


@dataclass(frozen=True)
class Addition:
    """node[a] * 2^shift_a + node[b] * 2^shift_b, or the difference. One of the shifts is 0."""

    a: int
    b: int
    shift_a: int = 0
    shift_b: int = 0
    subtract: bool = False


@dataclass(frozen=True)
class Sum:
    """A row's result: node[node] * 2^shift, or that with the other sign."""

    node: int
    shift: int = 0
    negative: bool = False


@dataclass(frozen=True)
class Register:
    """A node at a stage: the sum of an addition of nodes of the stage before, or a copy of the node there."""

    node: int
    addition: Addition | None = None


@dataclass(frozen=True)
class AdderGraph:
    """`sums` of `inputs` integers that are all in low..high; a row of zeros has no sum (None)."""

    inputs: int
    low: int
    high: int
    additions: tuple[Addition, ...]
    sums: tuple[Sum | None, ...]

    def nodes(self, x: IntArray) -> IntArray:
        """Every node [nodes, ...] for inputs x [..., inputs], by the additions one after the other."""
        nodes = list(np.moveaxis(x, -1, 0))
        for add in self.additions:
            a, b = nodes[add.a] << add.shift_a, nodes[add.b] << add.shift_b
            nodes.append(a - b if add.subtract else a + b)
        return np.stack(nodes)

    def evaluate(self, x: IntArray) -> IntArray:
        """Exact sums [..., rows] of inputs x [..., inputs]."""
        nodes = self.nodes(x)
        sums = np.zeros((*x.shape[:-1], len(self.sums)), np.int64)
        for at, row in enumerate(self.sums):
            if row is not None:
                sums[..., at] = (nodes[row.node] << row.shift) * (-1 if row.negative else 1)
        return sums

    @cached_property
    def ranges(self) -> tuple[IntArray, IntArray]:
        """Smallest and largest value [nodes] of each node over all inputs: both do occur."""
        forms = self.nodes(np.eye(self.inputs, dtype=np.int64))
        ends = np.stack([forms * self.low, forms * self.high])
        return ends.min(0).sum(1), ends.max(0).sum(1)

    @cached_property
    def types(self) -> tuple[IntType, ...]:
        """The narrowest type of each node; all inputs have the one of low..high."""
        ends = zip(*(end.tolist() for end in self.ranges), strict=True)
        return tuple(IntType.covering(low, high) for low, high in ends)

    @cached_property
    def stages(self) -> tuple[int, ...]:
        """Cycles from the inputs to each node: as few as its operands allow."""
        stages = [0] * self.inputs
        for add in self.additions:
            stages.append(1 + max(stages[add.a], stages[add.b]))
        return tuple(stages)

    @cached_property
    def latency(self) -> int:
        """Cycles from the inputs to the sums, the same for all rows."""
        return max((self.stages[row.node] for row in self.sums if row is not None), default=0)

    @cached_property
    def last_reads(self) -> tuple[int, ...]:
        """The last stage at which each node is read; sums are read at the end."""
        last = list(self.stages)
        for add, stage in zip(self.additions, self.stages[self.inputs :], strict=True):
            for operand in (add.a, add.b):
                last[operand] = max(last[operand], stage - 1)
        for row in self.sums:
            if row is not None:
                last[row.node] = self.latency
        return tuple(last)

    @cached_property
    def pipeline(self) -> tuple[tuple[Register, ...], ...]:
        """The registers [latency] of each stage from 1 on, each a node as it is at that stage."""
        stages: list[list[Register]] = [[] for _ in range(self.latency)]
        ends = zip(self.stages, self.last_reads, strict=True)
        for node, (stage, last) in enumerate(ends):
            if node >= self.inputs:
                stages[stage - 1].append(Register(node, self.additions[node - self.inputs]))
            for later in range(stage, last):
                stages[later].append(Register(node))
        return tuple(tuple(registers) for registers in stages)


@dataclass(frozen=True)
class Sums:
    """Sums with constant weights, as a module that is written for one layer.

    It takes `vectors` vectors of the graph's inputs, side by side, and gives the sums of each, modulo
    2^bits, graph.latency cycles later.
    """

    graph: AdderGraph
    vectors: int
    bits: int

    @property
    def operand_bits(self) -> int:
        """Bits of all vectors of inputs."""
        return self.vectors * self.graph.inputs * self.graph.types[0].bits

    @property
    def sum_bits(self) -> int:
        """Bits of all sums."""
        return self.vectors * len(self.graph.sums) * self.bits
