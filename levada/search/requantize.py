"""A graph with layers of other bit widths: types move on from layer to layer.

Its costs are what counts. Its parameters stand for unknown trained ones (`levada.precision`), so its results
mean nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from levada_driver.datatype import IntType

from levada.errors import LevadaError
from levada.graph import Graph, Node, verify
from levada.layer import Layer
from levada.precision import Precision

Types = tuple[IntType, ...]
#: The layer of a node for inputs of some types, with some widths of its own.
LayerOf = Callable[[Node, Types, Precision], Layer]


def requantized(
    graph: Graph,
    precisions: Mapping[str, Precision],
    layer_of: LayerOf | None = None,
) -> Graph:
    """The lowered graph with the given widths at its sites; those of others, and of the input, stay.

    Who knows layers already says so by `layer_of`. LevadaError where the hardware cannot be made of these
    widths, naming the layer and its rule.
    """
    make = layer_of or requantized_layer
    tensors = {name: graph.tensors[name] for name in graph.inputs}
    nodes = []
    for node in graph.nodes:
        types = tuple(tensors[name].dtype for name in node.inputs)
        layer = make(node, types, precisions.get(node.name, Precision()))
        nodes.append(replace(node, layer=layer))
        for name, port in zip(node.outputs, layer.outputs, strict=True):
            tensors[name] = replace(graph.tensors[name], dtype=port.dtype)
    return verify(replace(graph, nodes=tuple(nodes), tensors=tensors), "lowered")


def requantized_layer(node: Node, types: Types, precision: Precision) -> Layer:
    """The layer of a node for inputs of these types; its own where nothing changes."""
    layer = node.layer
    own = tuple(tensor.dtype for tensor in layer.inputs)
    if types == own and precision in (Precision(), layer.precision):
        return layer
    try:
        return layer.requantized(types, precision)
    except LevadaError as error:
        read = ", ".join(dtype.name for dtype in types)
        raise LevadaError(f"{node.name}: cannot take {read}: {error}") from error
