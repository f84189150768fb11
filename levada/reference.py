"""Executing a QONNX network as it stands: the reference that every later level must equal."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt

# QONNX would look at every integer of every tensor, in Python, whether it is one: half of the time of a large
# network. Ours are integers by construction, and every step is checked as a whole.
os.environ.setdefault("SANITIZE_QUANT_TENSORS", "0")

FloatArray = npt.NDArray[np.float32]

_BATCH = 2048  # frames of one pass through the graph, at most
_ELEMENTS = 1 << 25  # of the largest tensor of one pass


def execute(model: Any, x: FloatArray) -> FloatArray:  # noqa: ANN401 - a qonnx ModelWrapper
    """The network's first output for frames x [N, *input shape without batch], as float32 [N, ...]."""
    return execute_all(model, x)[0]


def execute_all(model: Any, x: FloatArray) -> tuple[FloatArray, ...]:  # noqa: ANN401
    """Every output of the network, as `execute`.

    The graph's batch size is 1; copies of it with a larger one run many frames at a time.
    """
    parts = []
    wrappers: dict[int, Any] = {}
    most = max(1, min(_BATCH, _ELEMENTS // _largest(model)))
    for start in range(0, len(x), most):
        chunk = x[start : start + most]
        size = len(chunk)
        if size not in wrappers:
            wrappers[size] = with_batch(model, size)
        parts.append(_execute(wrappers[size], chunk))
    if not parts:
        return tuple(np.zeros((0, *shape), np.float32) for shape in output_shapes(model))
    return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))


def _largest(model: Any) -> int:  # noqa: ANN401
    """Elements of the largest tensor of a frame."""
    names = {name for node in model.graph.node for name in node.output}
    shapes = [model.get_tensor_shape(name) or (1,) for name in names]
    return max(int(np.prod(shape)) for shape in [*shapes, input_shape(model)])


def input_shape(model: Any) -> tuple[int, ...]:  # noqa: ANN401
    """Shape of one frame of the network's input."""
    return tuple(model.get_tensor_shape(model.graph.input[0].name))[1:]


def output_shapes(model: Any) -> list[tuple[int, ...]]:  # noqa: ANN401
    """Shape of one frame of each of the network's outputs."""
    return [tuple(model.get_tensor_shape(info.name))[1:] for info in model.graph.output]


def with_batch(model: Any, size: int) -> Any:  # noqa: ANN401
    """A copy of the graph for `size` frames at a time."""
    from qonnx.transformation.change_batchsize import ChangeBatchSize
    from qonnx.transformation.infer_shapes import InferShapes

    batch = model.transform(ChangeBatchSize(size), make_deepcopy=True)
    for info in batch.graph.output:  # QONNX changes the first alone
        info.type.tensor_type.shape.dim[0].dim_value = size
    return batch.transform(InferShapes())


def _execute(model: Any, x: FloatArray) -> list[FloatArray]:  # noqa: ANN401
    from qonnx.core.onnx_exec import execute_onnx

    name = model.graph.input[0].name
    shape = tuple(model.get_tensor_shape(name))
    result = execute_onnx(model, {name: x.astype(np.float32).reshape(shape)})
    names = [info.name for info in model.graph.output]
    return [
        np.asarray(result[name], np.float32).reshape(len(x), *shape)
        for name, shape in zip(names, output_shapes(model), strict=True)
    ]
