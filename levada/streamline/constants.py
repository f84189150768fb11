"""Constants in their place: quantized biases and the like become numbers, constants come second."""

from __future__ import annotations

from typing import Any

from levada.streamline.operators import QUANTIZERS


def fold_constant_quantizers(model: Any) -> Any:  # noqa: ANN401 - qonnx ModelWrapper in and out
    """Replaces a quantizer of a constant that is not a matrix of weights by the value it gives.

    bias_q = Quant(bias) is a constant, and y + bias_q is the same to the bit with the constant in its place.
    Weights stay quantizers, for FINN's FoldQuantWeights to split them into integers and a scale.
    """
    import qonnx.core.onnx_exec as execution

    for node in list(model.graph.node):
        if node.op_type not in QUANTIZERS or model.get_initializer(node.input[0]) is None:
            continue
        if all(reader.op_type == "MatMul" for reader in model.find_consumers(node.output[0])):
            continue
        context = model.make_empty_exec_context()
        opset = model.model.opset_import[0].version
        execution.execute_node(node, context, model.graph, opset)
        model.graph.node.remove(node)
        model.set_initializer(node.output[0], context[node.output[0]])
    return model


def constants_second(model: Any) -> Any:  # noqa: ANN401
    """Swaps the operands of Add and Mul whose first one is the constant: FINN's passes look at the second."""
    for node in model.graph.node:
        if node.op_type in ("Add", "Mul") and model.get_initializer(node.input[0]) is not None:
            node.input[0], node.input[1] = node.input[1], node.input[0]
    return model


def own_weights(model: Any) -> Any:  # noqa: ANN401
    """Gives each MatMul a weight quantizer of its own: FoldQuantWeights cannot fold a shared one."""
    import copy

    for node in list(model.graph.node):
        if node.op_type not in QUANTIZERS or model.get_initializer(node.input[0]) is None:
            continue
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
