"""DepthToSpace in the order of PyTorch (CRD) becomes one in the order of the hardware (DCR).

CRD reads channel m * b^2 + p for pixel p of a block of b x b, DCR channel p * M + m: the weights and
constants that make those channels are put into the other order instead.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from levada_driver.datatype import IntArray
from onnx import helper

from levada.errors import LevadaError
from levada.onnxutil import attribute
from levada.streamline.operators import ELEMENTWISE, QUANTIZERS
from levada.streamline.rewrite import set_integer, shape_of


def to_dcr(model: Any) -> Any:
    """Reorders the channels before every DepthToSpace of mode CRD."""
    for node in list(model.graph.node):
        if node.op_type == "DepthToSpace" and attribute(node, "mode", "DCR") == "CRD":
            channels, block = shape_of(node.input[0], model)[1], attribute(node, "blocksize", 1)
            order = np.arange(channels).reshape(-1, block * block).T.reshape(-1)
            _reorder(model, node, order)
            for old in [found for found in node.attribute if found.name == "mode"]:
                node.attribute.remove(old)
            node.attribute.append(helper.make_attribute("mode", "DCR"))
    return model


def _reorder(model: Any, node: Any, order: IntArray) -> None:
    """Makes channel order[i] of what `node` reads the i-th one, back to the convolution that makes it."""
    tensor = node.input[0]
    while True:
        producer = model.find_producer(tensor)
        alone = len(model.find_consumers(tensor) or []) == 1
        if producer is None or not alone or producer.op_type not in {"Conv", *ELEMENTWISE, *QUANTIZERS}:
            name = producer.name if producer is not None else "the input"
            raise LevadaError(
                f"{node.name}: DepthToSpace in CRD order behind {name}, whose channels cannot be reordered; "
                "put a convolution before it, or use mode DCR"
            )
        if producer.op_type == "Conv":
            _permute(model, producer, 1, order, axis=0)
            return
        for place, name in enumerate(producer.input):
            value = model.get_initializer(name) if name else None
            if value is not None and value.size == len(order) > 1:
                _permute(model, producer, place, order, axis=int(np.argmax(value.shape)))
        tensor = next(name for name in producer.input if name and model.get_initializer(name) is None)


def _permute(model: Any, node: Any, place: int, order: IntArray, axis: int) -> None:
    value = model.get_initializer(node.input[place])
    dtype = model.get_tensor_datatype(node.input[place]).name
    name = node.input[place] = model.make_new_valueinfo_name()
    model.set_initializer(name, np.take(value, order, axis=axis))
    if dtype != "FLOAT32":
        set_integer(model, name, dtype)
