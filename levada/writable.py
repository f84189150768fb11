"""Layers whose weights and thresholds can be written while a design runs, and what writes them.

Such a layer is built for any weights of its type: sums have the bits that the largest ones need, and slices
are packed for every weight. Another network may take its place where all else is alike: the layers with their
types and shapes, and the parameters of those that cannot be written. `forms` says what that is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from levada_driver.datatype import IntArray

from levada import content
from levada.emit import sv
from levada.errors import LevadaError
from levada.graph import Graph, Node, verify
from levada.layer import Tensor

#: Stands for all layers that can be written.
ALL = "all"
# Each layer has 2^24 words of the address space, from 2^24 on: a place is a positive 32-bit integer.
_SPAN, _MOST = 1 << 24, 127
# Hexadecimal digits of a digest.
_DIGITS = 16


def opened(graph: Graph, wanted: Sequence[str]) -> Graph:
    """The graph with parameters of the `wanted` layers that can be written; ALL: of every one that can.

    LevadaError for a layer that does not exist or cannot.
    """
    names = [node.name for node in graph.nodes]
    for name in wanted:
        if name not in names and name != ALL:
            raise LevadaError(
                f"--runtime-weights {name}: no such layer in {graph.name}; it has {', '.join(names)}"
            )
    number = 0
    for name in names:
        if name in wanted or ALL in wanted:
            found = _opened(graph, name, (number + 1) * _SPAN)
            if isinstance(found, Graph):
                graph, number = found, number + 1
            elif name in wanted:
                raise LevadaError(f"--runtime-weights {name}: {found}; leave it out")
    if number > _MOST:
        raise LevadaError(f"--runtime-weights: {number} layers are chosen, {_MOST} are the most; name fewer")
    if wanted and not number:
        raise LevadaError(f"--runtime-weights: {graph.name} has no layer that can; leave it out")
    return verify(graph, "lowered")


def _opened(graph: Graph, name: str, place: int) -> Graph | str:
    """The graph with one more layer opened, or why that is impossible."""
    (node,) = (node for node in graph.nodes if node.name == name)
    layer = node.layer.at(place)
    if layer is None:
        return f"parameters of this {node.layer.kind} cannot be written"
    (output,), (port,) = node.outputs, layer.outputs
    tensor = Tensor(output, graph.tensors[output].shape, port.dtype)
    reader = graph.consumer(output)
    if reader is not None and tensor.dtype != graph.tensors[output].dtype:
        return f"its sums would have {tensor.dtype.bits} bits, which {reader[0].name} does not take"
    nodes = tuple(replace(node, layer=layer) if other is node else other for other in graph.nodes)
    return replace(graph, nodes=nodes, tensors={**graph.tensors, output: tensor})


def words(graph: Graph) -> IntArray:
    """What writes the parameters of all layers that can be written: [words, (address, 32 bits of data)]."""
    parts = [node.layer.words(node.folding) for node in sv.writable(graph)]
    return np.concatenate([np.zeros((0, 2), np.int64), *parts])


def forms(graph: Graph) -> dict[str, str]:
    """What a network must have in common with another that takes its place: a digest for each layer.

    It covers all of a layer's hardware but the parameters that can be written, under its name; that of how
    the layers are joined is called like the top level.
    """
    whole = content.digest(sv.top_level(replace(graph, name="")))[:_DIGITS]
    return {node.name: _form(node) for node in graph.nodes} | {sv.TOP: whole}


def _form(node: Node) -> str:
    texts = sv.layer_form(node)
    return content.digest(*(text for pair in sorted(texts.items()) for text in pair))[:_DIGITS]
