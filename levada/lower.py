"""Lowering: a streamlined ONNX graph of integers becomes a graph of hardware layers."""

from __future__ import annotations

import re
from typing import Any

from levada.errors import LevadaError
from levada.graph import Graph, Node, verify, with_forks
from levada.layer import Match, Tensor, registered
from levada.onnxutil import channels_last, integer_tensor
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
        if node.op_type in SHAPE or _changes_layout(node, model):
            same_as[node.output[0]] = same_as.get(node.input[0], node.input[0])
        elif node.name not in done:
            match = _match(node, model)
            done.update(match.nodes)
            matches.append(match)
    return _assemble(model, name, matches, same_as)


def _changes_layout(node: Any, model: Any) -> bool:  # noqa: ANN401
    """Whether a Transpose only tells in which order ONNX has a tensor; the hardware has one order."""
    if node.op_type != "Transpose":
        return False
    return channels_last(node.input[0], model) != channels_last(node.output[0], model)


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
    nodes: list[Node] = []
    given, results = model.graph.input[0].name, [info.name for info in model.graph.output]
    source = integer_tensor(given, model)
    tensors = {"x": Tensor("x", source.shape, source.dtype)}
    names = {given: "x"}
    for index, match in enumerate(matches):
        inner = {tensor for part in match.parts for tensor in part.outputs} - _onnx_tensors(model)
        for part in match.parts:
            kind = part.layer.kind
            node_name = f"{kind}_{counts.get(kind, 0)}"
            counts[kind] = counts.get(kind, 0) + 1
            # Two matches may use the same name for what lies between their parts.
            own = {tensor: f"{tensor} {index}" for tensor in inner}
            reads = tuple(names[own.get(tensor, same_as.get(tensor, tensor))] for tensor in part.inputs)
            writes = []
            for port, (tensor, value) in enumerate(zip(part.outputs, part.layer.outputs, strict=True)):
                fresh = f"{node_name}_out" if port == 0 else f"{node_name}_out{port}"
                names[own.get(tensor, tensor)] = fresh
                tensors[fresh] = Tensor(fresh, value.shape, value.dtype)
                writes.append(fresh)
            nodes.append(Node(node_name, part.layer, reads, tuple(writes)))
    if not nodes:
        raise LevadaError(f"{name}: nothing is left to build; the network has no layer")
    outputs = tuple(names[same_as.get(result, result)] for result in results)
    graph = Graph(legal_name(name), tuple(nodes), tensors, ("x",), outputs)
    return verify(with_forks(graph), "lowered")


def _onnx_tensors(model: Any) -> set[str]:  # noqa: ANN401
    return {name for node in model.graph.node for name in node.output}


def legal_name(name: str) -> str:
    """A name that every generated language takes."""
    return re.sub(r"\W", "_", name) or "network"
