"""Which folding for each layer: the choices, and what the width converters between them cost.

The price of a pair of foldings is the sum of both and, for each tensor between them, the adapter from the
producer's beat to the consumer's. Nothing else ties the layers together, apart from the budget.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np
from levada_driver.datatype import IntArray, IntType

from levada import cost
from levada.graph import Graph
from levada.layer import Device, Layer, Tensor, adapter
from levada.offers import Choice, Menu, offers, undominated

#: Where lanes multiply: in LUTs alone, in DSP slices wherever a layer can, or split between both.
Lanes = Literal["split", "lut", "dsp"]

#: Further costs of a choice of the layer with the given index, which a reduction must not raise.
Columns = Callable[[int, Choice], tuple[int, ...]]


#: Gives the Pareto-optimal foldings of a layer on a device.
Offered = Callable[[Layer, Device], Menu]


@dataclass(frozen=True, eq=False)
class Joint:
    """A tensor between two layers, both given by their index, and what adapters on it cost."""

    producer: int
    output: int
    consumer: int
    input: int
    tensor: Tensor
    device: Device

    def cost(self, given: int, taken: int) -> IntArray:
        """Resources [4] of the adapter between beats of `given` and of `taken` elements."""
        return _adapter_cost(self.tensor.shape, self.tensor.dtype, given, taken, self.device)

    def costs(self, given: Sequence[int], taken: Sequence[int]) -> IntArray:
        """Resources [given, taken, 4] of the adapters between beats of so many elements."""
        return _adapter_costs(self.tensor.shape, self.tensor.dtype, tuple(given), tuple(taken), self.device)

    def table(self, choices: Sequence[Menu]) -> IntArray:
        """Resources [kinds, kinds, 4] of the adapters between the kinds of both layers' menus."""
        given = tuple(given[self.output] for _, given in choices[self.producer].ends)
        return self.costs(given, tuple(taken[self.input] for taken, _ in choices[self.consumer].ends))


# A search for bit widths asks for the same adapters in thousands of problems.
@lru_cache(maxsize=1 << 14)
def _adapter_costs(
    shape: tuple[int, ...], dtype: IntType, given: tuple[int, ...], taken: tuple[int, ...], device: Device
) -> IntArray:
    rows, columns = sorted(set(given)), sorted(set(taken))
    costs = [[_adapter_cost(shape, dtype, one, other, device) for other in columns] for one in rows]
    table = np.array(costs, np.int64).reshape(len(rows), len(columns), len(cost.FIELDS))
    found: IntArray = table[np.searchsorted(rows, given)[:, None], np.searchsorted(columns, taken)]
    return found


@lru_cache(maxsize=1 << 18)
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


class Stack:
    """The figures of all choices and adapters of a problem, in a table each, for who adds up many selections.

    A selection is an array [layers] of places, one of each layer.

    Attributes:
        resources: what each place takes, [n, 4]: layer by layer, and of each those of one kind together.
        rows: which choice of its layer's menu each place is, [n].
        kinds: which kind each place has, counted over all layers, [n].
        starts: where each kind begins, [kinds].
        firsts: the first kind of each layer, and how many kinds there are, [layers + 1].
        adapters: what they take, [m, 4]: joint by joint a row for each kind before and each kind after it.
        sides: for each joint how many kinds there are before and after it.
        offsets: where each joint's adapters begin, [joints].
    """

    def __init__(self, choices: Sequence[Menu], joints: Sequence[Joint]) -> None:
        self._choices = choices
        self.rows = np.concatenate([menu.by_kind for menu in choices])
        self.resources = np.concatenate([menu.resources[menu.by_kind] for menu in choices])
        self.firsts = np.cumsum([0, *(len(menu.ends) for menu in choices)])
        firsts = self.firsts[:-1].tolist()
        self.kinds = np.concatenate(
            [menu.kinds[menu.by_kind] + first for menu, first in zip(choices, firsts, strict=True)]
        )
        self.starts = np.searchsorted(self.kinds, np.arange(self.firsts[-1]))
        tables = [joint.table(choices) for joint in joints]
        self.sides = [table.shape[:2] for table in tables]
        self.offsets = np.cumsum([0, *(a * b for a, b in self.sides)])[:-1]
        flat = [table.reshape(-1, len(cost.FIELDS)) for table in tables]
        self.adapters = np.concatenate([np.zeros((0, len(cost.FIELDS)), np.int64), *flat])
        self._producers = np.array([joint.producer for joint in joints], np.int64)
        self._consumers = np.array([joint.consumer for joint in joints], np.int64)
        self._afters = np.array([after for _, after in self.sides], np.int64)

    def picks(self, places: IntArray) -> tuple[Choice, ...]:
        """The choices of a selection."""
        rows = self.rows[places].tolist()
        return tuple(menu[row] for menu, row in zip(self._choices, rows, strict=True))

    def places(self, picks: Sequence[Choice]) -> IntArray:
        """The places of choices."""
        found, start = [], 0
        for menu, pick in zip(self._choices, picks, strict=True):
            row = next(row for row, choice in enumerate(menu.choices) if choice is pick)
            found.append(start + int(np.flatnonzero(menu.by_kind == row)[0]))
            start += len(menu)
        return np.array(found, np.int64)

    def used(self, places: IntArray) -> IntArray:
        """Resources [4] of a selection and the adapters between its layers."""
        kinds = self.kinds[places] - self.firsts[:-1]
        joined = self.offsets + kinds[self._producers] * self._afters + kinds[self._consumers]
        total: IntArray = self.resources[places].sum(axis=0) + self.adapters[joined].sum(axis=0)
        return total


