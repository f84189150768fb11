"""Reads QONNX and QCDQ files into one form: cleaned QONNX with a batch size of 1, constants folded."""

from __future__ import annotations

import logging
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from levada.errors import LevadaError
from levada.frontend.check import check_operators
from levada.frontend.staircases import name_staircases
from levada.frontend.structure import check_structure, check_text
from levada.onnxutil import attribute
from levada.streamline.constants import fold_constant_quantizers
from levada.streamline.rewrite import reason

_FLOAT32 = 1  # onnx.TensorProto.FLOAT
_MAX_ELEMENTS = 1 << 24  # of a frame: more is a mistake in the file
#: Operators that do nothing at inference.
_IDENTITIES = frozenset({"Dropout", "Identity", "DebugMarker"})


def load(path: Path) -> Any:
    """The network of a file as a cleaned ModelWrapper.

    Raises:
        LevadaError: the file is missing, is no ONNX, has dynamic or missing shapes, or holds numbers that
            are none.
    """
    model = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("qonnx").setLevel(logging.ERROR)
        try:
            model = _parse(path)
            _check_input(model, path)
            check_text(model, path)
            cleaned = _clean(model)
            check_structure(cleaned)
            _check_numbers(cleaned, path)
        except LevadaError:
            raise
        except Exception as error:
            # QONNX fails in many ways at what it does not know; the operators are the likeliest reason.
            if model is not None:
                check_operators(model, str(path))
            raise LevadaError(
                f"{path}: cannot be read as QONNX ({reason(error)}); export it again"
            ) from error
    return cleaned


def _parse(path: Path) -> Any:
    import onnx
    from google.protobuf.message import DecodeError

    if not path.is_file():
        raise LevadaError(
            f"{path}: there is no such file; give an .onnx file or a name that `levada models` lists"
        )
    try:
        data = path.read_bytes()
        model = onnx.load_model_from_string(data)
    except OSError as error:
        raise LevadaError(f"{path}: cannot be read ({error.strerror}); give a file that can") from error
    except DecodeError as error:
        raise LevadaError(f"{path}: is no ONNX file, or only a part of one ({len(data)} bytes)") from error
    if not model.graph.node or not model.opset_import:
        raise LevadaError(f"{path}: holds no network; an ONNX file with at least one node is needed")
    if len(_real_inputs(model)) != 1:
        raise LevadaError(
            f"{path}: has {len(_real_inputs(model))} inputs; levada builds networks with one input"
        )
    if not model.graph.output:
        raise LevadaError(f"{path}: has 0 outputs; export it with the tensors that are wanted")
    return model


def _real_inputs(model: Any) -> list[Any]:
    constants = {tensor.name for tensor in model.graph.initializer}
    return [info for info in model.graph.input if info.name not in constants]


def _check_input(model: Any, path: Path) -> None:
    (info,) = _real_inputs(model)
    tensor = info.type.tensor_type
    if not tensor.HasField("shape") or not tensor.shape.dim:
        raise LevadaError(
            f"{path}: input {info.name!r} has no shape; export it with one, such as [1, 1, 28, 28]"
        )
    shown = [
        dim.dim_param or (dim.dim_value if dim.HasField("dim_value") else "?") for dim in tensor.shape.dim
    ]
    text = ", ".join(str(size) for size in shown)
    for axis, size in enumerate(shown):
        if not isinstance(size, int) or size < 1:
            what = "batch size" if axis == 0 else f"dimension {axis}"
            raise LevadaError(
                f"{path}: input {info.name!r} [{text}] has a dynamic {what}; export it with fixed sizes"
            )
    if shown[0] != 1:
        raise LevadaError(f"{path}: input {info.name!r} [{text}] has batch size {shown[0]}; export it with 1")
    size = math.prod(dim.dim_value for dim in tensor.shape.dim)
    if size > _MAX_ELEMENTS:
        raise LevadaError(
            f"{path}: input {info.name!r} [{text}] has {size} elements; the most is {_MAX_ELEMENTS}"
        )
    if tensor.elem_type != _FLOAT32:
        raise LevadaError(
            f"{path}: input {info.name!r} is no float32; export it so, and name its integers (--input)"
        )


