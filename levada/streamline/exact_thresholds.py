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
from levada.onnxutil import narrowest
from levada.streamline.bisect import first_integers
from levada.streamline.chain import Chain, chain_to
from levada.streamline.operators import MONOTONE, QUANTIZERS
from levada.streamline.quantizers import Quantizer, activation_quantizers, describe
from levada.streamline.ranges import annotate
from levada.streamline.rewrite import (
    constant,
    new_tensor,
    remove,
    remove_unread,
    rewire,
    set_integer,
    shape_of,
)

#: Which axis of a layer's weights are its outputs.
_OUTPUTS = {"Conv": 0, "MatMul": -1}

#: Integers over which a function that is not monotone can be a table.
MAX_TABLE = 1 << 12


def exact_thresholds(model: Any) -> Any:
    """Replaces every quantizer of activations and the elementwise operators before it by a MultiThreshold.

    A function that is neither rising nor falling becomes a Lookup in a table, where its argument has at most
    MAX_TABLE values.
    """
    for node in activation_quantizers(model):
        quantizer = describe(node, model)
        chain = chain_to(node, model)
        low, high = annotate(chain.source, node, model)
        channels = max(chain.channels, len(low))
        low, high = (np.broadcast_to(end, channels).copy() for end in (low, high))
        table = _table(chain, quantizer, low, high)
        if table is not None:
            _replace(chain, quantizer, _lookup_node(model, quantizer, table, int(low.min())), model)
        else:
            thresholds = _thresholds(chain, quantizer, low, high, model)
            _replace(chain, quantizer, _threshold_node(model, quantizer, thresholds), model)
    return model


def _thresholds(
    chain: Chain,
    quantizer: Quantizer,
    low: IntArray,
    high: IntArray,
    model: Any,
) -> IntArray:
    """Thresholds [1 or C, levels - 1] over the integers low..high [C] at the chain's source."""
    channels = len(low)
    sign = np.ones(channels, np.int64)

    def function(values: IntArray) -> Any:
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


def _table(chain: Chain, quantizer: Quantizer, low: IntArray, high: IntArray) -> IntArray | None:
    """What leaves the quantizer for each integer, [1 or C, N]; None where thresholds will do."""
    if all(node.op_type in MONOTONE | QUANTIZERS for node in chain.nodes):
        return None
    first, last = int(low.min()), int(high.max())
    if last - first >= MAX_TABLE:
        raise LevadaError(
            f"{quantizer.node.name}: {chain.nodes[0].op_type} before it may rise and fall, and its argument "
            f"is {first} to {last}; a table holds {MAX_TABLE} values: quantize to fewer bits before it"
        )
    values = np.arange(first, last + 1)[:, None]
    result = (
        np.rint(chain.evaluate(np.broadcast_to(values, (len(values), chain.channels)))).astype(np.int64).T
    )
    steps = np.diff(result, axis=1)
    if np.all(np.all(steps >= 0, axis=1) | np.all(steps <= 0, axis=1)):
        return None
    return result + int(quantizer.levels[0] - quantizer.raw[0])


def _negate(chain: Chain, falling: IntArray, channels: int, quantizer: Quantizer, model: Any) -> None:
    """Changes the sign of the weights that feed the falling channels."""
    producer = model.find_producer(chain.source)
    axis = -1 if producer is None else _OUTPUTS.get(producer.op_type, -1)
    matrix = None
    if producer is not None and producer.op_type in _OUTPUTS:
        matrix = model.get_initializer(producer.input[1]).copy()
    if matrix is None or matrix.shape[axis] != channels:
        raise LevadaError(
            f"{quantizer.node.name}: falls as its input rises, and no weights stand before it to take the "
            "sign; move the sign into the weights of the layer before"
        )
    np.moveaxis(matrix, axis, 0)[falling] *= -1
    producer.input[1] = constant(model, matrix)  # its own: others may share the old one
    set_integer(model, producer.input[1], narrowest(matrix).name)


def _threshold_node(model: Any, quantizer: Quantizer, thresholds: IntArray) -> Any:
    return helper.make_node(
        "MultiThreshold",
        ["", constant(model, thresholds)],
        [""],
        name=f"MultiThreshold_{quantizer.node.name}",
        domain="qonnx.custom_op.general",
        out_dtype=quantizer.dtype.name,
        out_scale=float(quantizer.dtype.step),
        out_bias=float(quantizer.levels[0]),
    )


def _lookup_node(model: Any, quantizer: Quantizer, table: IntArray, first: int) -> Any:
    return helper.make_node(
        "Lookup",
        ["", constant(model, table)],
        [""],
        name=f"Lookup_{quantizer.node.name}",
        domain="levada.custom_op",
        out_dtype=quantizer.dtype.name,
        first=first,
    )


def _replace(chain: Chain, quantizer: Quantizer, node: Any, model: Any) -> None:
    """Puts the node in place of the chain.

    Behind sums it comes first, to be a part of their layer, and then the operators that only rename elements.
    Elsewhere it comes last: a table for all elements alike works on any number of them at once, and a vector
    has more than a pixel has channels.
    """
    producer = model.find_producer(chain.source)
    summed = producer is not None and producer.op_type in _OUTPUTS
    alike = len(model.get_initializer(node.input[1])) == 1
    behind = alike and not summed
    new = [*chain.shapes, node] if behind else [node, *chain.shapes]
    last = quantizer.end in {info.name for info in model.graph.output}
    at = list(model.graph.node).index(quantizer.node) + 1 - len(chain.shapes)
    remove(model, list(chain.shapes))
    shapes = [shape_of(chain.source, model)] if not behind else []
    shapes += [shape_of(shape.output[0], model) for shape in chain.shapes]
    tensor = chain.source
    for index, (own, shape) in enumerate(zip(new, [*shapes, shape_of(quantizer.end, model)], strict=False)):
        final = index == len(new) - 1
        own.input[0] = tensor
        own.output[0] = tensor = quantizer.end if final and last else new_tensor(model, shape)
    inner = [*chain.nodes, *([quantizer.subtract] if quantizer.subtract is not None else [])]
    if last:
        remove(model, inner[-1:])
        at = len(model.graph.node)
    for offset, own in enumerate(new):
        model.graph.node.insert(at + offset, own)
    if not last:
        rewire(model, quantizer.end, tensor)
    remove_unread(model, [old for old in inner if old in model.graph.node])
    annotate(tensor, node, model)
