"""Which integers a tensor can hold, exactly: from the types of what quantizers give through what is linear.

The range of a sum follows from its weights and the type of its input, channel by channel; its type is the
narrowest that covers all channels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from levada_driver.datatype import IntArray, IntType

from levada.errors import LevadaError
from levada.onnxutil import attribute, convolution, quantized_matmul, sum_range, thresholds_of
from levada.streamline.operators import AFFINE, SHAPE
from levada.streamline.rewrite import set_integer, shape_of

#: The most bits of a factor that comes as data; quantizers give at most these.
MAX_OPERAND_BITS = 16

#: Smallest and largest integer, of one number or one a channel.
Range = tuple[IntArray, IntArray]


def annotate(tensor: str, reader: Any, model: Any) -> Range:
    """The range of a tensor, whose type and those of all before it are set on the way.

    LevadaError, naming `reader`, where the tensor is not integers.
    """
    producer = model.find_producer(tensor)
    known = model.get_tensor_datatype(tensor)
    if producer is None:
        if not known.is_integer():
            raise _float(reader)
        return _of_type(IntType.parse(known.name))
    rule = RULES.get(producer.op_type)
    if rule is None:
        raise _float(reader)
    low, high = rule(producer, model)
    dtype = _type_of(producer, low, high, model)
    for output in producer.output:
        set_integer(model, output, dtype.name)
    return low, high


def _float(reader: Any) -> LevadaError:
    return LevadaError(
        f"{reader.name}: its input is float in the middle of the network; quantize it (a QuantIdentity "
        "before the layer), with one scale for the whole tensor"
    )


def _of_type(dtype: IntType) -> Range:
    return np.array([dtype.min]), np.array([dtype.max])


def _type_of(node: Any, low: IntArray, high: IntArray, model: Any) -> IntType:
    """A type passes through what only moves integers; elsewhere it is the narrowest."""
    if node.op_type in _TYPED:
        return thresholds_type(node)
    sources = {model.get_tensor_datatype(name).name for name in _dynamic(node, model)}
    if node.op_type in (*SHAPE, *_MOVES, "Concat") and len(sources) == 1:
        return IntType.parse(sources.pop())
    return IntType.covering(int(low.min()), int(high.max()))


def thresholds_type(node: Any) -> IntType:
    """The type that a MultiThreshold or Lookup gives."""
    return IntType.parse(attribute(node, "out_dtype", ""))


def _dynamic(node: Any, model: Any) -> list[str]:
    return [name for name in node.input if name and model.get_initializer(name) is None]


def _thresholds(node: Any, model: Any) -> Range:
    activation = thresholds_of(node, model)
    assert activation is not None
    top = activation.base + activation.otype.step * activation.thresholds.shape[1]
    return np.array([activation.base]), np.array([top])


def _lookup(node: Any, model: Any) -> Range:
    table = model.get_initializer(node.input[1]).astype(np.int64)
    return table.min(axis=1), table.max(axis=1)


def _moved(node: Any, model: Any) -> Range:
    """What moves pixels may hold any of them; the channels are told apart no more where they move, too."""
    low, high = annotate(node.input[0], node, model)
    if node.op_type in _KEEP_CHANNELS:
        return low, high
    return low.min(keepdims=True), high.max(keepdims=True)


def _operand(node: Any, model: Any) -> None:
    """LevadaError unless the input of a layer with weights is integers of few bits."""
    annotate(node.input[0], node, model)
    dtype = IntType.parse(model.get_tensor_datatype(node.input[0]).name)
    if dtype.bits > MAX_OPERAND_BITS:
        raise LevadaError(
            f"{node.name}: its input is not quantized and has {dtype.bits} bits ({dtype.name}), at most "
            f"{MAX_OPERAND_BITS} can be multiplied; quantize it (a QuantIdentity before the layer)"
        )


def _mat_mul(node: Any, model: Any) -> Range:
    _operand(node, model)
    found = quantized_matmul(node, model)
    if found is None:
        raise LevadaError(f"{node.name}: MatMul of two branches, which has no layer yet")
    return sum_range(found.weights, found.atype)


def _conv(node: Any, model: Any) -> Range:
    if np.all(model.get_initializer(node.input[1]) == 1):
        annotate(node.input[0], node, model)  # a sum multiplies nothing
    else:
        _operand(node, model)
    found = convolution(node, model)
    if found is None:
        raise LevadaError(f"{node.name}: its weights are not constant; use constant weights")
    low, high = sum_range(found.weights.reshape(len(found.weights), -1), found.x.dtype)
    if any(found.window.pads):  # windows may hold zeros
        taps = found.weights.reshape(len(found.weights), -1)
        ends = np.stack([taps * found.x.dtype.min, taps * found.x.dtype.max, np.zeros_like(taps)])
        low, high = ends.min(0).sum(1), ends.max(0).sum(1)
    return low, high


def _add(node: Any, model: Any) -> Range:
    low, high = np.zeros(1, np.int64), np.zeros(1, np.int64)
    for name in node.input:
        value = model.get_initializer(name)
        own = (_whole(value, node),) * 2 if value is not None else annotate(name, node, model)
        low, high = low + own[0], high + own[1]
    return low, high


def _mul(node: Any, model: Any) -> Range:
    value = model.get_initializer(node.input[1])
    if value is None:
        raise LevadaError(f"{node.name}: Mul of two branches, and no layer does that; use constant factors")
    low, high = annotate(node.input[0], node, model)
    ends = np.stack([low * _whole(value, node), high * _whole(value, node)])
    return ends.min(0), ends.max(0)


def _whole(value: Any, node: Any) -> IntArray:
    if not np.array_equal(value, np.rint(value)):
        raise _float(node)
    result: IntArray = np.rint(value).astype(np.int64).reshape(-1)
    return result


def _concat(node: Any, model: Any) -> Range:
    lows, highs = [], []
    for name in node.input:
        channels = shape_of(name, model)[1]
        low, high = annotate(name, node, model)
        lows.append(np.broadcast_to(low, channels))
        highs.append(np.broadcast_to(high, channels))
    if node.attribute[0].i != 1:
        low, high = np.minimum.reduce(lows), np.maximum.reduce(highs)
        return low, high
    return np.concatenate(lows), np.concatenate(highs)


_KEEP_CHANNELS = frozenset({"Identity", "MaxPool", "Resize", "Upsample"})
_MOVES = ("DepthToSpace", "MaxPool", "Resize", "Slice", "SpaceToDepth", "Split", "Transpose", "Upsample")
_TYPED = frozenset({"Lookup", "MultiThreshold"})
Rule = Callable[[Any, Any], Range]
RULES: dict[str, Rule] = {
    **dict.fromkeys((*SHAPE, *_MOVES), _moved),
    "Add": _add,
    "Concat": _concat,
    "Conv": _conv,
    "Lookup": _lookup,
    "MatMul": _mat_mul,
    "Mul": _mul,
    "MultiThreshold": _thresholds,
}


def types_of_integers(model: Any) -> Any:
    """Gives every tensor that is integers its exact type.

    What is behind the last integers may be float, if the host can do it; LevadaError where a layer reads
    floats.
    """
    for node in model.graph.node:
        if node.op_type not in RULES:
            continue
        try:
            annotate(node.output[0], node, model)
        except LevadaError:
            if node.op_type not in AFFINE | SHAPE or len(_dynamic(node, model)) > 1:
                raise
    return model