def _clean(model: Any) -> Any:
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.fold_constants import FoldConstants
    from qonnx.transformation.gemm_to_matmul import GemmToMatMul
    from qonnx.transformation.general import GiveReadableTensorNames, GiveUniqueNodeNames
    from qonnx.transformation.infer_shapes import InferShapes
    from qonnx.transformation.qcdq_to_qonnx import QCDQToQuant
    from qonnx.transformation.quant_constant_folding import FoldTransposeIntoQuantInit
    from qonnx.transformation.remove import RemoveIdentityOps, RemoveUnusedNodes
    from qonnx.util.cleanup import cleanup_model

    wrapper = ModelWrapper(model)
    _write_twice_as_double(wrapper)
    wrapper = cleanup_model(wrapper)
    _remove_identities(wrapper)
    name_staircases(wrapper)
    _complete_gemm(wrapper)
    _complete_qcdq(wrapper)
    for transformation in (QCDQToQuant(), GemmToMatMul()):
        wrapper = wrapper.transform(transformation)
    _single_precision(wrapper)
    for transformation in (InferShapes(), FoldTransposeIntoQuantInit()):
        wrapper = wrapper.transform(transformation)
    fold_constant_quantizers(wrapper)
    transformations = (
        FoldConstants(),
        RemoveUnusedNodes(),
        RemoveIdentityOps(atol=0),
        GiveUniqueNodeNames(),
        GiveReadableTensorNames(),
        InferShapes(),
    )
    for transformation in transformations:
        wrapper = wrapper.transform(transformation)
    return wrapper


def _write_twice_as_double(model: Any) -> None:
    """Writes x + x as x * 2: QONNX renames a tensor at one place of a node alone, and loses the other."""
    for node in model.graph.node:
        if node.op_type == "Add" and node.input[0] == node.input[1]:
            node.op_type = "Mul"
            node.input[1] = model.make_new_valueinfo_name()
            model.set_initializer(node.input[1], np.float32(2))


def _single_precision(model: Any) -> None:
    """Makes float32 of the float64 factors that GemmToMatMul leaves."""
    for tensor in list(model.graph.initializer):
        value = model.get_initializer(tensor.name)
        if value.dtype == np.float64:
            model.set_initializer(tensor.name, value.astype(np.float32))


def _remove_identities(model: Any) -> None:
    """Takes out what does nothing at inference, wherever it stands."""
    from qonnx.transformation.remove import remove_node_and_rewire

    for node in list(model.graph.node):
        if node.op_type in _IDENTITIES:
            del node.output[1:]  # the mask of a Dropout
            remove_node_and_rewire(model, node)


def _complete_gemm(model: Any) -> None:
    """Gives a Gemm without the optional bias one of zeros: GemmToMatMul expects it."""
    for node in model.graph.node:
        if node.op_type == "Gemm" and len(node.input) == 2:
            name = model.make_new_valueinfo_name()
            channels = model.get_tensor_shape(node.output[0])[-1]
            model.set_initializer(name, np.zeros(channels, np.float32))
            node.input.append(name)


def _complete_qcdq(model: Any) -> None:
    """Gives QuantizeLinear and DequantizeLinear zero points, and the scales of weights their axis.

    QCDQToQuant expects a zero point, and multiplies by scales before it looks at their axis.
    """
    for node in model.graph.node:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear") and len(node.input) == 2:
            kind = model.get_initializer(node.input[0])
            zero = np.zeros_like(
                model.get_initializer(node.input[1]), np.int8 if kind is None else kind.dtype
            )
            name = model.make_new_valueinfo_name()
            model.set_initializer(name, zero)
            node.input.append(name)
        if node.op_type == "DequantizeLinear" and model.get_initializer(node.input[0]) is not None:
            _broadcast_scales(node, model)


def _broadcast_scales(node: Any, model: Any) -> None:
    axis = attribute(node, "axis", 1)
    rank = len(model.get_tensor_shape(node.input[0]))
    for place in (1, 2):
        value = model.get_initializer(node.input[place])
        if value is not None and value.size > 1 and axis < rank:
            shape = [1] * rank
            shape[axis] = value.size
            node.input[place] = model.make_new_valueinfo_name()
            model.set_initializer(node.input[place], value.reshape(shape))
    for found in [found for found in node.attribute if found.name == "axis"]:
        node.attribute.remove(found)


def _check_numbers(model: Any, path: Path) -> None:
    for tensor in model.graph.initializer:
        value = model.get_initializer(tensor.name)
        if value.dtype.kind == "f" and not np.all(np.isfinite(value)):
            where = model.find_consumers(tensor.name)
            reader = f"{where[0].name} ({where[0].op_type})" if where else "no node"
            bad = "NaN" if np.isnan(value).any() else "infinity"
            raise LevadaError(
                f"{path}: {tensor.name}, read by {reader}, holds {bad}; the training has diverged"
            )
