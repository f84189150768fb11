"""Executing a QONNX network as it stands: the reference that every later level must equal."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

_BATCH = 2048  # frames of one pass through the graph


def execute(model: Any, x: FloatArray) -> FloatArray:  # noqa: ANN401 - a qonnx ModelWrapper
    """The network's first output for frames x [N, *input shape without batch], as float32 [N, ...].

    The graph's batch size is 1; copies of it with a larger one run many frames at a time.
    """
    parts = []
    wrappers: dict[int, Any] = {}
    for start in range(0, len(x), _BATCH):
        chunk = x[start : start + _BATCH]
        size = len(chunk)
        if size not in wrappers:
            wrappers[size] = with_batch(model, size)
        parts.append(_execute(wrappers[size], chunk))
    return np.concatenate(parts) if parts else np.zeros((0, *output_shape(model)), np.float32)


def input_shape(model: Any) -> tuple[int, ...]:  # noqa: ANN401
    """Shape of one frame of the network's input."""
    return tuple(model.get_tensor_shape(model.graph.input[0].name))[1:]


def output_shape(model: Any) -> tuple[int, ...]:  # noqa: ANN401
    """Shape of one frame of the network's output."""
    return tuple(model.get_tensor_shape(model.graph.output[0].name))[1:]


def with_batch(model: Any, size: int) -> Any:  # noqa: ANN401
    """A copy of the graph for `size` frames at a time."""
    from qonnx.transformation.change_batchsize import ChangeBatchSize
    from qonnx.transformation.infer_shapes import InferShapes

    return model.transform(ChangeBatchSize(size), make_deepcopy=True).transform(InferShapes())


def _execute(model: Any, x: FloatArray) -> FloatArray:  # noqa: ANN401
    from qonnx.core.onnx_exec import execute_onnx

    name = model.graph.input[0].name
    shape = tuple(model.get_tensor_shape(name))
    result = execute_onnx(model, {name: x.astype(np.float32).reshape(shape)})
    return np.asarray(result[model.graph.output[0].name], np.float32).reshape(len(x), *output_shape(model))
