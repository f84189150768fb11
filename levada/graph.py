"""The dataflow graph: layers joined by streams of integer tensors, and what each stage promises of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Literal

from levada_driver.datatype import IntArray
from levada_driver.packing import Stream

from levada.errors import LevadaError
from levada.layer import Folding, Layer, Tensor, fork
from levada.pipelining import SLOW, Pipelining

Stage = Literal["lowered", "folded", "connected"]


@dataclass(frozen=True, eq=False)
class Node:
    """One layer of a network: its name, the tensors it reads and writes, and how it is folded."""

    name: str
    layer: Layer
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    folding: Folding = field(default_factory=Folding)

    @property
    def streams(self) -> tuple[tuple[Stream, ...], tuple[Stream, ...]]:
        """The streams in and out under the node's folding."""
        return self.layer.streams(self.folding)


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes in topological order; each tensor is written once and read once.

    `tensors` holds every tensor by name; values of one frame, channels last.
    """

    name: str
    nodes: tuple[Node, ...]
    tensors: Mapping[str, Tensor]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def node(self, name: str) -> Node:
        """The node called `name`; KeyError where there is none."""
        return {node.name: node for node in self.nodes}[name]

    def producer(self, tensor: str) -> tuple[Node, int] | None:
        """The node that writes a tensor and at which output; None for an input of the graph."""
        for node in self.nodes:
            if tensor in node.outputs:
                return node, node.outputs.index(tensor)
        return None

    def consumer(self, tensor: str) -> tuple[Node, int] | None:
        """The node that reads a tensor and at which input; None for an output of the graph."""
        for node in self.nodes:
            if tensor in node.inputs:
                return node, node.inputs.index(tensor)
        return None

    def sources(self, node: Node) -> tuple[str, ...]:
        """Names of the nodes that a node reads from, input by input; the graph's inputs have none."""
        found = (self.producer(name) for name in node.inputs)
        return tuple(pair[0].name for pair in found if pair is not None)

    def with_nodes(self, nodes: tuple[Node, ...]) -> Graph:
        """The same graph with other nodes over the same tensors."""
        return replace(self, nodes=nodes)

    def on(self, family: str, pipelining: Pipelining = SLOW) -> Graph:
        """The same graph for a chip of another family, with the registers that its clock asks for."""
        layers = (replace(node.layer, family=family, pipelining=pipelining) for node in self.nodes)
        pairs = zip(self.nodes, layers, strict=True)
        return self.with_nodes(tuple(replace(node, layer=layer) for node, layer in pairs))

    @property
    def settings(self) -> int:
        """How many settings there are; a layer has as many, or is alike in all of them."""
        return max((node.layer.settings for node in self.nodes), default=1)

    def at(self, setting: int) -> Graph:
        """What the graph computes in a setting: the same nodes with the layers that they are in it."""
        nodes = tuple(replace(node, layer=node.layer.chosen(setting)) for node in self.nodes)
        tensors = dict(self.tensors)
        for node in nodes:
            for name, port in zip(node.outputs, node.layer.outputs, strict=True):
                tensors[name] = replace(tensors[name], dtype=port.dtype)
        return replace(self, nodes=nodes, tensors=tensors)

    def stream(self, tensor: str) -> Stream:
        """The stream that carries a tensor."""
        found = self.producer(tensor)
        if found is not None:
            return found[0].streams[1][found[1]]
        found = self.consumer(tensor)
        assert found is not None, f"{tensor} is neither written nor read"
        return found[0].streams[0][found[1]]


def with_forks(graph: Graph) -> Graph:
    """The graph with a fork on every tensor that several inputs of nodes read, or a node and the output.

    A fork has two outputs: the first reader gets one, and those that are left share the other.
    """
    names = list(graph.tensors)
    for name in names:  # grows on the way
        if sum(node.inputs.count(name) for node in graph.nodes) + graph.outputs.count(name) > 1:
            graph = _with_fork(graph, name)
            names.append(f"{name}_b")
    return graph


def _with_fork(graph: Graph, name: str) -> Graph:
    tensor = graph.tensors[name]
    copies = (f"{name}_a", f"{name}_b")
    layer = fork()(tensor)
    new = Node(f"{layer.kind}_{name.removesuffix('_out')}", layer, (name,), copies)
    left = itertools.chain(copies, itertools.repeat(copies[1]))
    nodes: list[Node] = []
    for other in graph.nodes:
        reads = tuple(next(left) if read == name else read for read in other.inputs)
        if reads != other.inputs and new not in nodes:
            nodes.append(new)
        nodes.append(replace(other, inputs=reads))
    outputs = tuple(next(left) if output == name else output for output in graph.outputs)
    tensors = {**graph.tensors, **{copy: Tensor(copy, tensor.shape, tensor.dtype) for copy in copies}}
    nodes = nodes if new in nodes else [*nodes, new]
    return replace(graph, nodes=tuple(nodes), tensors=tensors, outputs=outputs)


