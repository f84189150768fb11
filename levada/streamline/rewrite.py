"""Small edits of ONNX graphs that several passes make."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def reason(error: Exception) -> str:
    """What an exception of another package says, in one line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].strip()}" if lines else type(error).__name__


def rewire(model: Any, old: str, new: str) -> None:  # noqa: ANN401 - a qonnx ModelWrapper
    """Makes every reader of tensor `old`, and the graph's output, read `new`."""
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            if name == old:
                node.input[place] = new
    for output in model.graph.output:
        if output.name == old:
            raise ValueError("the graph's output keeps its name; give the new producer that output instead")


def constant(model: Any, value: npt.ArrayLike, kind: type = np.float32) -> str:  # noqa: ANN401
    """Name of a new initializer."""
    name: str = model.make_new_valueinfo_name()
    model.set_initializer(name, np.asarray(value, kind))
    return name


def insert_after(model: Any, anchor: Any, nodes: list[Any]) -> None:  # noqa: ANN401
    """Puts nodes right behind `anchor` (None: in front of all)."""
    at = 0 if anchor is None else list(model.graph.node).index(anchor) + 1
    for offset, node in enumerate(nodes):
        model.graph.node.insert(at + offset, node)


def remove(model: Any, nodes: list[Any]) -> None:  # noqa: ANN401
    """Takes nodes out of the graph; their readers must have been rewired."""
    for node in nodes:
        model.graph.node.remove(node)


def set_integer(model: Any, tensor: str, dtype_name: str) -> None:  # noqa: ANN401
    """Annotates a tensor with an integer type."""
    from qonnx.core.datatype import DataType

    model.set_tensor_datatype(tensor, DataType[dtype_name])
