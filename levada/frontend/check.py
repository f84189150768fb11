"""The early check: every node that cannot be built, with the reason and what to do, before any work is done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from levada.errors import LevadaError
from levada.layer import registered
from levada.streamline.inputs import MAX_INPUT_BITS, InputSpec, first_quantizer
from levada.streamline.operators import FINAL, MONOTONE, QUANTIZERS, SHAPE

MAX_BITS = 8
#: Operators whose constant matrix must be integers: (operator, index of that input).
_WEIGHTED = {"MatMul": 1}


@dataclass(frozen=True)
class Problem:
    """A node that cannot be built: its name and operator, why, and what to do."""

    node: str
    operator: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.node} ({self.operator}): {self.reason}; {self.remedy}"


def check(model: Any, name: str, spec: InputSpec | None) -> None:  # noqa: ANN401 - a qonnx ModelWrapper
    """Raises LevadaError, with one line a node, if the cleaned network holds what cannot be built."""
    problems = list(problems_of(model, spec))
    if problems:
        count = len(problems)
        head = f"{name}: {count} node{'s' if count > 1 else ''} cannot be built"
        raise LevadaError("\n  ".join([head, *(str(problem) for problem in problems)]))


def problems_of(model: Any, spec: InputSpec | None) -> Iterator[Problem]:  # noqa: ANN401
    """All problems, in the order of the nodes."""
    known = MONOTONE | SHAPE | QUANTIZERS | FINAL | {op for cls in registered().values() for op in cls.operators}
    outputs = {info.name for info in model.graph.output}
    first = first_quantizer(model)
    if spec is None and first is None:
        node = next(iter(model.find_consumers(model.graph.input[0].name) or []), model.graph.node[0])
        yield Problem(
            node.name,
            node.op_type,
            "the input reaches no quantizer before it is used",
            "say what its integers are, e.g. --input uint8/255 for 8-bit pixels divided by 255",
        )
    for node in model.graph.node:
        if node.op_type not in known:
            remedy = "replace it, or add a layer (docs/add-a-layer.md); `levada layers` lists what there is"
            yield Problem(node.name, node.op_type, "no layer implements it", remedy)
        elif node.op_type in QUANTIZERS:
            yield from _quantizer(node, model, node is first)
        elif node.op_type in _WEIGHTED:
            yield from _weights(node, model)
        elif node.op_type in FINAL and node.output[0] not in outputs and not _is_ranked(node, model):
            yield Problem(node.name, node.op_type, "stands in the middle of the network", "move it to the end")
        elif node.op_type in MONOTONE:
            yield from _elementwise(node, model)
        yield from _fork(node, model)


def _is_ranked(node: Any, model: Any) -> bool:  # noqa: ANN401
    readers = model.find_consumers(node.output[0]) or []
    return len(readers) == 1 and readers[0].op_type in ("ArgMax", "TopK")


def _dynamic(node: Any, model: Any) -> list[str]:  # noqa: ANN401
    return [name for name in node.input if name and model.get_initializer(name) is None]


def _elementwise(node: Any, model: Any) -> Iterator[Problem]:  # noqa: ANN401
    if len(_dynamic(node, model)) != 1:
        yield Problem(
            node.name, node.op_type, "joins two branches, and no layer does that", "use a network without branches"
        )


def _fork(node: Any, model: Any) -> Iterator[Problem]:  # noqa: ANN401
    for name in node.output:
        readers = model.find_consumers(name) or []
        if len(readers) > 1 and _dynamic(node, model):
            names = ", ".join(reader.name for reader in readers)
            reason = f"its output goes to {len(readers)} nodes ({names}), and no layer splits a stream"
            yield Problem(node.name, node.op_type, reason, "use a network without branches")


def _quantizer(node: Any, model: Any, is_input: bool) -> Iterator[Problem]:  # noqa: ANN401
    missing = [name for name in node.input[1:] if model.get_initializer(name) is None]
    if missing:
        yield Problem(
            node.name, node.op_type, f"{', '.join(missing)} is not constant", "export it with fixed scales and bits"
        )
        return
    if not np.all(model.get_initializer(node.input[1]) > 0):
        yield Problem(node.name, node.op_type, "its scale is not positive", "train it with a positive scale")
    if model.get_initializer(node.input[0]) is not None:
        return  # weights are judged at the node that uses them
    bits = 1.0 if node.op_type == "BipolarQuant" else float(model.get_initializer(node.input[3]).max())
    most = MAX_INPUT_BITS if is_input else MAX_BITS
    if bits > most or bits < 1 or bits != int(bits):
        yield Problem(node.name, node.op_type, f"quantizes to {bits:g} bits", f"use 1 to {most} bits")
    scale = model.get_initializer(node.input[1])
    if scale.size > 1 and not np.all(scale == scale.reshape(-1)[0]):
        yield Problem(
            node.name, node.op_type, f"has {scale.size} scales, one a channel", "use one scale for the whole tensor"
        )


def _weights(node: Any, model: Any) -> Iterator[Problem]:  # noqa: ANN401
    place = _WEIGHTED[node.op_type]
    if len(_dynamic(node, model)) == 2 and model.find_producer(node.input[place]) is None:
        yield Problem(node.name, node.op_type, "multiplies two branches, and no layer does that", "use constants")
        return
    weights = node.input[place]
    producer = model.find_producer(weights)
    if producer is None and model.get_initializer(weights) is not None:
        values = model.get_initializer(weights)
        if not np.array_equal(values, np.rint(values)):
            yield Problem(node.name, node.op_type, "its weights are float", "quantize them (a Quant node on the weights)")
        return
    if producer is None or producer.op_type not in QUANTIZERS:
        what = f"its weights come from {producer.op_type}" if producer is not None else "its weights are not constant"
        yield Problem(node.name, node.op_type, what, "quantize constant weights with a Quant node")
        return
    if model.get_initializer(producer.input[0]) is None:
        yield Problem(node.name, node.op_type, "its weights are not constant", "use constant weights")
    elif producer.op_type == "Quant":
        bits = float(model.get_initializer(producer.input[3]).max())
        if bits > MAX_BITS:
            yield Problem(node.name, node.op_type, f"its weights have {bits:g} bits", f"use 1 to {MAX_BITS} bits")
        if np.any(model.get_initializer(producer.input[2]) != 0):
            yield Problem(node.name, node.op_type, "its weights have a zero point", "use symmetric weights")
