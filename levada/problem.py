"""Which folding for each layer: the choices, and what the width converters between them cost.

The price of a pair of foldings is the sum of both and, for each tensor between them, the adapter from the
producer's beat to the consumer's. Nothing else ties the layers together, apart from the budget.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np
from levada_driver.datatype import IntArray, IntType

from levada import cost
from levada.graph import Graph
from levada.layer import Device, Layer, Tensor, adapter
from levada.offers import Choice, offers, undominated

#: Where lanes multiply: in LUTs alone, in DSP slices wherever a layer can, or split between both.
Lanes = Literal["split", "lut", "dsp"]

#: Further costs of a choice of the layer with the given index, which a reduction must not raise.
Columns = Callable[[int, Choice], tuple[int, ...]]


#: Gives the Pareto-optimal foldings of a layer on a device.
Offered = Callable[[Layer, Device], Sequence[Choice]]


@dataclass(frozen=True, eq=False)
class Joint:
    """A tensor between two layers, both given by their index, and what adapters on it cost."""

    producer: int
    output: int
    consumer: int
    input: int
    tensor: Tensor
    device: Device
    _known: dict[tuple[int, int], IntArray] = field(default_factory=dict, init=False)

    def cost(self, given: int, taken: int) -> IntArray:
        """Resources [4] of the adapter between beats of `given` and of `taken` elements."""
        pair = given, taken
        if pair not in self._known:
            self._known[pair] = _adapter_cost(self.tensor.shape, self.tensor.dtype, *pair, self.device)
        return self._known[pair]


# A search for bit widths asks for the same adapters in thousands of problems.
@lru_cache(maxsize=1 << 16)
def _adapter_cost(shape: tuple[int, ...], dtype: IntType, given: int, taken: int, device: Device) -> IntArray:
    """Resources [4] of the adapter between beats of `given` and of `taken` elements of a tensor."""
    if given == taken:
        return np.zeros(len(cost.FIELDS), np.int64)
    layer = adapter()(Tensor("x", shape, dtype), given, taken)
    return cost.vector(layer.resources(next(iter(layer.foldings())), device))


def _in_luts(choice: Choice) -> bool:
    return choice.folding.dsp_pe == 0


def _in_slices(choice: Choice) -> bool:
    return choice.folding.dsp_pe == choice.folding.pe


@dataclass(frozen=True, eq=False)
class Problem:
    """The choices of each layer, in the graph's order, and the tensors between the layers."""

    graph: Graph
    device: Device
    choices: tuple[tuple[Choice, ...], ...]
    joints: tuple[Joint, ...]

    def within(self, interval: int) -> Problem:
        """Only the choices of at most `interval` cycles; a layer may be left without any."""
        fast = (tuple(choice for choice in given if choice.cycles <= interval) for given in self.choices)
        return replace(self, choices=tuple(fast))

    def with_lanes(self, lanes: Lanes) -> Problem:
        """Only the choices with lanes as wanted, in each layer that has any of them."""
        if lanes == "split":
            return self
        wanted = _in_luts if lanes == "lut" else _in_slices
        kept = (tuple(choice for choice in given if wanted(choice)) or given for given in self.choices)
        return replace(self, choices=tuple(kept))

    @cached_property
    def intervals(self) -> list[int]:
        """The cycles of choices which all layers can keep to, ascending."""
        least = max(min(choice.cycles for choice in given) for given in self.choices)
        return sorted({c.cycles for given in self.choices for c in given if c.cycles >= least})

    @cached_property
    def least(self) -> IntArray:
        """No selection takes less than this of a resource, [4]; adapters not counted."""
        tables = (cost.table(choice.resources for choice in given) for given in self.choices)
        return sum((counts.min(axis=0) for counts in tables), np.zeros(len(cost.FIELDS), np.int64))

    def folded(self, picks: Sequence[Choice]) -> Graph:
        """The graph with each layer folded as picked."""
        pairs = zip(self.graph.nodes, picks, strict=True)
        return self.graph.with_nodes(tuple(replace(node, folding=pick.folding) for node, pick in pairs))

    def used(self, picks: Sequence[Choice]) -> IntArray:
        """Resources [4] of picks and the adapters between them."""
        layers = [cost.vector(pick.resources) for pick in picks]
        adapters = [
            joint.cost(picks[joint.producer].given[joint.output], picks[joint.consumer].taken[joint.input])
            for joint in self.joints
        ]
        return sum([*layers, *adapters], np.zeros(len(cost.FIELDS), np.int64))

    def reduced(self, columns: Columns | None = None) -> Problem:
        """Without choices that another one of the same layer makes needless, whatever the other layers take.

        Cycles do not count here, but `columns` do: an optimum of resources and of those stays one.
        """
        found = self
        for index in range(len(self.choices)):
            found = _reduced_at(found, index, columns)
        return found