def execute(graph: Graph, *inputs: IntArray) -> dict[str, IntArray]:
    """Golden values of every tensor: an array [frames, ...] of the right size for each input."""
    values = dict(zip(graph.inputs, inputs, strict=True))
    for node in graph.nodes:
        ports = zip(node.inputs, node.layer.inputs, strict=True)
        args = [values[name].reshape(-1, *port.shape) for name, port in ports]
        values.update(zip(node.outputs, node.layer.golden(*args), strict=True))
    return values


def verify(graph: Graph, stage: Stage) -> Graph:
    """Checks what `stage` promises and returns the graph; AssertionError names the first broken promise."""
    for problem in _problems(graph, stage):
        raise AssertionError(f"graph {graph.name!r} after {stage}: {problem}")
    return graph


def _problems(graph: Graph, stage: Stage) -> Iterator[str]:
    yield from _order_problems(graph)
    yield from _type_problems(graph)
    if stage == "folded":
        for node in graph.nodes:
            check_folding(node.name, node.layer, node.folding)
    if stage == "connected":
        for node in graph.nodes:
            for name, stream in zip(node.inputs, node.streams[0], strict=True):
                if stream != graph.stream(name):
                    yield f"{node.name} reads {stream} from {name}, which carries {graph.stream(name)}"


def _order_problems(graph: Graph) -> Iterator[str]:
    written = set(graph.inputs)
    for node in graph.nodes:
        yield from (f"{node.name} reads {n} before it is written" for n in node.inputs if n not in written)
        yield from (f"{name} is written twice" for name in node.outputs if name in written)
        written.update(node.outputs)
    read = [name for node in graph.nodes for name in node.inputs]
    for name in sorted(written):
        if read.count(name) != (name not in graph.outputs):
            yield f"{name} is read {read.count(name)} times"


def _type_problems(graph: Graph) -> Iterator[str]:
    for node in graph.nodes:
        inputs = zip(node.inputs, node.layer.inputs, strict=True)
        outputs = zip(node.outputs, node.layer.outputs, strict=True)
        for name, port in [*inputs, *outputs]:
            tensor = graph.tensors[name]
            if (tensor.size, tensor.dtype) != (port.size, port.dtype):
                yield f"{node.name}.{port.name} is {port.dtype.name}{port.shape}, {name} is not"


def check_folding(name: str, layer: Layer, folding: Folding) -> None:
    """LevadaError that names the rule and the legal values nearby unless `layer` offers the folding."""
    if layer.legal(folding):
        return
    legal = list(layer.foldings())
    for key, (dimension, size) in layer.folded().items():
        value = getattr(folding, key)
        if value < 1 or size % value:
            near = _near({getattr(other, key) for other in legal}, value)
            rule = f"{key.upper()}={value} does not divide {dimension}={size}"
            raise LevadaError(f"{name}: {rule}; legal near it: {near}")
    for key in (one.name for one in fields(Folding)):
        value = getattr(folding, key)
        values = {getattr(other, key) for other in legal}
        if value not in values:
            raise LevadaError(f"{name}: {key}={value} is not possible; legal near it: {_near(values, value)}")
    same = [o for o in legal if (o.pe, o.simd) == (folding.pe, folding.simd)]
    shown = ", ".join(sorted({_rest(other) for other in same}))
    raise LevadaError(
        f"{name}: pe={folding.pe} simd={folding.simd} does not go with {_rest(folding)}; "
        f"legal with it: {shown or 'nothing'}"
    )


def _rest(folding: Folding) -> str:
    """What a folding says besides pe and simd."""
    deep = "" if folding.thresholds == "lut" else f" thresholds={folding.thresholds}"
    return f"memory={folding.memory} dsp_pe={folding.dsp_pe} mmv={folding.mmv}{deep}"


def _near(values: set[int] | set[str], value: int | str) -> str:
    if isinstance(value, str):
        return ", ".join(sorted(str(v) for v in values))
    numbers = sorted(int(v) for v in values)
    below = [v for v in numbers if v <= value][-1:]
    above = [v for v in numbers if v > value][:1]
    return ", ".join(str(v) for v in below + above)
