"""One layer as a graph of its own: how layers are tested alone and differences are localised."""

from __future__ import annotations

from levada.graph import Graph, Node, verify
from levada.layer import Folding, Layer, Tensor


def single(layer: Layer, folding: Folding, name: str = "layer") -> Graph:
    """A connected graph of just this layer, its ports the ports of the graph."""
    inputs = tuple(f"in{i}" for i in range(len(layer.inputs)))
    outputs = tuple(f"out{i}" for i in range(len(layer.outputs)))
    ports = [*zip(inputs, layer.inputs, strict=True), *zip(outputs, layer.outputs, strict=True)]
    tensors = {key: Tensor(key, port.shape, port.dtype) for key, port in ports}
    node = Node(f"{layer.kind}_0", layer, inputs, outputs, folding)
    return verify(Graph(name, (node,), tensors, inputs, outputs), "connected")
