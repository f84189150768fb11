"""Reads QONNX and QCDQ files into one form: cleaned QONNX with a batch size of 1 and constants first-class."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from levada.errors import LevadaError

#: Operators that do nothing at inference.
_IDENTITIES = frozenset({"Dropout", "Identity", "DebugMarker"})


def load(path: Path) -> Any:  # noqa: ANN401 - a qonnx ModelWrapper
    """The network of a file as a cleaned ModelWrapper.

    Raises:
        LevadaError: the file is missing, is no ONNX, has dynamic or missing shapes, or holds numbers that
            are none.
    """
    model = _parse(path)
    _check_shapes(model, path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("qonnx").setLevel(logging.ERROR)
        try:
            cleaned = _clean(model)
        except LevadaError:
            raise
        except Exception as error:
            first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise LevadaError(f"{path}: qonnx cannot read the network ({first}); export it again") from error
    _check_numbers(cleaned, path)
    return cleaned


def _parse(path: Path) -> Any:  # noqa: ANN401
    import onnx
    from google.protobuf.message import DecodeError

    if not path.is_file():
        raise LevadaError(f"{path}: there is no such file; give an .onnx file or a name that `levada models` lists")
    data = path.read_bytes()
    try:
        model = onnx.load_model_from_string(data)
    except DecodeError as error:
        raise LevadaError(f"{path}: is no ONNX file, or only a part of one ({len(data)} bytes)") from error
    if not model.graph.node or not model.opset_import:
        raise LevadaError(f"{path}: holds no network; an ONNX file with at least one node is needed")
    for kind, count in (("input", len(_real_inputs(model))), ("output", len(model.graph.output))):
        if count != 1:
            raise LevadaError(f"{path}: has {count} {kind}s; levada builds networks with one {kind}")
    return model


def _real_inputs(model: Any) -> list[Any]:  # noqa: ANN401 - older files list the weights as inputs, too
    constants = {tensor.name for tensor in model.graph.initializer}
    return [info for info in model.graph.input if info.name not in constants]


def _check_shapes(model: Any, path: Path) -> None:  # noqa: ANN401
    (info,) = _real_inputs(model)
    tensor = info.type.tensor_type
    if not tensor.HasField("shape") or not tensor.shape.dim:
        raise LevadaError(f"{path}: input {info.name!r} has no shape; export it with one, such as [1, 1, 28, 28]")
    shown = [dim.dim_param or (dim.dim_value if dim.HasField("dim_value") else "?") for dim in tensor.shape.dim]
    text = ", ".join(str(size) for size in shown)
    for axis, size in enumerate(shown):
        if not isinstance(size, int) or size < 1:
            what = "batch size" if axis == 0 else f"dimension {axis}"
            raise LevadaError(f"{path}: input {info.name!r} [{text}] has a dynamic {what}; export it with fixed sizes")
    if shown[0] != 1:
        raise LevadaError(f"{path}: input {info.name!r} [{text}] has batch size {shown[0]}; export it with 1")


def _clean(model: Any) -> Any:  # noqa: ANN401
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.gemm_to_matmul import GemmToMatMul
    from qonnx.transformation.general import GiveReadableTensorNames, GiveUniqueNodeNames
    from qonnx.transformation.infer_shapes import InferShapes
    from qonnx.transformation.qcdq_to_qonnx import QCDQToQuant
    from qonnx.transformation.quant_constant_folding import FoldTransposeIntoQuantInit
    from qonnx.transformation.remove import RemoveIdentityOps
    from qonnx.util.cleanup import cleanup_model

    wrapper = cleanup_model(ModelWrapper(model))
    _remove_identities(wrapper)
    _complete_gemm(wrapper)
    transformations = (
        QCDQToQuant(),
        GemmToMatMul(),
        InferShapes(),
        FoldTransposeIntoQuantInit(),
        RemoveIdentityOps(),
        GiveUniqueNodeNames(),
        GiveReadableTensorNames(),
        InferShapes(),
    )
    for transformation in transformations:
        wrapper = wrapper.transform(transformation)
    return wrapper


def _remove_identities(model: Any) -> None:  # noqa: ANN401
    """Takes out what does nothing at inference, wherever it stands."""
    from qonnx.transformation.remove import remove_node_and_rewire

    for node in list(model.graph.node):
        if node.op_type in _IDENTITIES:
            del node.output[1:]  # the mask of a Dropout
            remove_node_and_rewire(model, node)


def _complete_gemm(model: Any) -> None:  # noqa: ANN401
    """Gives a Gemm without the optional bias one of zeros: GemmToMatMul expects it."""
    for node in model.graph.node:
        if node.op_type == "Gemm" and len(node.input) == 2:
            name = model.make_new_valueinfo_name()
            channels = model.get_tensor_shape(node.output[0])[-1]
            model.set_initializer(name, np.zeros(channels, np.float32))
            node.input.append(name)


def _check_numbers(model: Any, path: Path) -> None:  # noqa: ANN401
    for tensor in model.graph.initializer:
        value = model.get_initializer(tensor.name)
        if value.dtype.kind == "f" and not np.all(np.isfinite(value)):
            where = model.find_consumers(tensor.name)
            reader = f"{where[0].name} ({where[0].op_type})" if where else "no node"
            bad = "NaN" if np.isnan(value).any() else "infinity"
            raise LevadaError(f"{path}: {tensor.name}, read by {reader}, holds {bad}; the training has diverged")
