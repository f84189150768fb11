"""Layers as graphs without streams between them: how they are tested alone and differences are localised."""

from __future__ import annotations

from collections.abc import Sequence

from levada_driver.datatype import IntArray

from levada.graph import Graph, Node, execute, verify
from levada.layer import Folding, Layer, Tensor
from levada.sim.rtlsim import RtlRun


def apart(layers: Sequence[tuple[Layer, Folding]], name: str = "apart") -> Graph:
    """A connected graph of these layers side by side: every port of every layer is one of the graph.

    Port p of layer i is the tensor `in<i>_<p>` or `out<i>_<p>`.
    """
    nodes, tensors = [], {}
    for index, (layer, folding) in enumerate(layers):
        reads = tuple(f"in{index}_{port}" for port in range(len(layer.inputs)))
        writes = tuple(f"out{index}_{port}" for port in range(len(layer.outputs)))
        for tensor, port in zip((*reads, *writes), (*layer.inputs, *layer.outputs), strict=True):
            tensors[tensor] = Tensor(tensor, port.shape, port.dtype)
        nodes.append(Node(f"{layer.kind}_{index}", layer, reads, writes, folding))
    inputs = tuple(tensor for node in nodes for tensor in node.inputs)
    outputs = tuple(tensor for node in nodes for tensor in node.outputs)
    return verify(Graph(name, tuple(nodes), tensors, inputs, outputs), "connected")


def single(layer: Layer, folding: Folding, name: str = "layer") -> Graph:
    """A connected graph of just this layer."""
    return apart([(layer, folding)], name)


def golden_at_ports(graph: Graph, *inputs: IntArray) -> tuple[list[IntArray], list[IntArray]]:
    """What the layers of `graph` read and write, for its frames: data of `apart`'s inputs and outputs."""
    values = execute(graph, *inputs)
    frames = len(inputs[0])
    reads, writes = (
        [values[name].reshape(frames, -1) for names in ports for name in names]
        for ports in ([node.inputs for node in graph.nodes], [node.outputs for node in graph.nodes])
    )
    return reads, writes


def intervals(alone: Graph, run: RtlRun) -> list[int]:
    """Cycles between the ends of the last two frames of each layer of an `apart` graph."""
    return [
        run.interval(alone.stream(node.outputs[0]).beats, alone.outputs.index(node.outputs[0]))
        for node in alone.nodes
    ]
