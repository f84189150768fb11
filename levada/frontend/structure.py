"""Damaged files: text that is none, tensors that nothing gives, nodes with too few inputs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from levada.errors import LevadaError
from levada.streamline.operators import QUANTIZERS

_INPUTS = {"BipolarQuant": 2, "Quant": 4}


def check_text(model: Any, path: Path) -> None:
    """LevadaError if a name in the file is no text: the parser gives bytes then, or fails at every use."""
    for node in model.graph.node:
        for text in (node.name, node.op_type, node.domain, *node.input, *node.output):
            if not isinstance(text, str):
                raise LevadaError(f"{path}: is damaged (the name {text!r}); export it again")


def check_structure(model: Any) -> None:
    """ValueError if the cleaned network is no graph of tensors of known shapes."""
    for problem in _problems(model):
        raise ValueError(problem)


def _problems(model: Any) -> Iterator[str]:
    given = {info.name for info in model.graph.input} | {tensor.name for tensor in model.graph.initializer}
    for node in model.graph.node:
        least, outputs = _least(node)
        if len(node.input) < least or len(node.output) < outputs:
            yield f"{node.name} ({node.op_type}) has {len(node.input)} inputs and {len(node.output)} outputs"
        for name in node.input:
            if name and name not in given:
                yield f"{node.name} ({node.op_type}) reads {name}, which nothing gives"
        given.update(node.output)
        for name in (*node.input, *node.output):
            if name and model.get_tensor_shape(name) is None:
                yield f"the shape of {name}, of {node.name} ({node.op_type}), is unknown"
    for info in model.graph.output:
        if info.name not in given:
            yield f"nothing gives the output {info.name}"


def _least(node: Any) -> tuple[int, int]:
    """The least number of inputs and outputs of an operator."""
    from onnx import defs

    if node.op_type in QUANTIZERS:
        return _INPUTS[node.op_type], 1
    schema = defs.get_schema(node.op_type) if defs.has(node.op_type) else None
    return (schema.min_input, schema.min_output) if schema is not None else (0, 0)