@dataclass(frozen=True, eq=False)
class Problem:
    """The choices of each layer, in the graph's order, and the tensors between the layers."""

    graph: Graph
    device: Device
    choices: tuple[Menu, ...]
    joints: tuple[Joint, ...]

    def within(self, interval: int) -> Problem:
        """Only the choices of at most `interval` cycles; a layer may be left without any."""
        return replace(self, choices=tuple(given.within(interval) for given in self.choices))

    def with_lanes(self, lanes: Lanes) -> Problem:
        """Only the choices with lanes as wanted, in each layer that has any of them."""
        if lanes == "split":
            return self
        wanted = _in_luts if lanes == "lut" else _in_slices
        kept = (tuple(choice for choice in given if wanted(choice)) for given in self.choices)
        pairs = zip(kept, self.choices, strict=True)
        return replace(self, choices=tuple(Menu(some) if some else given for some, given in pairs))

    @cached_property
    def intervals(self) -> list[int]:
        """The cycles of choices which all layers can keep to, ascending."""
        least = max(min(choice.cycles for choice in given) for given in self.choices)
        return sorted({c.cycles for given in self.choices for c in given if c.cycles >= least})

    @cached_property
    def least(self) -> IntArray:
        """No selection takes less than this of a resource, [4]; adapters not counted."""
        leasts = (given.resources.min(axis=0) for given in self.choices)
        return sum(leasts, np.zeros(len(cost.FIELDS), np.int64))

    @cached_property
    def scopes(self) -> tuple[tuple[int, ...], ...]:
        """Which layers set a cost: each its own, then those of each joint."""
        alone = tuple((index,) for index in range(len(self.choices)))
        return (*alone, *((joint.producer, joint.consumer) for joint in self.joints))

    @cached_property
    def stack(self) -> Stack:
        """The figures of all choices in one table."""
        return Stack(self.choices, self.joints)

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
    choices = tuple(offered(node.layer, device) for node in graph.nodes)
    return Problem(graph, device, choices, tuple(joints))


def _reduced_at(problem: Problem, index: int, columns: Columns | None) -> Problem:
    given = problem.choices[index]
    if len(given) < 2:
        return problem
    extra, table = _extra(problem, index), given.resources
    if columns is not None:
        table = np.column_stack([table, np.array([columns(index, choice) for choice in given], np.int64)])
    wide = np.zeros((*extra.shape[:2], table.shape[1]), np.int64)
    wide[:, :, : extra.shape[2]] = extra
    kept = undominated(table, given.kinds, wide)
    fewer = given if len(kept) == len(given) else given.at(kept)
    return replace(problem, choices=(*problem.choices[:index], fewer, *problem.choices[index + 1 :]))


def _extra(problem: Problem, index: int) -> IntArray:
    """Resources [kinds, kinds, 4] that adapters take more at most with the first kind than with the second.

    At most: for whichever beat the neighbour chooses, a resource at a time. Kinds are those of its `Menu`.
    """
    kinds = problem.choices[index].ends
    extra = np.zeros((len(kinds), len(kinds), len(cost.FIELDS)), np.int64)
    for joint in problem.joints:
        if joint.producer == index:
            beats = {taken[joint.input] for taken, _ in problem.choices[joint.consumer].ends}
            own = [given[joint.output] for _, given in kinds]
            extra += _most(own, joint.costs(sorted(set(own)), sorted(beats)))
        elif joint.consumer == index:
            beats = {given[joint.output] for _, given in problem.choices[joint.producer].ends}
            own = [taken[joint.input] for taken, _ in kinds]
            extra += _most(own, joint.costs(sorted(beats), sorted(set(own))).swapaxes(0, 1))
    return extra


def _most(own: list[int], costs: IntArray) -> IntArray:
    """The most that the first of a pair of `own` beats costs above the second, [own, own, 4].

    `costs` [different widths, neighbour's beats, 4], the widths ascending.
    """
    differences = (costs[:, None] - costs).max(axis=2)
    places = np.searchsorted(sorted(set(own)), own)
    table: IntArray = differences[places[:, None], places]
    return table
