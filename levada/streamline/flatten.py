"""Channels last at the borders of an image: flattening, and the network's input and output.

The hardware streams an image pixel by pixel, its channels last. So

    MatMul(Flatten(x), W) = MatMul(Flatten(Transpose(x)), P W)

where Transpose puts the channels last and P reorders the rows of W alike; the input and the output of the
network are transposed by the host. Every Transpose that is left then stands for the order in which hardware
has its data anyway.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from levada_driver.datatype import IntArray
from onnx import helper

from levada.errors import LevadaError
from levada.onnxutil import attribute, channels_last
from levada.streamline.operators import SHAPE
from levada.streamline.rewrite import constant, insert_before, new_tensor, set_integer, shape_of


def is_image(shape: tuple[int, ...]) -> bool:
    """Whether channels first and channels last are two orders: several channels, several pixels."""
    return len(shape) > 2 and shape[1] > 1 and int(np.prod(shape[2:])) > 1


def flatten_channels_last(model: Any) -> Any:
    """Puts the channels last before every operator that makes a vector of an image."""
    for node in list(model.graph.node):
        shape, result = shape_of(node.input[0], model), shape_of(node.output[0], model)
        if node.op_type not in SHAPE or not is_image(shape) or channels_last(node.input[0], model):
            continue
        if [size for size in shape if size > 1] == [size for size in result if size > 1]:
            continue  # only axes of one element come or go
        if len([size for size in result[1:] if size > 1]) > 1:
            raise LevadaError(
                f"{node.name}: {node.op_type} of {list(shape)} to {list(result)}; "
                "an image can only be flattened"
            )
        _permute_readers(model, node, shape)
    return model


def _permute_readers(model: Any, node: Any, shape: tuple[int, ...]) -> None:
    order = np.arange(int(np.prod(shape[1:]))).reshape(shape[1:])
    order = np.moveaxis(order, 0, -1).reshape(-1)
    _permute(model, node, order)
    rank = len(shape)
    perm = [0, *range(2, rank), 1]
    moved = new_tensor(model, [shape[axis] for axis in perm])
    set_integer(model, moved, model.get_tensor_datatype(node.input[0]).name)
    transpose = helper.make_node("Transpose", [node.input[0]], [moved], name=f"{node.name}_last", perm=perm)
    insert_before(model, node, [transpose])
    node.input[0] = moved


def _permute(model: Any, node: Any, order: IntArray) -> None:
    """Reorders the weights that read what `node` gives, through what works element by element."""
    for reader in model.find_consumers(node.output[0]) or []:
        if reader.op_type == "MatMul" and reader.input[0] == node.output[0]:
            old = reader.input[1]
            reader.input[1] = constant(model, model.get_initializer(old)[order])
            set_integer(model, reader.input[1], model.get_tensor_datatype(old).name)
        elif reader.op_type in SHAPE or _uniform(reader, model):
            _permute(model, reader, order)
        else:
            raise LevadaError(
                f"{reader.name} ({reader.op_type}): tells the elements of a flattened image apart, and is no "
                "layer with weights; flatten behind it"
            )
    if node.output[0] in {info.name for info in model.graph.output}:
        raise LevadaError(f"{node.name}: the output is a flattened image; leave it an image")


def _uniform(node: Any, model: Any) -> bool:
    """Whether a node treats all elements alike."""
    return node.op_type == "MultiThreshold" and len(model.get_initializer(node.input[1])) == 1


@dataclass(frozen=True)
class Borders:
    """Whether the host puts the channels of the input last, and those of each output back."""

    input: bool
    outputs: tuple[bool, ...]


def transposed_borders(model: Any) -> tuple[Any, Borders]:
    """The graph with images channels last at its input and outputs, and which of them are."""
    given = model.graph.input[0].name
    results = [info.name for info in model.graph.output]
    borders = Borders(_channels_first(given, model), tuple(_channels_first(name, model) for name in results))
    if borders.input:
        _transposed_input(model, given)
    for name, transposed in zip(results, borders.outputs, strict=True):
        if transposed:
            _transposed_output(model, name)
    return model, borders


def _channels_first(name: str, model: Any) -> bool:
    return is_image(shape_of(name, model)) and not channels_last(name, model)


def _transposed_input(model: Any, name: str) -> None:
    shape = shape_of(name, model)
    inner = new_tensor(model, shape)
    for node in model.graph.node:
        for place, read in enumerate(node.input):
            if read == name:
                node.input[place] = inner
    rank = len(shape)
    perm = [0, rank - 1, *range(1, rank - 1)]
    model.graph.node.insert(
        0, helper.make_node("Transpose", [name], [inner], name="Transpose_input", perm=perm)
    )
    set_integer(model, inner, model.get_tensor_datatype(name).name)
    model.set_tensor_shape(name, [shape[0], *shape[2:], shape[1]])


def _transposed_output(model: Any, name: str) -> None:
    shape = shape_of(name, model)
    inner = new_tensor(model, shape)
    set_integer(model, inner, model.get_tensor_datatype(name).name)
    for node in model.graph.node:
        for names in (node.input, node.output):
            for place, used in enumerate(names):
                if used == name:
                    names[place] = inner
    perm = [0, *range(2, len(shape)), 1]
    model.graph.node.append(
        helper.make_node("Transpose", [inner], [name], name=f"Transpose_{name}", perm=perm)
    )
    model.set_tensor_shape(name, [shape[0], *shape[2:], shape[1]])


#: Operators over the last axis, whose inputs of more than two axes are channels last.
_LAST = frozenset({"MatMul"})
_ALIKE = frozenset({"Lookup", "MultiThreshold", "Identity"})


def layouts(model: Any) -> Any:
    """Annotates every tensor whose channels are its last axis; the others have them on axis 1."""
    last = _known_last(model)
    grown = True
    while grown:
        before = len(last)
        for node in model.graph.node:
            pair = {node.input[0], node.output[0]}
            if node.op_type in _ALIKE and pair & last:
                last |= pair
        grown = len(last) > before
    for name in last:
        rank = len(shape_of(name, model))
        if rank > 2:
            model.set_tensor_layout(name, ["N", *"DHW"[5 - rank :][: rank - 2], "C"])
    return model


def _known_last(model: Any) -> set[str]:
    """Tensors at operators that say where the channels are."""
    last: set[str] = set()
    for node in model.graph.node:
        if node.op_type in _LAST:
            last.update((node.input[0], node.output[0]))
        elif node.op_type == "Transpose":
            perm = attribute(node, "perm", [])
            if perm == [0, *range(2, len(perm)), 1]:
                last.add(node.output[0])
            elif perm == [0, len(perm) - 1, *range(1, len(perm) - 1)]:
                last.add(node.input[0])
    return last
