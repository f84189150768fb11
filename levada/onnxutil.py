"""What the layers ask of a streamlined ONNX graph: integer tensors, weights, thresholds, top-k.

Every function takes untyped onnx and qonnx objects (`node`, a `ModelWrapper`) and gives typed values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from levada_driver.datatype import BIPOLAR, IntArray, IntType

from levada.errors import LevadaError
from levada.layer import Tensor
from levada.window import Window


@dataclass(frozen=True)
class QuantizedMatMul:
    """weights [MH, MW] of `wtype`; the input's type and the shape of one frame without its channels."""

    weights: IntArray
    wtype: IntType
    atype: IntType
    pixels: tuple[int, ...]


@dataclass(frozen=True)
class Convolution:
    """weights [MH, C / groups, kh, kw] of `wtype`; the image x [H, W, C] and its windows.

    Output channel m sees the channels of group m // (MH / groups) alone.
    """

    weights: IntArray
    wtype: IntType
    x: Tensor
    window: Window
    groups: int

    @property
    def depthwise(self) -> bool:
        """Whether each group is one channel."""
        return self.groups == self.x.shape[-1] > 1

    @property
    def outputs(self) -> tuple[int, int]:
        """Rows and columns of the result."""
        return self.window.outputs(*self.x.shape[:2])


@dataclass(frozen=True)
class Activation:
    """A MultiThreshold: thresholds [1 or C, N], result base + step * count of type `otype`."""

    node: Any
    thresholds: IntArray
    base: int
    otype: IntType

    def per_channel(self, channels: int) -> IntArray:
        """The thresholds as [channels, N]."""
        return np.broadcast_to(self.thresholds, (channels, self.thresholds.shape[1])).copy()


@dataclass(frozen=True)
class Ending:
    """What a layer takes along behind a node: the names of the ONNX nodes, and of the tensor that it gives.

    `thresholds` are the table [C, N], base and type of a MultiThreshold: what layers with fused thresholds
    have as their last three fields.
    """

    nodes: tuple[str, ...]
    output: str
    thresholds: tuple[IntArray | None, int, IntType | None] = (None, 0, None)


@dataclass(frozen=True)
class TopK:
    """Indices of the k largest; `output` is the name of the tensor of indices."""

    k: int
    output: str


def integer_tensor(name: str, model: Any) -> Tensor:  # noqa: ANN401
    """Shape (channels last, without the frame axis) and type of a tensor of the streamlined graph."""
    _, *shape = (int(n) for n in model.get_tensor_shape(name))
    if len(shape) > 1 and not channels_last(name, model):
        shape = [*shape[1:], shape[0]]
    return Tensor(name, tuple(shape), IntType.parse(model.get_tensor_datatype(name).name))


def channels_last(name: str, model: Any) -> bool:  # noqa: ANN401
    """Whether the channels of a tensor are its last axis, as its annotation says; axis 1 is the default."""
    layout = model.get_tensor_layout(name)
    return layout is not None and layout[-1] == "C"


def narrowest(values: IntArray) -> IntType:
    """BIPOLAR if all values are -1 or +1, else the narrowest signed type of at least 2 bits."""
    if values.size and bool(np.all(np.abs(values) == 1)):
        return BIPOLAR
    return IntType.covering(min(-2, int(values.min(initial=0))), max(1, int(values.max(initial=0))))


def sum_range(weights: IntArray, atype: IntType) -> tuple[IntArray, IntArray]:
    """Smallest and largest sum of each row of weights [MH, MW] over all inputs of `atype`."""
    ends = np.stack([weights * atype.min, weights * atype.max])
    return ends.min(0).sum(1), ends.max(0).sum(1)


def quantized_matmul(node: Any, model: Any) -> QuantizedMatMul | None:  # noqa: ANN401
    """A MatMul of an integer tensor with constant integer weights; None for any other node."""
    if node.op_type != "MatMul":
        return None
    matrix = model.get_initializer(node.input[1])
    if matrix is None:
        return None
    weights = np.rint(matrix).astype(np.int64).T
    if not np.array_equal(weights.T, matrix):
        raise LevadaError(f"{node.name}: the weights are not integers; quantize them with a Quant node")
    x = integer_tensor(node.input[0], model)
    return QuantizedMatMul(weights, narrowest(weights), x.dtype, x.shape[:-1])


def convolution(node: Any, model: Any) -> Convolution | None:  # noqa: ANN401
    """A two-dimensional Conv of integers with constant integer weights and no bias; None for another node."""
    if node.op_type != "Conv" or len([name for name in node.input if name]) != 2:
        return None
    kernel = model.get_initializer(node.input[1])
    if kernel is None or kernel.ndim != 4:
        return None
    weights = np.rint(kernel).astype(np.int64)
    if not np.array_equal(weights, kernel):
        raise LevadaError(f"{node.name}: the weights are not integers; quantize them with a Quant node")
    x = integer_tensor(node.input[0], model)
    groups = int(attribute(node, "group", 1))
    return Convolution(weights, narrowest(weights), x, window_of(node, weights.shape[2:]), groups)


