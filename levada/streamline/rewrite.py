"""Small edits of ONNX graphs that several passes make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


def reason(error: Exception) -> str:
    """What an exception of another package says, in one line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].strip()}" if lines else type(error).__name__


def rewire(model: Any, old: str, new: str) -> None:
    """Makes every reader of tensor `old`, and the graph's output, read `new`."""
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            if name == old:
                node.input[place] = new
    for output in model.graph.output:
        if output.name == old:
            raise ValueError("the graph's output keeps its name; give the new producer that output instead")


def constant(model: Any, value: npt.ArrayLike, kind: type = np.float32) -> str:
    """Name of a new initializer."""
    name: str = model.make_new_valueinfo_name()
    model.set_initializer(name, np.asarray(value, kind))
    return name


def new_tensor(model: Any, shape: Sequence[int]) -> str:
    """Name of a new tensor between nodes."""
    name: str = model.make_new_valueinfo_name()
    model.set_tensor_shape(name, [int(size) for size in shape])
    return name


def shape_of(tensor: str, model: Any) -> tuple[int, ...]:
    """Shape of a tensor, the batch first."""
    return tuple(int(size) for size in model.get_tensor_shape(tensor))


def insert_before(model: Any, anchor: Any, nodes: Iterable[Any]) -> None:
    """Puts nodes right in front of `anchor`."""
    at = list(model.graph.node).index(anchor)
    for offset, node in enumerate(nodes):
        model.graph.node.insert(at + offset, node)


def replace_node(model: Any, node: Any, nodes: Iterable[Any]) -> None:
    """Puts nodes in the place of one."""
    insert_before(model, node, nodes)
    model.graph.node.remove(node)


def insert_after(model: Any, anchor: Any, nodes: list[Any]) -> None:
    """Puts nodes right behind `anchor` (None: in front of all)."""
    at = 0 if anchor is None else list(model.graph.node).index(anchor) + 1
    for offset, node in enumerate(nodes):
        model.graph.node.insert(at + offset, node)


def remove(model: Any, nodes: list[Any]) -> None:
    """Takes nodes out of the graph; their readers must have been rewired."""
    for node in nodes:
        model.graph.node.remove(node)


def remove_unread(model: Any, nodes: Sequence[Any]) -> None:
    """Takes out those of some nodes, in topological order, that nothing reads any more."""
    outputs = {info.name for info in model.graph.output}
    for node in reversed(nodes):
        if not any(model.find_consumers(name) or name in outputs for name in node.output):
            model.graph.node.remove(node)


def set_integer(model: Any, tensor: str, dtype_name: str) -> None:
    """Annotates a tensor with an integer type."""
    from qonnx.core.datatype import DataType

    model.set_tensor_datatype(tensor, DataType[dtype_name])
