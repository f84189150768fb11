"""Elementwise operators and a quantizer become integer thresholds, exactly.

Between a tensor of integers and the output of a quantizer stand operators that are monotone in each channel
(scales, biases, batch normalisation, activation functions) and the quantizer's own rounding, whatever its
mode. So channel c is a step function q_c of the integer a, and

    q_c(a) = level_0 + |{ k > 0 : a >= T[c, k] }|,    T[c, k] = min { a : q_c(a) >= level_k }

T is found by bisection over the exact range of a, executing the network's own nodes in float32: rounding of
ties, saturation and float error are those of the network. Where q_c falls, the weights of channel c change
their sign instead: q_c(a) = q_c(-a'), a' = -a. FINN's own route (thresholds through inverse scales, rounded)
differs at ties: QONNX rounds halves to even, a comparison rounds them up.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from levada_driver.datatype import IntArray
from onnx import helper

from levada.errors import LevadaError
from levada.onnxutil import integer_tensor, narrowest, quantized_matmul, sum_range
from levada.streamline.bisect import first_integers
from levada.streamline.chain import Chain, chain_to
from levada.streamline.quantizers import Quantizer, activation_quantizers, describe
from levada.streamline.rewrite import constant, remove, rewire, set_integer


def exact_thresholds(model: Any) -> Any:  # noqa: ANN401 - qonnx ModelWrapper in and out
    """Replaces every quantizer of activations and the elementwise operators before it by a MultiThreshold."""
    for node in activation_quantizers(model):
        quantizer = describe(node, model)
        chain = chain_to(node, model)
        thresholds = _thresholds(chain, quantizer, model)
        _replace(chain, quantizer, thresholds, model)
    return model


def _thresholds(chain: Chain, quantizer: Quantizer, model: Any) -> IntArray:  # noqa: ANN401
    """Thresholds [1 or C, levels - 1] over the integers at the chain's source."""
    low, high = source_range(chain, quantizer.node, model)
    channels = max(chain.channels, len(low))
    low, high = (np.broadcast_to(end, channels).copy() for end in (low, high))
    sign = np.ones(channels, np.int64)

    def function(values: IntArray) -> Any:  # noqa: ANN401
        if chain.channels == 1:
            return chain.evaluate((values * sign).reshape(-1, 1)).reshape(values.shape)
        return chain.evaluate(values * sign)

    falls = function(low[None])[0] > function(high[None])[0]
    if falls.any():
        _negate(chain, np.flatnonzero(falls), channels, quantizer, model)
        low, high = np.where(falls, -high, low), np.where(falls, -low, high)
        sign[falls] = -1
    table = first_integers(function, quantizer.raw[1:], low, high)
    return table[:1] if np.all(table == table[0]) else table


def source_range(chain: Chain, node: Any, model: Any) -> tuple[IntArray, IntArray]:  # noqa: ANN401
    """Smallest and largest integer at the chain's source, [1] or one for each channel."""
    producer = model.find_producer(chain.source)
    if producer is not None and producer.op_type == "MatMul":
        require_integer(producer.input[0], producer, model)
        found = quantized_matmul(producer, model)
        if found is None:
            raise LevadaError(f"{producer.name}: MatMul of two branches, which has no layer yet")
        return sum_range(found.weights, found.atype)
    require_integer(chain.source, node, model)
    dtype = integer_tensor(chain.source, model).dtype
    return np.array([dtype.min]), np.array([dtype.max])


def require_integer(tensor: str, node: Any, model: Any) -> None:  # noqa: ANN401
    """LevadaError unless the input of a node is integers."""
    if not model.get_tensor_datatype(tensor).is_integer():
        raise LevadaError(
            f"{node.name}: its input is float in the middle of the network; quantize it (a QuantIdentity "
            "before the layer), with one scale for the whole tensor"
        )


def _negate(chain: Chain, falling: IntArray, channels: int, quantizer: Quantizer, model: Any) -> None:  # noqa: ANN401
    """Changes the sign of the weights that feed the falling channels."""
    producer = model.find_producer(chain.source)
    matrix = None
    if producer is not None and producer.op_type == "MatMul":
        matrix = model.get_initializer(producer.input[1]).copy()
    if matrix is None or matrix.shape[-1] != channels:
        raise LevadaError(
            f"{quantizer.node.name}: falls as its input rises, and no weights stand before it to take the "
            "sign; move the sign into the weights of the layer before"
        )
    matrix[:, falling] *= -1
    model.set_initializer(producer.input[1], matrix)
    set_integer(model, producer.input[1], narrowest(matrix).name)


def _replace(chain: Chain, quantizer: Quantizer, thresholds: IntArray, model: Any) -> None:  # noqa: ANN401
    """Puts the MultiThreshold in place of the chain; operators that only rename elements come first."""
    tensor = chain.source
    for node in chain.shapes:
        node.input[0] = tensor
        set_integer(model, node.output[0], model.get_tensor_datatype(tensor).name)
        tensor = node.output[0]
    inner = [*chain.nodes, *([quantizer.subtract] if quantizer.subtract is not None else [])]
    at = list(model.graph.node).index(quantizer.node)
    dtype = quantizer.dtype
    last = quantizer.end == model.graph.output[0].name
    result = quantizer.end if last else model.make_new_valueinfo_name()
    node = helper.make_node(
        "MultiThreshold",
        [tensor, constant(model, thresholds)],
        [result],
        name=f"MultiThreshold_{quantizer.node.name}",
        domain="qonnx.custom_op.general",
        out_dtype=dtype.name,
        out_scale=float(dtype.step),
        out_bias=float(quantizer.levels[0]),
    )
    shape = model.get_tensor_shape(quantizer.end)
    model.graph.node.insert(at + 1, node)
    if not last:
        rewire(model, quantizer.end, result)
        model.set_tensor_shape(result, shape)
    remove(model, inner)
    set_integer(model, result, dtype.name)
    annotate_readers(result, model)


def annotate_readers(tensor: str, model: Any) -> None:  # noqa: ANN401
    """Carries an integer type through operators that only rename elements, up to the next computation."""
    from levada.streamline.operators import SHAPE

    for reader in model.find_consumers(tensor) or []:
        if reader.op_type in SHAPE:
            set_integer(model, reader.output[0], model.get_tensor_datatype(tensor).name)
            annotate_readers(reader.output[0], model)
