"""Writes a torch network as a QONNX file: the same bytes for the same weights, no larger than need be."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from levada.nested import cut

if TYPE_CHECKING:
    import torch

_OPSET = 13
_LARGE = 1_000_000  # bytes; the weights of larger files are stored as the integers they are quantized to


def export(
    network: torch.nn.Module, shape: tuple[int, ...], outputs: int = 1, bits: int | None = None
) -> bytes:
    """The network as a QONNX file for inputs of `shape`; the same bytes for the same weights.

    Only the upper `bits` bits of all weights are left, if that is given (`levada.nested`).
    Its output is called "logits"; where there are several, "output0" and so on.
    """
    import onnx
    import torch

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # The dynamo exporter replaces MatMul by Gemm and writes paths of this machine into the nodes.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.filterwarnings("ignore", "fast_hadamard_transform")
        from brevitas.export import export_qonnx

        path = Path(folder) / "network.onnx"
        export_qonnx(
            network.eval(),
            args=torch.zeros(shape),
            export_path=str(path),
            dynamo=False,
            opset_version=_OPSET,
            input_names=["input"],
            output_names=["logits"] if outputs == 1 else [f"output{index}" for index in range(outputs)],
        )
        proto = onnx.load(path)
    proto.doc_string = proto.graph.doc_string = ""
    del proto.metadata_props[:]
    for node in proto.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    if bits is not None:
        drop(proto, bits)
    if proto.ByteSize() > _LARGE:
        shrink(proto)
    data: bytes = proto.SerializeToString(deterministic=True)
    return data


def drop(proto: Any, bits: int) -> None:  # noqa: ANN401
    """Leaves the upper `bits` bits of all quantized weights, in two's complement, the others at 0.

    Quantizers keep scales and widths, so that all else is as it was; those that left out the least integer
    take it in: -7 without its lowest bit is -8.
    """
    from onnx import numpy_helper
    from qonnx.custom_op.general.quant import quant

    constants = _constants(proto)
    stored = {tensor.name: tensor for tensor in proto.graph.initializer}
    for node in proto.graph.node:
        if node.op_type != "Quant" or any(name not in constants for name in node.input):
            continue
        weights, scale, *rest = (constants[name] for name in node.input)
        planes = int(rest[-1]) - bits
        if planes <= 0:
            continue
        options = {attribute.name: attribute for attribute in node.attribute}
        rule = (options["signed"].i, options["narrow"].i, options["rounding_mode"].s.decode())
        codes = np.rint(quant(weights, scale, *rest, *rule) / scale).astype(np.int64)
        kept = (cut(codes, planes) * scale).astype(np.float32)
        tensor = stored[node.input[0]]
        tensor.CopyFrom(numpy_helper.from_array(kept, tensor.name))
        options["narrow"].i = 0


def shrink(proto: Any) -> None:  # noqa: ANN401  # onnx comes without types
    """Stores quantized weights as int8: integers -> Cast -> Mul by the scale -> the quantizer, as it was.

    Weights whose quantizer would give other numbers for the products stay as they are. Readers fold the two
    nodes back; Mul is left out where the scale is 1.
    """
    from onnx import helper, numpy_helper

    constants = _constants(proto)
    nodes = []
    for node in proto.graph.node:
        codes = _codes(node, constants)
        if codes is not None:
            name = node.input[0]
            scale = constants[node.input[1]]
            proto.graph.initializer.append(numpy_helper.from_array(codes, f"{name}_int"))
            floats = f"{name}_float" if np.any(scale != 1) else f"{name}_values"
            nodes.append(helper.make_node("Cast", [f"{name}_int"], [floats], name=f"{name}_cast", to=1))
            if np.any(scale != 1):
                nodes.append(
                    helper.make_node(
                        "Mul", [floats, node.input[1]], [f"{name}_values"], name=f"{name}_scaled"
                    )
                )
            node.input[0] = f"{name}_values"
        nodes.append(node)
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
    used = {name for node in proto.graph.node for name in node.input}
    # The exporter lists initializers as inputs, too.
    for tensors in (proto.graph.initializer, proto.graph.input):
        kept = [tensor for tensor in tensors if tensor.name in used]
        del tensors[:]
        tensors.extend(kept)


def _constants(proto: Any) -> dict[str, NDArray[Any]]:  # noqa: ANN401
    """Initializers and the values of Constant nodes, by name."""
    from onnx import numpy_helper

    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    for node in proto.graph.node:
        if node.op_type == "Constant":
            found[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    return found


def _codes(node: Any, constants: dict[str, NDArray[Any]]) -> NDArray[np.int8] | None:  # noqa: ANN401
    """The integers of the weights that a quantizer reads; None where there are no such weights."""
    from qonnx.custom_op.general.bipolar_quant import binary_quant
    from qonnx.custom_op.general.quant import quant

    if node.op_type not in ("BipolarQuant", "Quant") or any(name not in constants for name in node.input):
        return None
    weights, scale, *rest = (constants[name] for name in node.input)
    if node.op_type == "BipolarQuant":
        values = binary_quant(weights, scale)
        again = binary_quant(values, scale)
    else:
        options = {attribute.name: attribute for attribute in node.attribute}
        rule = (options["signed"].i, options["narrow"].i, options["rounding_mode"].s.decode())
        values = quant(weights, scale, *rest, *rule)
        again = quant(values, scale, *rest, *rule)
    codes = np.rint(values / scale)
    stored = (codes * scale).astype(np.float32)
    if not np.array_equal(stored, again) or np.any(np.abs(codes) > 127):
        return None
    integers: NDArray[np.int8] = codes.astype(np.int8)
    return integers