def problem(graph: Graph, device: Device, offered: Offered = offers) -> Problem:
    """All Pareto-optimal foldings of the layers of a graph; whoever knows those of layers gives `offered`."""
    places = {node.name: index for index, node in enumerate(graph.nodes)}
    joints = []
    for index, node in enumerate(graph.nodes):
        for place, name in enumerate(node.inputs):
            found = graph.producer(name)
            if found is not None:
                producer, output = found
                ends = (places[producer.name], output, index, place)
                joints.append(Joint(*ends, graph.tensors[name], device))
    choices = tuple(tuple(offered(node.layer, device)) for node in graph.nodes)
    return Problem(graph, device, choices, tuple(joints))


def _reduced_at(problem: Problem, index: int, columns: Columns | None) -> Problem:
    given = problem.choices[index]
    if len(given) < 2:
        return problem
    ends = [(choice.taken, choice.given) for choice in given]
    kinds = sorted(set(ends))
    extra = _extra(problem, index, kinds)
    table = cost.table(choice.resources for choice in given)
    if columns is not None:
        table = np.column_stack([table, np.array([columns(index, choice) for choice in given], np.int64)])
    wide = np.zeros((len(kinds), len(kinds), table.shape[1]), np.int64)
    wide[:, :, : extra.shape[2]] = extra
    places = {kind: place for place, kind in enumerate(kinds)}
    kept = undominated(table, np.array([places[end] for end in ends]), wide)
    fewer = tuple(given[row] for row in kept)
    return replace(problem, choices=(*problem.choices[:index], fewer, *problem.choices[index + 1 :]))


def _extra(problem: Problem, index: int, kinds: list[tuple[tuple[int, ...], tuple[int, ...]]]) -> IntArray:
    """Resources [kinds, kinds, 4] that adapters take more at most with the first kind than with the second.

    At most: for whichever beat the neighbour chooses, a resource at a time.
    """
    extra = np.zeros((len(kinds), len(kinds), len(cost.FIELDS)), np.int64)
    for joint in problem.joints:
        if joint.producer == index:
            beats = {choice.taken[joint.input] for choice in problem.choices[joint.consumer]}
            own = [given[joint.output] for _, given in kinds]
            extra += _most(own, {width: [joint.cost(width, beat) for beat in beats] for width in own})
        elif joint.consumer == index:
            beats = {choice.given[joint.output] for choice in problem.choices[joint.producer]}
            own = [taken[joint.input] for taken, _ in kinds]
            extra += _most(own, {width: [joint.cost(beat, width) for beat in beats] for width in own})
    return extra


def _most(own: list[int], costs: Mapping[int, list[IntArray]]) -> IntArray:
    """The most that the first of a pair of `own` beats costs above the second, [own, own, 4]."""
    rows = np.array(list(costs.values()), np.int64)
    differences = np.array([(row - rows).max(axis=1) for row in rows])
    order = {width: place for place, width in enumerate(costs)}
    places = np.array([order[width] for width in own])
    table: IntArray = differences[places[:, None], places]
    return table
