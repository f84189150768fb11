"""Quantizers of activations: the scale apart from the rounding, and what integers come out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from levada_driver.datatype import BIPOLAR, IntArray, IntType
from onnx import helper

from levada.errors import LevadaError
from levada.streamline.chain import levels_of
from levada.streamline.operators import QUANTIZERS
from levada.streamline.rewrite import constant


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


def extract_scales(model: Any) -> Any:  # noqa: ANN401 - qonnx ModelWrapper in and out
    """Quant(x, s, z) becomes Mul(Sub(Quant(Add(Div(x, s), z), 1, 0), z), s), as qonnx itself computes it.

    BipolarQuant(x, s) becomes Mul(BipolarQuant(x, 1), s): the sign does not depend on s > 0.
    """
    from qonnx.transformation.extract_quant_scale_zeropt import ExtractQuantScaleZeroPt
    from qonnx.transformation.infer_shapes import InferShapes

    model = model.transform(ExtractQuantScaleZeroPt())
    for node in list(model.graph.node):
        if node.op_type == "BipolarQuant":
            scale = model.get_initializer(node.input[1])
            if not np.all(scale == 1):
                _split_bipolar(model, node, scale)
    return model.transform(InferShapes())


def _split_bipolar(model: Any, node: Any, scale: Any) -> None:  # noqa: ANN401
    if not np.all(scale > 0):
        raise LevadaError(f"{node.name}: scale {float(scale.min())} of a BipolarQuant is not positive; make it so")
    end = node.output[0]
    node.output[0] = model.make_new_valueinfo_name()
    model.set_tensor_shape(node.output[0], model.get_tensor_shape(end))
    node.input[1] = constant(model, 1.0)
    scaled = helper.make_node("Mul", [node.output[0], constant(model, scale)], [end], name=f"{node.name}_scale")
    model.graph.node.insert(list(model.graph.node).index(node) + 1, scaled)


def activation_quantizers(model: Any) -> list[Any]:  # noqa: ANN401
    """Nodes that quantize activations, in topological order."""
    return [
        node
        for node in model.graph.node
        if node.op_type in QUANTIZERS and model.get_initializer(node.input[0]) is None
    ]


def describe(node: Any, model: Any) -> Quantizer:  # noqa: ANN401
    """The quantizer that a node of scale 1 is the heart of."""
    raw = levels_of(node, model)
    readers = model.find_consumers(node.output[0])
    subtract = None
    levels = raw
    if len(readers) == 1 and readers[0].op_type == "Sub" and readers[0].input[0] == node.output[0]:
        zero = model.get_initializer(readers[0].input[1])
        if zero is not None and zero.size == 1:
            if float(zero.item()) != round(float(zero.item())):
                raise LevadaError(f"{node.name}: zero point {zero.item()} is not an integer; round it")
            subtract = readers[0]
            levels = raw - round(float(zero.item()))
    end = subtract.output[0] if subtract is not None else node.output[0]
    if node.op_type == "BipolarQuant" and subtract is None:
        return Quantizer(node, None, end, raw, levels, BIPOLAR)
    low, high = int(levels.min()), int(levels.max())
    # At least two bits where there are negative numbers: INT1 holds -1 and 0 only.
    dtype = IntType.covering(min(low, -2), max(high, 1)) if low < 0 else IntType.covering(0, high)
    return Quantizer(node, subtract, end, raw, levels, dtype)
