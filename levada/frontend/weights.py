"""What the early check asks of weights: few bits, no zero point, at most a scale for each output."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from levada.frontend.elementwise import dynamic
from levada.streamline.operators import QUANTIZERS, WEIGHTED

MAX_BITS = 8

#: Which axis of the weights are an operator's outputs.
OUTPUTS = {"Conv": 0, "ConvTranspose": 1, "MatMul": -1}


def _one_an_output(scale: Any, axis: int) -> bool:
    outputs = np.moveaxis(scale, axis, 0).reshape(scale.shape[axis], -1)
    return bool(np.all(outputs == outputs[:, :1]))


def problems(node: Any, model: Any) -> Iterator[tuple[str, str]]:
    """Reasons why a node with weights cannot be built, each with what to do."""
    tensor = node.input[WEIGHTED[node.op_type]]
    values, producer = model.get_initializer(tensor), model.find_producer(tensor)
    if values is not None:
        yield from _plain(values)
    elif producer is None or (producer.op_type not in QUANTIZERS and len(dynamic(producer, model)) > 0):
        yield "its weights are not constant", "use constant weights, as the second operand"
    elif producer.op_type not in QUANTIZERS:
        yield f"its weights come from {producer.op_type}", "quantize constant weights with a Quant node"
    elif model.get_initializer(producer.input[0]) is None:
        yield "its weights are not constant", "use constant weights, as the second operand"
    else:
        yield from _quantized(node, producer, model)


def _plain(values: Any) -> Iterator[tuple[str, str]]:
    most = 1 << (MAX_BITS - 1)
    if not np.array_equal(values, np.rint(values)):
        yield "its weights are float", "quantize them (a Quant node on the weights)"
    elif values.size and not (values.min() >= -most and values.max() < 2 * most):
        yield f"its weights are from {values.min():g} to {values.max():g}", f"use 1 to {MAX_BITS} bits"


def _quantized(node: Any, producer: Any, model: Any) -> Iterator[tuple[str, str]]:
    constants = [model.get_initializer(name) for name in producer.input]
    if any(value is None for value in constants):
        return  # said at the quantizer
    matrix, scale = constants[:2]
    if scale.size > 1 and not _one_an_output(np.broadcast_to(scale, matrix.shape), OUTPUTS[node.op_type]):
        yield "its weights have a scale for each input", "use one scale, or one for each output channel"
    if producer.op_type != "Quant":
        return
    zero, bits = constants[2], constants[3]
    if bits.size > 1 or bits.max() > MAX_BITS or bits.min() < 1 or np.any(bits != np.rint(bits)):
        shown = "/".join(f"{value:g}" for value in np.unique(bits))
        yield f"its weights have {shown} bits", f"use 1 to {MAX_BITS} bits for the whole matrix"
    if np.any(zero != 0):
        yield "its weights have a zero point", "use symmetric weights"
