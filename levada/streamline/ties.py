"""Ties: frames in which float rounding alone decides what a quantizer gives.

A float network sums scaled numbers in some order, with an error of a few units in the last place; the same
sum over integers has none. Where the exact value lies on a boundary between two levels of a quantizer, that
error decides, and two executions of the same network may differ. Such frames are counted, not hidden.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from levada import reference
from levada.reference import FloatArray
from levada.streamline.chain import Chain
from levada.streamline.quantizers import activation_quantizers

#: Distance from a boundary, in steps of the quantizer, within which float32 sums of thousands of terms err.
TOLERANCE = 1e-4


def near_ties(model: Any, x: FloatArray) -> npt.NDArray[np.bool_]:
    """Which frames x [N, ...] bring some quantizer of the cleaned network within TOLERANCE of a boundary."""
    from qonnx.core.onnx_exec import execute_onnx

    if len(x) == 0:
        return np.zeros(0, np.bool_)
    batch = reference.with_batch(model, len(x))
    name = batch.graph.input[0].name
    shape = tuple(batch.get_tensor_shape(name))
    values = execute_onnx(batch, {name: x.astype(np.float32).reshape(shape)}, return_full_exec_context=True)
    near = np.zeros(len(x), np.bool_)
    for node in activation_quantizers(model):
        arguments = np.asarray(values[node.input[0]], np.float32).reshape(len(x), -1)
        near |= _at_boundary(node, model, arguments).any(axis=1)
    return near


def _at_boundary(node: Any, model: Any, x: FloatArray) -> npt.NDArray[np.bool_]:
    """Whether the quantizer gives different levels a little below and a little above x."""
    scale = np.float32(np.max(model.get_initializer(node.input[1])))
    chain = Chain(model, node.input[0], node.output[0], (node,), ())
    below, above = (
        chain.evaluate((x + sign * TOLERANCE * scale).reshape(-1, 1)).reshape(x.shape) for sign in (-1, 1)
    )
    return np.asarray(below != above)
