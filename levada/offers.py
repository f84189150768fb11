"""The foldings of a layer that are worth choosing: no other one beats them in cycles and all resources."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

import numpy as np
from levada_driver.datatype import IntArray

from levada import cost
from levada.layer import Device, Folding, Layer, Resources

#: Elements of a beat at each input, and at each output.
Ends = tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True)
class Choice:
    """A folding, what it costs, and how many elements a beat has at each input and output."""

    folding: Folding
    cycles: int
    resources: Resources
    taken: tuple[int, ...]
    given: tuple[int, ...]

    @property
    def ends(self) -> Ends:
        """Elements of a beat at both sides."""
        return self.taken, self.given


@dataclass(frozen=True, eq=False)
class Menu(Sequence[Choice]):
    """The choices of a layer, fastest first, with their figures as arrays for who compares many."""

    choices: tuple[Choice, ...]

    @overload
    def __getitem__(self, at: int) -> Choice: ...

    @overload
    def __getitem__(self, at: slice) -> tuple[Choice, ...]: ...

    def __getitem__(self, at: int | slice) -> Choice | tuple[Choice, ...]:
        return self.choices[at]

    def __len__(self) -> int:
        return len(self.choices)

    @cached_property
    def resources(self) -> IntArray:
        """What each choice takes, [n, 4]."""
        return cost.table(choice.resources for choice in self.choices)

    @cached_property
    def kinds(self) -> IntArray:
        """Which of `ends` each choice has, [n]."""
        places = {ends: place for place, ends in enumerate(self.ends)}
        return np.array([places[choice.ends] for choice in self.choices], np.int64)

    @cached_property
    def ends(self) -> tuple[Ends, ...]:
        """The different streams that there are, ascending."""
        return tuple(sorted({choice.ends for choice in self.choices}))

    @cached_property
    def by_kind(self) -> IntArray:
        """Rows sorted by kind, in their order within each."""
        return np.argsort(self.kinds, kind="stable")

    def at(self, rows: Iterable[int]) -> Menu:
        """Only the choices at these places, which ascend."""
        return Menu(tuple(self.choices[row] for row in rows))

    def within(self, interval: int) -> Menu:
        """Only the choices of at most `interval` cycles."""
        if interval not in self._within:
            count = bisect_right(self.choices, interval, key=lambda choice: choice.cycles)
            self._within[interval] = self if count == len(self) else Menu(self.choices[:count])
        return self._within[interval]

    @cached_property
    def _within(self) -> dict[int, Menu]:
        return {}


def offers(layer: Layer, device: Device) -> Menu:
    """The Pareto-optimal foldings by cycles, LUTs, flip-flops, DSP slices and block RAM, fastest first.

    Foldings whose streams differ are not compared: which of them is better depends on the width converters
    that their neighbours need, see `levada.problem`.
    """
    kinds: dict[Ends, list[Choice]] = {}
    for folding in sorted(layer.foldings()):
        ends = layer.streams(folding)
        taken, given = (tuple(stream.elements for stream in end) for end in ends)
        used = layer.resources(folding, device)
        choice = Choice(folding, layer.cycles(folding), used, taken, given)
        kinds.setdefault((taken, given), []).append(choice)
    best = [choices[index] for choices in kinds.values() for index in _front(choices)]

    def rank(choice: Choice) -> tuple[int, int, Folding]:
        return choice.cycles, cost.price(choice.resources, device), choice.folding

    return Menu(tuple(sorted(best, key=rank)))


def _front(choices: list[Choice]) -> list[int]:
    cycles = np.array([choice.cycles for choice in choices], np.int64)
    columns = np.column_stack([cycles, cost.table(choice.resources for choice in choices)])
    alike = np.zeros(len(choices), np.int64)
    return undominated(columns, alike, np.zeros((1, 1, columns.shape[1]), np.int64))


def undominated(columns: IntArray, kinds: IntArray, extra: IntArray) -> list[int]:
    """Indices of the rows of `columns` [n, k] that no other row dominates; of equal rows, the first.

    Row g dominates row f if columns[g] + extra[kinds[g], kinds[f]] <= columns[f] in every column. `extra`
    [kinds, kinds, k] is what taking a row of one kind in place of one of another costs elsewhere at most. It
    obeys extra[a, c] <= extra[a, b] + extra[b, c], so what is dominated by a row that is itself dominated is
    dominated by one that stays.
    """
    # Rows that are small over all are looked at first: they remove most.
    scale = np.maximum(1, columns.max(axis=0, initial=1))
    order = np.argsort((columns / scale).sum(axis=1), kind="stable")
    columns, kinds = columns[order], kinds[order]
    alive = np.ones(len(columns), np.bool_)
    for row in range(len(columns)):
        if alive[row]:
            rest = np.flatnonzero(alive)
            worse = (columns[row] + extra[kinds[row], kinds[rest]] <= columns[rest]).all(axis=1)
            alive[rest[worse]] = False
            alive[row] = True
    return sorted(order[alive].tolist())
