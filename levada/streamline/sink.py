"""Scales and biases sink: elementwise affine operators move behind what is linear, until integers are left.

    op(x * s) = op(x) * s          op linear, or MaxPool and s > 0
    op(x + b) = op(x) + op(b)      op linear and without padding, or MaxPool

with one number, or with one a channel where op keeps channels apart. A tensor that several nodes read gets
one copy of its operator for each. Joins of branches are in `joins`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import helper

from levada.onnxutil import attribute
from levada.reference import FloatArray
from levada.streamline.joins import join
from levada.streamline.operators import QUANTIZERS, SCALES, SHAPE, SHIFTS
from levada.streamline.rewrite import constant, insert_after, new_tensor, shape_of

#: (operator, its constant aligned with its input, what it should pass, model) to the constant behind, or
#: None.
Rule = Callable[[str, FloatArray, Any, Any], FloatArray | None]


def sink(model: Any) -> Any:
    """Moves every constant Mul, Div, Add and Sub as far towards the output as its rule allows."""
    while any(_move(model, node) for node in list(model.graph.node)):
        pass
    return model


def _move(model: Any, node: Any) -> bool:
    """One step for one node; False where there is none."""
    if node.op_type in ("Add", "Concat") and join(model, node):
        return True
    if node.op_type not in SCALES | SHIFTS or (value := model.get_initializer(node.input[1])) is None:
        return False
    readers = model.find_consumers(node.output[0]) or []
    outputs = {info.name for info in model.graph.output}
    if not readers or node.output[0] in outputs:
        return False
    if len(readers) > 1 or list(readers[0].input).count(node.output[0]) > 1:
        return _copy_for_each_reader(model, node, readers)
    reader = readers[0]
    rule = RULES.get(reader.op_type)
    if rule is None or reader.input[0] != node.output[0]:
        return False
    rank = len(shape_of(node.output[0], model))
    behind = rule(node.op_type, value.reshape((1,) * (rank - value.ndim) + value.shape), reader, model)
    if behind is None:
        return False
    _swap(model, node, reader, behind)
    return True


def _swap(model: Any, node: Any, reader: Any, behind: FloatArray) -> None:
    reader.input[0] = node.input[0]
    model.graph.node.remove(node)
    for place, end in enumerate(list(reader.output)):
        inner = new_tensor(model, shape_of(end, model))
        reader.output[place] = inner
        copy = helper.make_node(
            node.op_type, [inner, constant(model, behind)], [end], name=f"{node.name}_{end}"
        )
        insert_after(model, reader, [copy])


def _copy_for_each_reader(model: Any, node: Any, readers: list[Any]) -> bool:
    """A copy a reader, so that the branches carry what is before the node; quantizers are no reason to."""
    if all(reader.op_type in QUANTIZERS for reader in readers):
        return False
    end, shape = node.output[0], shape_of(node.output[0], model)
    copies = []
    for reader in dict.fromkeys(id(reader) for reader in readers):
        owner = next(node for node in readers if id(node) == reader)
        for place, name in enumerate(owner.input):
            if name == end:
                own = new_tensor(model, shape)
                copies.append(
                    helper.make_node(node.op_type, list(node.input), [own], name=f"{node.name}_{own}")
                )
                owner.input[place] = own
    insert_after(model, node, copies)
    model.graph.node.remove(node)
    return True


def _one_number(operator: str, value: FloatArray, reader: Any, model: Any) -> FloatArray | None:  # noqa: ARG001
    return value.reshape(()) if value.size == 1 else None


def _keeps_channels(operator: str, value: FloatArray, reader: Any, model: Any) -> FloatArray | None:  # noqa: ARG001
    return value.reshape(()) if value.size == 1 else value


def _max_pool(operator: str, value: FloatArray, reader: Any, model: Any) -> FloatArray | None:
    if operator in SCALES and np.any(value <= 0):
        return None
    return _keeps_channels(operator, value, reader, model)


def _mat_mul(operator: str, value: FloatArray, reader: Any, model: Any) -> FloatArray | None:
    weights = model.get_initializer(reader.input[1])
    if weights is None:
        return None
    if operator in SCALES:
        return _one_number(operator, value, reader, model)
    if value.size > 1 and value.shape[-1] != weights.shape[0]:
        return None
    rows = np.broadcast_to(value.reshape(-1), weights.shape[0])
    result: FloatArray = (rows.astype(np.float64) @ weights).astype(np.float32)
    return result.reshape((1,) * (len(shape_of(reader.output[0], model)) - 1) + (-1,))


def _conv(operator: str, value: FloatArray, reader: Any, model: Any) -> FloatArray | None:
    weights = model.get_initializer(reader.input[1])
    groups, channels = attribute(reader, "group", 1), shape_of(reader.input[0], model)[1]
    if weights is None or value.size not in (1, channels):
        return None
    if operator in SCALES:
        if value.size > 1 and groups != channels:
            return None
        if value.size == 1:
            return value.reshape(())
        return np.repeat(value.reshape(-1), len(weights) // groups).reshape(1, -1, 1, 1)
    if any(attribute(reader, "pads", [0, 0, 0, 0])):
        return None
    shifts = np.broadcast_to(value.reshape(-1), channels).reshape(groups, 1, -1).astype(np.float64)
    sums = weights.reshape(groups, len(weights) // groups, channels // groups, -1).sum(-1, dtype=np.float64)
    result: FloatArray = (sums * shifts).sum(-1).astype(np.float32).reshape(1, -1, 1, 1)
    return result


def _cut(operator: str, value: FloatArray, reader: Any, model: Any) -> FloatArray | None:  # noqa: ARG001
    """Slice and Split along another axis than the channels keep them apart."""
    if value.size == 1:
        return value.reshape(())
    if reader.op_type == "Split":
        return value if attribute(reader, "axis", 0) != 1 else None
    axes = model.get_initializer(reader.input[3]) if len(reader.input) > 3 and reader.input[3] else None
    return value if axes is not None and 1 not in axes else None


def _pad(operator: str, value: FloatArray, reader: Any, model: Any) -> FloatArray | None:
    return _keeps_channels(operator, value, reader, model) if operator in SCALES else None


RULES: dict[str, Rule] = {
    **dict.fromkeys(SHAPE, _one_number),
    "Conv": _conv,
    "DepthToSpace": _one_number,
    "MatMul": _mat_mul,
    "MaxPool": _max_pool,
    "Pad": _pad,
    "Resize": _keeps_channels,
    "Slice": _cut,
    "SpaceToDepth": _one_number,
    "Split": _cut,
    "Transpose": _one_number,
    "Upsample": _keeps_channels,
}
