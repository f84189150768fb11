"""Quantizers rise to the sums: what picks, repeats or rearranges pixels works on few bits then.

    f(P(x)) = P(f(x))       P in MaxPool (f not falling), Resize, DepthToSpace, Slice, Concat, reshaping

for f elementwise, its constants cut or repeated as P does with the channels. Applied where x are the wide
sums of a convolution and f leads to a quantizer: thresholds then go into the layer that makes the sums.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from levada.onnxutil import attribute
from levada.reference import FloatArray
from levada.streamline.operators import ELEMENTWISE, QUANTIZERS, SHAPE, WHOLE
from levada.streamline.rewrite import constant, new_tensor, shape_of

#: What makes sums that are wider than what they are made of.
_SUMS = frozenset({"Add", "Conv", "MatMul"})

#: Constant of f aligned with the output of P to the constants of its copies before P, one for each input.
Rule = Callable[[FloatArray, Any, Any], list[FloatArray] | None]


def hoist(model: Any) -> Any:
    """Moves elementwise operators that lead to a quantizer in front of what only moves pixels."""
    while any(_move(model, node) for node in list(model.graph.node)):
        pass
    return model


def leads_to_quantizers(node: Any, model: Any) -> bool:
    """Whether a node is a quantizer, or elementwise and read by such nodes alone."""
    if node.op_type in QUANTIZERS:
        return True
    readers = model.find_consumers(node.output[0]) or []
    return (
        node.op_type in ELEMENTWISE
        and bool(readers)
        and all(leads_to_quantizers(reader, model) for reader in readers)
    )


def _move(model: Any, node: Any) -> bool:
    dynamic = [place for place, name in enumerate(node.input) if model.get_initializer(name) is None and name]
    if len(dynamic) != 1 or not leads_to_quantizers(node, model):
        return False
    before = model.find_producer(node.input[dynamic[0]])
    if before is None or before.op_type not in RULES or len(before.output) > 1:
        return False
    if len(model.find_consumers(before.output[0])) != 1 or not _is_sum(before, model):
        return False
    if before.op_type == "MaxPool" and not _rises(node, model):
        return False
    inputs = [name for name in before.input if name and model.get_initializer(name) is None]
    constants = _constants(node, dynamic[0], before, model, len(inputs))
    if constants is None:
        return False
    _swap(model, node, dynamic[0], before, inputs, constants)
    return True


def _is_sum(node: Any, model: Any) -> bool:
    """Whether the first input of a node is a sum, possibly scaled and shifted."""
    producer = model.find_producer(node.input[0])
    while producer is not None and producer.op_type in {*ELEMENTWISE, *RULES}:
        dynamic = [name for name in producer.input if name and model.get_initializer(name) is None]
        if producer.op_type == "Add" and len(dynamic) > 1:
            return True
        producer = model.find_producer(dynamic[0])
    return producer is not None and producer.op_type in _SUMS


def _rises(node: Any, model: Any) -> bool:
    """Whether an elementwise operator never falls."""
    values = [model.get_initializer(name) for name in node.input if name]
    constants = [value for value in values if value is not None]
    if node.op_type in ("Mul", "Div"):
        return model.get_initializer(node.input[1]) is not None and bool(np.all(constants[0] > 0))
    if node.op_type == "BatchNormalization":
        return bool(np.all(constants[0] >= 0))
    if node.op_type in ("PRelu",):
        return bool(np.all(constants[0] >= 0))
    if node.op_type in ("LeakyRelu", "Selu", "HardSigmoid", "Elu"):
        return bool(attribute(node, "alpha", 1.0) >= 0)
    if node.op_type == "Sub":
        return model.get_initializer(node.input[1]) is not None
    return node.op_type in (
        {"Add", "Clip", "Relu", "Sigmoid", "Tanh", "Softplus", "Softsign", "Round", "Floor", "Ceil", "Erf"}
        | WHOLE
    )


_Constants = list[dict[int, FloatArray]]  # for each copy: place of an input to its value


def _constants(node: Any, dynamic: int, before: Any, model: Any, copies: int) -> _Constants | None:
    rank = len(shape_of(before.output[0], model))
    result: _Constants = [{} for _ in range(copies)]
    for place, name in enumerate(node.input):
        if place == dynamic or not name:
            continue
        value = model.get_initializer(name)
        parts: list[FloatArray] | None
        if value.size == 1 or node.op_type in WHOLE:
            parts = [value] * copies
        else:
            flat = node.op_type == "BatchNormalization"
            shape = (1, -1) + (1,) * (rank - 2) if flat else (1,) * (rank - value.ndim) + value.shape
            parts = RULES[before.op_type](value.reshape(shape), before, model)
            if parts is not None and flat:
                parts = [part.reshape(-1) for part in parts]
        if parts is None:
            return None
        for own, part in zip(result, parts, strict=True):
            own[place] = part
    return result


def _swap(model: Any, node: Any, dynamic: int, before: Any, inputs: list[str], constants: _Constants) -> None:
    at = list(model.graph.node).index(before)
    for offset, (tensor, own) in enumerate(zip(inputs, constants, strict=True)):
        twin = copy.deepcopy(node)
        twin.name = f"{node.name}_{offset}" if len(inputs) > 1 else node.name
        twin.output[0] = new_tensor(model, shape_of(tensor, model))
        twin.input[dynamic] = tensor
        for place, value in own.items():
            twin.input[place] = constant(model, value)
        before.input[list(before.input).index(tensor)] = twin.output[0]
        model.graph.node.insert(at + offset, twin)
    before.output[0] = node.output[0]
    model.graph.node.remove(node)


def _same(value: FloatArray, before: Any, model: Any) -> list[FloatArray] | None:  # noqa: ARG001
    return [value]


def _one_number(value: FloatArray, before: Any, model: Any) -> list[FloatArray] | None:  # noqa: ARG001
    return None


def _depth_to_space(value: FloatArray, before: Any, model: Any) -> list[FloatArray] | None:  # noqa: ARG001
    """Channel m of a pixel comes from channels p*M + m."""
    if attribute(before, "mode", "DCR") != "DCR":
        return None
    return [np.tile(value, (1, attribute(before, "blocksize", 1) ** 2, 1, 1))]


def _slice(value: FloatArray, before: Any, model: Any) -> list[FloatArray] | None:
    axes = model.get_initializer(before.input[3]) if len(before.input) > 3 and before.input[3] else None
    return [value] if axes is not None and np.all(axes > 1) else None


def _concat(value: FloatArray, before: Any, model: Any) -> list[FloatArray] | None:
    if attribute(before, "axis", 1) != 1:
        return None
    ends = np.cumsum([shape_of(name, model)[1] for name in before.input])
    return [np.asarray(part) for part in np.split(value, ends[:-1], axis=1)]


RULES: dict[str, Rule] = {
    **dict.fromkeys(SHAPE, _one_number),
    "Concat": _concat,
    "DepthToSpace": _depth_to_space,
    "MaxPool": _same,
    "Resize": _same,
    "Slice": _slice,
    "Upsample": _same,
}