def window_of(node: Any, kernel: Sequence[int] = ()) -> Window:  # noqa: ANN401
    """The windows of a convolution or pool, from its attributes (auto_pad and ceil_mode apart)."""
    pads = attribute(node, "pads", [0, 0, 0, 0])
    return Window(
        kernel=_pair(attribute(node, "kernel_shape", list(kernel))),
        stride=_pair(attribute(node, "strides", [1, 1])),
        dilation=_pair(attribute(node, "dilations", [1, 1])),
        pads=(int(pads[0]), int(pads[1]), int(pads[2]), int(pads[3])),
    )


def _pair(values: Sequence[int]) -> tuple[int, int]:
    vertical, horizontal = values
    return int(vertical), int(horizontal)


def attribute(node: Any, name: str, default: Any) -> Any:  # noqa: ANN401
    """The value of a node's attribute, of the type of `default`; text as str."""
    from onnx import helper

    for found in node.attribute:
        if found.name == name:
            value = helper.get_attribute_value(found)
            value = value.decode(errors="replace") if isinstance(value, bytes) else value
            value = list(value) if isinstance(default, list) else value
            if not isinstance(value, type(default)):
                raise LevadaError(f"{node.name} ({node.op_type}): {name} is {value!r}; export it again")
            return value
    return default


def thresholds_of(node: Any, model: Any) -> Activation | None:  # noqa: ANN401
    """The activation that a MultiThreshold node stands for; None for any other node."""
    if node.op_type != "MultiThreshold":
        return None
    from qonnx.custom_op.registry import getCustomOp

    op = getCustomOp(node)
    otype = IntType.parse(op.get_nodeattr("out_dtype"))
    step, base = op.get_nodeattr("out_scale"), op.get_nodeattr("out_bias")
    if step != otype.step or base != int(base):
        raise LevadaError(f"{node.name}: scale {step} and bias {base} do not give {otype.name}")
    table = model.get_initializer(node.input[1])
    if not np.all(np.isfinite(table)):
        raise LevadaError(f"{node.name}: a threshold is not a number; check the scales of its quantizer")
    if table.shape[1] > (otype.max - otype.min) // otype.step:
        raise LevadaError(f"{node.name}: {table.shape[1]} thresholds give more levels than {otype.name} has")
    # x is an integer, so x >= t is x >= ceil(t).
    return Activation(node, np.ceil(table).astype(np.int64), int(base), otype)


def thresholds_after(tensor: str, model: Any) -> Activation | None:  # noqa: ANN401
    """The activation that alone reads a tensor, if one does."""
    readers = model.find_consumers(tensor) or []
    return thresholds_of(readers[0], model) if len(readers) == 1 else None


def ending_of(node: Any, model: Any, channels: int) -> Ending:  # noqa: ANN401
    """A node of so many channels with the thresholds that alone read its result, if there are any."""
    found = thresholds_after(node.output[0], model)
    if found is None:
        return Ending((node.name,), node.output[0])
    fused = (found.per_channel(channels), found.base, found.otype)
    return Ending((node.name, found.node.name), found.node.output[0], fused)


def top_k_of(node: Any, model: Any) -> TopK | None:  # noqa: ANN401
    """The top-k that a TopK or ArgMax over the channels stands for; None for any other node."""
    from qonnx.util.basic import get_by_name

    attributes = {
        name: get_by_name(node.attribute, name) for name in ("axis", "largest", "select_last_index")
    }
    rank = len(model.get_tensor_shape(node.input[0]))
    axis = attributes["axis"].i if attributes["axis"] is not None else (-1 if node.op_type == "TopK" else 0)
    if axis % rank != rank - 1:
        raise LevadaError(f"{node.name}: {node.op_type} over axis {axis}; only the channels can be ranked")
    if node.op_type == "ArgMax":
        last = attributes["select_last_index"]
        if last is not None and last.i:
            raise LevadaError(f"{node.name}: select_last_index is not possible; ties go to the lower index")
        return TopK(1, node.output[0])
    if node.op_type != "TopK":
        return None
    largest = attributes["largest"]
    if largest is not None and not largest.i:
        raise LevadaError(f"{node.name}: TopK of the smallest is not possible; negate its input")
    if node.output[0] and model.find_consumers(node.output[0]):
        raise LevadaError(f"{node.name}: only the indices of a TopK can be used, not its values")
    return TopK(int(model.get_initializer(node.input[1]).item()), node.output[1])
