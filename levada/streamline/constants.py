"""Constants in their place: quantized biases and the like become numbers, constants come second."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import helper

from levada.streamline.operators import QUANTIZERS, WEIGHTED
from levada.streamline.rewrite import constant


def fold_constant_quantizers(model: Any) -> Any:
    """Replaces a quantizer of a constant that is not a matrix of weights by the value it gives.

    bias_q = Quant(bias) is a constant, and y + bias_q is the same to the bit with the constant in its place.
    Weights stay quantizers, for FINN's FoldQuantWeights to split them into integers and a scale.
    """
    import qonnx.core.onnx_exec as execution

    for node in list(model.graph.node):
        if node.op_type not in QUANTIZERS or model.get_initializer(node.input[0]) is None:
            continue
        if any(_weighs(reader, node.output[0]) for reader in model.find_consumers(node.output[0])):
            continue
        context = model.make_empty_exec_context()
        opset = model.model.opset_import[0].version
        execution.execute_node(node, context, model.graph, opset)
        model.graph.node.remove(node)
        model.set_initializer(node.output[0], context[node.output[0]])
    return model


def _weighs(reader: Any, tensor: str) -> bool:
    place = WEIGHTED.get(reader.op_type)
    return place is not None and reader.input[place] == tensor


def constants_second(model: Any) -> Any:
    """Makes the second operand of Add, Mul and Sub the constant one, where FINN's passes look for it.

    c - x becomes x * -1 + c, which is the same to the bit.
    """
    for node in list(model.graph.node):
        if node.op_type in ("Add", "Mul", "Sub") and model.get_initializer(node.input[0]) is not None:
            node.input[0], node.input[1] = node.input[1], node.input[0]
            if node.op_type == "Sub":
                node.op_type = "Add"
                _negate_before(model, node)
    return model


def _negate_before(model: Any, node: Any) -> None:
    tensor = model.make_new_valueinfo_name()
    model.set_tensor_shape(tensor, model.get_tensor_shape(node.input[0]))
    negated = helper.make_node(
        "Mul", [node.input[0], constant(model, -1.0)], [tensor], name=f"{node.name}_sign"
    )
    node.input[0] = tensor
    model.graph.node.insert(list(model.graph.node).index(node), negated)


def own_weights(model: Any) -> Any:
    """Gives each MatMul a weight quantizer of its own, with one number as its zero point.

    FoldQuantWeights can neither fold a shared one nor read a zero point for each channel.
    """
    import copy

    for node in list(model.graph.node):
        if node.op_type not in QUANTIZERS or model.get_initializer(node.input[0]) is None:
            continue
        if node.op_type == "Quant" and not np.any(model.get_initializer(node.input[2])):
            node.input[2] = constant(model, 0.0)
        for reader in model.find_consumers(node.output[0])[1:]:
            twin = copy.deepcopy(node)
            twin.name = f"{node.name}_{reader.name}"
            for place in range(len(twin.input)):
                value = model.get_initializer(node.input[place])
                twin.input[place] = model.make_new_valueinfo_name()
                model.set_initializer(twin.input[place], value)
            twin.output[0] = model.make_new_valueinfo_name()
            model.set_tensor_shape(twin.output[0], model.get_tensor_shape(node.output[0]))
            reader.input[list(reader.input).index(node.output[0])] = twin.output[0]
            model.graph.node.insert(list(model.graph.node).index(node), twin)
    return model
