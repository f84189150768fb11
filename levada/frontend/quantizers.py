"""What the early check asks of quantizers of activations: constant, few bits, one scale for the tensor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from levada.onnxutil import attribute
from levada.streamline.inputs import MAX_INPUT_BITS, first_quantizer

MAX_BITS = 8
_ROUNDING = ("CEIL", "DOWN", "FLOOR", "HALF_DOWN", "HALF_EVEN", "HALF_UP", "ROUND", "UP")


def problems(node: Any, model: Any) -> Iterator[tuple[str, str]]:
    """Reasons why a quantizer cannot be built, each with what to do; weights' bits are judged elsewhere."""
    constants = [model.get_initializer(name) for name in node.input[1:]]
    missing = [name for name, value in zip(node.input[1:], constants, strict=True) if value is None]
    if missing:
        yield f"{', '.join(missing)} is not constant", "export it with fixed scales and bits"
        return
    if not np.all(constants[0] > 0):
        yield "its scale is not positive", "train it with a positive scale"
    if node.op_type == "Quant":
        mode = attribute(node, "rounding_mode", "ROUND").upper()
        if mode not in _ROUNDING:
            yield f"rounds by {mode}, which QONNX does not know", f"use one of {', '.join(_ROUNDING)}"
    if model.get_initializer(node.input[0]) is None:
        yield from _activation(node, model, constants)


def _activation(node: Any, model: Any, constants: list[Any]) -> Iterator[tuple[str, str]]:
    for value, what in zip(constants, ("scale", "zero point", "bit width"), strict=False):
        if not np.all(value == value.reshape(-1)[0]):
            yield f"has {value.size} {what}s, one a channel", f"use one {what} for the whole tensor"
    if node.op_type == "BipolarQuant":
        return
    zero, bits = constants[1], float(constants[2].max())
    first = first_quantizer(model)
    most = MAX_INPUT_BITS if first is not None and first.name == node.name else MAX_BITS
    if bits > most or bits < 1 or bits != int(bits):
        yield f"quantizes to {bits:g} bits", f"use 1 to {most} bits"
    if np.any(zero != np.rint(zero)):
        yield f"its zero point {zero.reshape(-1)[0]:g} is not an integer", "round it"
