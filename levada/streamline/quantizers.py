"""Quantizers of activations: the scale apart from the rounding, and what integers come out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from levada_driver.datatype import BIPOLAR, IntArray, IntType
from onnx import helper

from levada.streamline.chain import levels_of
from levada.streamline.operators import QUANTIZERS
from levada.streamline.rewrite import constant, insert_after


@dataclass(frozen=True)
class Quantizer:
    """A quantizer of scale 1, with the subtraction of its zero point if it has one.

    `levels` are the integers that leave it at tensor `end`, ascending; `raw` those before the zero point.
    """

    node: Any
    subtract: Any | None
    end: str
    raw: IntArray
    levels: IntArray
    dtype: IntType


def extract_scales(model: Any) -> Any:
    """Quant(x, s, z) becomes Mul(Sub(Quant(Add(Div(x, s), z), 1, 0), z), s), as qonnx itself computes it.

    BipolarQuant(x, s) becomes Mul(BipolarQuant(x, 1), s): the sign does not depend on s > 0. QONNX's own
    ExtractQuantScaleZeroPt also drops scales that are nearly 1, which changes the network.
    """
    for node in activation_quantizers(model):
        scale = _take(model, node, 1, 1.0)
        if node.op_type == "BipolarQuant":
            _surround(model, node, (), (("Mul", scale, 1),))
        else:
            zero = _take(model, node, 2, 0.0)
            _surround(
                model, node, (("Div", scale, 1), ("Add", zero, 0)), (("Sub", zero, 0), ("Mul", scale, 1))
            )
    return model


def _take(model: Any, node: Any, place: int, neutral: float) -> float:
    """The one value of a quantizer's input, replaced by a neutral one."""
    value = float(model.get_initializer(node.input[place]).reshape(-1)[0])
    node.input[place] = constant(model, neutral)
    return value


_Operation = tuple[str, float, float]  # operator, its constant, and the constant with which it does nothing


def _surround(model: Any, node: Any, before: Iterable[_Operation], after: Iterable[_Operation]) -> None:
    """Puts operations with a constant before and after a node, apart from those that do nothing."""
    shape = model.get_tensor_shape(node.input[0])
    for operator, value, neutral in before:
        if value != neutral:
            tensor = model.make_new_valueinfo_name()
            model.set_tensor_shape(tensor, shape)
            new = helper.make_node(operator, [node.input[0], constant(model, value)], [tensor])
            new.name = f"{node.name}_{operator}"
            node.input[0] = tensor
            model.graph.node.insert(list(model.graph.node).index(node), new)
    end, anchor = node.output[0], node
    for operator, value, neutral in after:
        if value != neutral:
            tensor = model.make_new_valueinfo_name()
            model.set_tensor_shape(tensor, shape)
            anchor.output[0] = tensor
            new = helper.make_node(operator, [tensor, constant(model, value)], [end])
            new.name = f"{node.name}_{operator}"
            insert_after(model, anchor, [new])
            anchor = model.find_producer(end)


def activation_quantizers(model: Any) -> list[Any]:
    """Nodes that quantize activations, in topological order."""
    return [
        node
        for node in model.graph.node
        if node.op_type in QUANTIZERS and model.get_initializer(node.input[0]) is None
    ]


def describe(node: Any, model: Any) -> Quantizer:
    """The quantizer that a node of scale 1 is the heart of."""
    raw = levels_of(node, model)
    readers = model.find_consumers(node.output[0])
    two = bool(np.array_equal(raw, [-1, 1]))
    subtract = None
    levels = raw
    if len(readers) == 1 and readers[0].op_type == "Sub" and readers[0].input[0] == node.output[0]:
        zero = model.get_initializer(readers[0].input[1])
        if zero is not None and zero.size == 1 and zero.item() == np.rint(zero.item()) and not two:
            subtract = readers[0]
            levels = raw - int(zero.item())
    end = subtract.output[0] if subtract is not None else node.output[0]
    if two:
        return Quantizer(node, None, end, raw, levels, BIPOLAR)
    low, high = int(levels.min()), int(levels.max())
    # At least two bits where there are negative numbers: INT1 holds -1 and 0 only.
    dtype = IntType.covering(min(low, -2), max(high, 1)) if low < 0 else IntType.covering(0, high)
    return Quantizer(node, subtract, end, raw, levels, dtype)
