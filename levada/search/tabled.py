"""All layers of a network with their foldings, at all widths that they depend on."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from levada_driver.datatype import IntArray

from levada.search import work
from levada.search.joint import Layer, table
from levada.search.layers import Knobs, choices, knobs_of

if TYPE_CHECKING:
    from levada.search.context import Search


def tables(search: Search) -> list[Layer]:
    """The layers in the graph's order; made by several processes."""
    knobs = knobs_of(search.subject, search.evaluator)
    tasks = [
        (node, own, bits)
        for node, own in knobs.items()
        for bits in itertools.product(*(search.subject.space.knobs[index].values for index in own))
    ]
    chunks = [tasks[start::64] for start in range(min(64, len(tasks)))]
    found: dict[str, dict[tuple[int, ...], tuple[IntArray, IntArray]]] = {node: {} for node in knobs}
    made = search.workers.all(_tables, [(search.work, chunk) for chunk in chunks])
    for chunk, rows in zip(chunks, made, strict=True):
        for (node, _, bits), row in zip(chunk, rows, strict=True):
            found[node][bits] = row
    return [Layer(own, found[node]) for node, own in knobs.items()]


def _tables(
    own: work.Work, tasks: list[tuple[str, Knobs, tuple[int, ...]]]
) -> list[tuple[IntArray, IntArray]]:
    """In another process."""
    evaluator = work.evaluator_of(own)
    return [table(choices(own.subject, evaluator, node, knobs, bits)) for node, knobs, bits in tasks]
