"""Lowering: a streamlined ONNX graph of integers becomes a graph of hardware layers."""

from __future__ import annotations

import re
from typing import Any

from levada.errors import LevadaError
from levada.graph import Graph, Node, verify
from levada.layer import Match, Tensor, registered
from levada.onnxutil import integer_tensor
from levada.streamline.operators import SHAPE


def lower(model: Any, name: str) -> Graph:  # noqa: ANN401 - a qonnx ModelWrapper
    """The graph of layers that computes what the streamlined `model` computes, node names by kind.

    Each ONNX node is offered to every layer; a layer may take its followers along. Operators that only
    rename elements vanish: a stream has no shape.
    """
    same_as: dict[str, str] = {}  # tensors behind a renaming operator, by the tensor before it
    matches: list[Match] = []
    done: set[str] = set()
    for node in model.graph.node:
        if node.op_type in SHAPE:
            same_as[node.output[0]] = same_as.get(node.input[0], node.input[0])
        elif node.name not in done:
            match = _match(node, model)
            done.update(match.nodes)
            matches.append(match)
    return _assemble(model, name, matches, same_as)


def _match(node: Any, model: Any) -> Match:  # noqa: ANN401
    for cls in registered().values():
        if node.op_type in cls.operators and (match := cls.match(node, model)) is not None:
            return match
    raise LevadaError(
        f"{node.name} ({node.op_type}): no layer of hls/ takes it in this form; `levada layers` lists what "
        "there is"
    )


def _assemble(model: Any, name: str, matches: list[Match], same_as: dict[str, str]) -> Graph:  # noqa: ANN401
    counts: dict[str, int] = {}
    tensors: dict[str, Tensor] = {}
    nodes: list[Node] = []
    given = model.graph.input[0].name
    names = {given: "x"}
    source = integer_tensor(given, model)
    tensors["x"] = Tensor("x", source.shape, source.dtype)
    for match in matches:
        kind = match.layer.kind
        node_name = f"{kind}_{counts.get(kind, 0)}"
        counts[kind] = counts.get(kind, 0) + 1
        reads = tuple(names[same_as.get(tensor, tensor)] for tensor in match.inputs)
        writes = []
        for index, (tensor, port) in enumerate(zip(match.outputs, match.layer.outputs, strict=True)):
            fresh = f"{node_name}_out" if index == 0 else f"{node_name}_out{index}"
            names[tensor] = fresh
            tensors[fresh] = Tensor(fresh, port.shape, port.dtype)
            writes.append(fresh)
        nodes.append(Node(node_name, match.layer, reads, tuple(writes)))
    result = model.graph.output[0].name
    output = names[same_as.get(result, result)]
    if not nodes:
        raise LevadaError(f"{name}: nothing is left to build; the network has no layer")
    return verify(Graph(legal_name(name), tuple(nodes), tensors, ("x",), (output,)), "lowered")


def legal_name(name: str) -> str:
    """A name that every generated language takes."""
    return re.sub(r"\W", "_", name) or "network"
