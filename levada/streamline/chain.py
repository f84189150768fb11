"""A chain of elementwise operators between a tensor of integers and the end of a quantizer, as a function.

The chain is executed as the network itself executes it (the same nodes in the same float32), only on other
values, so that thresholds derived from it hold to the bit.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from levada_driver.datatype import IntArray

from levada.errors import LevadaError
from levada.reference import FloatArray
from levada.streamline.operators import ELEMENTWISE, QUANTIZERS, SHAPE, WHOLE


@dataclass(frozen=True)
class Chain:
    """Nodes in order from tensor `source` to tensor `end`.

    `nodes` compute, `shapes` only rename elements. `channels` is the number of different functions: 1, or
    one for each channel.
    """

    model: Any
    source: str
    end: str
    nodes: tuple[Any, ...]
    shapes: tuple[Any, ...]
    channels: int = field(default=1)
    _models: dict[int, Any] = field(default_factory=dict, compare=False, repr=False)  # by batch size

    def evaluate(self, values: npt.NDArray[Any]) -> FloatArray:
        """The chain's function of values [B, channels], as float32 of the same shape."""
        from qonnx.core.onnx_exec import execute_onnx

        batch = len(values)
        if batch not in self._models:
            self._models[batch] = self._submodel(batch)
        model = self._models[batch]
        result = execute_onnx(model, {"x": values.astype(np.float32)})["y"]
        return np.asarray(result, np.float32).reshape(batch, self.channels)

    def _submodel(self, batch: int) -> Any:
        from onnx import TensorProto, helper
        from qonnx.core.modelwrapper import ModelWrapper
        from qonnx.util.basic import qonnx_make_model

        shape = [batch, self.channels]
        names = ["x", *(f"t{i}" for i in range(len(self.nodes) - 1)), "y"]
        nodes, constants = [], {}
        for index, original in enumerate(self.nodes):
            node = copy.deepcopy(original)
            dynamic = dynamic_input(node, self.model)
            for place, name in enumerate(node.input):
                if place == dynamic:
                    node.input[place] = names[index]
                elif name and node.op_type == "Staircase":
                    constants[name] = self.model.get_initializer(name)
                elif name:
                    value = self.model.get_initializer(name)
                    # BatchNormalization's constants are [C]; the others must line up with axis 1.
                    flat = value.reshape(-1)
                    per_channel = flat.size > 1 and node.op_type != "BatchNormalization"
                    constants[name] = flat.reshape(1, -1) if per_channel else value.reshape(flat.shape or ())
                    if flat.size == 1 and node.op_type != "BatchNormalization":
                        constants[name] = value.reshape(())
            node.output[0] = names[index + 1]
            del node.output[1:]
            nodes.append(node)
        infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in names]
        graph = helper.make_graph(nodes, "chain", infos[:1], infos[-1:], value_info=infos[1:-1])
        opsets = list(self.model.model.opset_import)
        model = ModelWrapper(qonnx_make_model(graph, opset_imports=opsets))
        for name, value in constants.items():
            model.set_initializer(name, value)
        return model


def dynamic_input(node: Any, model: Any) -> int:
    """Index of the one input of an elementwise node that is not constant."""
    found = [i for i, name in enumerate(node.input) if name and model.get_initializer(name) is None]
    if len(found) != 1:
        raise LevadaError(f"{node.name}: {node.op_type} joins {len(found)} branches, which has no layer yet")
    return found[0]


def chain_to(quantizer: Any, model: Any) -> Chain:
    """The chain that ends in a quantizer, as far back as its operators are elementwise."""
    nodes, shapes = [quantizer], []
    source = quantizer.input[0]
    while (node := model.find_producer(source)) is not None:
        if len([name for name in node.input if name and model.get_initializer(name) is None]) != 1:
            break
        if node.op_type in SHAPE:
            if len(model.find_consumers(source)) != 1:
                break
            _check_channels(node, nodes, model)
            shapes.append(node)
            source = node.input[0]
        elif node.op_type in ELEMENTWISE:
            nodes.append(node)
            source = node.input[dynamic_input(node, model)]
        else:
            break
    channels = max(_channels(node, model) for node in nodes)
    return Chain(
        model, source, quantizer.output[0], tuple(reversed(nodes)), tuple(reversed(shapes)), channels
    )


def _check_channels(shape: Any, behind: list[Any], model: Any) -> None:
    """LevadaError if operators behind a reshaping tell channels apart that are none before it."""
    sizes = [model.get_tensor_shape(name)[1] for name in (shape.input[0], shape.output[0])]
    for node in behind:
        if _channels(node, model) > 1 and sizes[0] != sizes[1]:
            raise LevadaError(
                f"{node.name}: has a constant for each channel behind {shape.name} ({shape.op_type}), which "
                "makes other channels, without a quantizer in between; move it before, or quantize first"
            )


def _channels(node: Any, model: Any) -> int:
    if node.op_type in WHOLE:
        inputs = node.input[1:2] if node.op_type in QUANTIZERS else []
    else:
        inputs = [name for name in node.input if name and model.get_initializer(name) is not None]
    return max([1, *(int(model.get_initializer(name).size) for name in inputs)])


def levels_of(quantizer: Any, model: Any) -> IntArray:
    """Every integer that a quantizer of scale 1 can give, ascending."""
    if quantizer.op_type == "BipolarQuant":
        return np.array([-1, 1])
    from qonnx.custom_op.registry import getCustomOp

    op = getCustomOp(quantizer)
    bits = int(model.get_initializer(quantizer.input[3]).reshape(-1)[0])
    signed, narrow = bool(op.get_nodeattr("signed")), bool(op.get_nodeattr("narrow"))
    if bits == 1 and signed:
        return np.array([-1, 1])  # QONNX takes the sign here
    low = -(1 << (bits - 1)) + narrow if signed else 0
    high = (1 << (bits - 1)) - 1 if signed else (1 << bits) - 1 - narrow
    return np.arange(low, high + 1)
