"""levada's own ONNX operators, found by QONNX under the domain `levada.custom_op`."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import helper
from qonnx.core.datatype import DataType
from qonnx.custom_op.base import CustomOp

DOMAIN = __name__


class Lookup(CustomOp):  # type: ignore[misc]  # qonnx comes without types
    """y = table[c, x - first]: integers x (channel c on axis 1) to integers of `out_dtype`.

    Inputs x and table [1 or C, N]; `first` is the integer that the table's first column stands for.
    """

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Attributes by name: type, whether it is required, default."""
        return {"out_dtype": ("s", True, ""), "first": ("i", True, 0)}

    def make_shape_compatible_op(self, model: Any) -> Any:  # noqa: ANN401, ARG002
        """An operator whose result has the same shape."""
        return helper.make_node("Identity", [self.onnx_node.input[0]], [self.onnx_node.output[0]])

    def infer_node_datatype(self, model: Any) -> None:  # noqa: ANN401
        """Sets the type of the result."""
        model.set_tensor_datatype(self.onnx_node.output[0], DataType[self.get_nodeattr("out_dtype")])

    def execute_node(self, context: Any, graph: Any) -> None:  # noqa: ANN401, ARG002
        """Reads the table."""
        node = self.onnx_node
        x, table = context[node.input[0]], context[node.input[1]]
        index = np.rint(x).astype(np.int64) - self.get_nodeattr("first")
        channels = np.arange(x.shape[1]).reshape(1, -1, *[1] * (x.ndim - 2)) if len(table) > 1 else 0
        context[node.output[0]] = table[channels, index].astype(np.float32)

    def verify_node(self) -> list[str]:
        """Nothing beyond the attributes' types."""
        return []


class Staircase(CustomOp):  # type: ignore[misc]
    """y = out_scale * |{k: x >= thresholds[0, k]}| + out_bias: floats x of any shape, thresholds [1, N].

    What a file's MultiThreshold over floats is read as; after streamlining a MultiThreshold is over integers.
    """

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Attributes by name: type, whether it is required, default."""
        return {"out_scale": ("f", False, 1.0), "out_bias": ("f", False, 0.0)}

    def make_shape_compatible_op(self, model: Any) -> Any:  # noqa: ANN401, ARG002
        """An operator whose result has the same shape."""
        return helper.make_node("Identity", [self.onnx_node.input[0]], [self.onnx_node.output[0]])

    def infer_node_datatype(self, model: Any) -> None:  # noqa: ANN401
        """Floats, until a quantizer behind it makes integers."""
        model.set_tensor_datatype(self.onnx_node.output[0], DataType["FLOAT32"])

    def execute_node(self, context: Any, graph: Any) -> None:  # noqa: ANN401, ARG002
        """Counts."""
        node = self.onnx_node
        x, thresholds = context[node.input[0]], np.sort(context[node.input[1]][0])
        count = np.searchsorted(thresholds, x, side="right").astype(np.float32)
        scale, bias = (np.float32(self.get_nodeattr(name)) for name in ("out_scale", "out_bias"))
        context[node.output[0]] = np.asarray(scale * count + bias, np.float32)

    def verify_node(self) -> list[str]:
        """Nothing beyond the attributes' types."""
        return []
