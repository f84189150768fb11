"""Weights become integers, their scale a Mul behind the operator.

    Conv(x, s[m] * V[m, ...]) = s[m] * Conv(x, V[m, ...]),    the same for MatMul and ConvTranspose

where V are the integers of the weights' quantizer and s its scale, one number or one for each output channel.
FINN's FoldQuantWeights does the same one node a pass, inferring all shapes again each time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from levada_driver.datatype import IntArray
from onnx import helper

from levada.onnxutil import attribute, narrowest
from levada.reference import FloatArray
from levada.streamline.operators import QUANTIZERS, WEIGHTED
from levada.streamline.rewrite import constant, insert_after, new_tensor, set_integer, shape_of


def fold_quantized_weights(model: Any) -> Any:
    """Gives every operator with quantized constant weights integers, and a Mul behind it."""
    for node in list(model.graph.node):
        if node.op_type not in WEIGHTED:
            continue
        quantizer = model.find_producer(node.input[WEIGHTED[node.op_type]])
        if quantizer is not None and quantizer.op_type in QUANTIZERS:
            _fold(model, node, quantizer)
    return model


def _fold(model: Any, node: Any, quantizer: Any) -> None:
    values, scale = (model.get_initializer(name) for name in quantizer.input[:2])
    integers = _integers(model, quantizer, values, scale)
    tensor = node.input[WEIGHTED[node.op_type]] = constant(model, integers)
    set_integer(model, tensor, narrowest(integers).name)
    if not model.find_consumers(quantizer.output[0]):
        model.graph.node.remove(quantizer)
    _scale_behind(model, node, np.asarray(scale, np.float32), values.ndim)


def _integers(model: Any, quantizer: Any, values: FloatArray, scale: FloatArray) -> IntArray:
    """What the quantizer gives, without its scale: the quantizer itself, executed with scale 1."""
    import qonnx.core.onnx_exec as execution

    context = model.make_empty_exec_context()
    context[quantizer.input[0]] = (values / scale).astype(np.float32)
    context[quantizer.input[1]] = np.ones_like(scale)
    execution.execute_node(quantizer, context, model.graph, model.model.opset_import[0].version)
    result: IntArray = np.rint(context[quantizer.output[0]]).astype(np.int64)
    return result


def _scale_behind(model: Any, node: Any, scale: FloatArray, rank: int) -> None:
    shape = shape_of(node.output[0], model)
    if scale.size == 1:
        scale = scale.reshape(())
    elif node.op_type == "MatMul":
        # Equal for all inputs, which the early check asks for.
        scale = np.broadcast_to(scale, scale.shape)[..., :1, :].reshape(1, -1) if scale.ndim > 1 else scale
        scale = scale.reshape((1,) * (len(shape) - 1) + (-1,))
    else:
        scale = scale.reshape((1, -1) + (1,) * (rank - 2))
        if node.op_type == "ConvTranspose":
            scale = np.tile(scale, (1, attribute(node, "group", 1)) + (1,) * (rank - 2))
    end, inner = node.output[0], new_tensor(model, shape)
    node.output[0] = inner
    factor = constant(model, scale)
    insert_after(model, node, [helper.make_node("Mul", [inner, factor], [end], name=f"{node.name}_scale")])
