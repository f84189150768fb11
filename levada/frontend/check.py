"""The early check: every node that cannot be built, why and what to do, before any work is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from levada.errors import LevadaError
from levada.frontend import elementwise, endings, images, quantizers, staircases, weights
from levada.layer import registered
from levada.streamline.inputs import InputSpec, first_quantizer
from levada.streamline.operators import ELEMENTWISE, FINAL, QUANTIZERS, RANKING, SHAPE, WEIGHTED

#: What reading a file turns into other operators, or removes.
_READ = frozenset(
    {
        "Constant",
        "DebugMarker",
        "DequantizeLinear",
        "Dropout",
        "Gemm",
        "MultiThreshold",
        "QuantizeLinear",
        "Shape",
    }
)
#: Of ONNX, of QONNX in its history, and of what reading a file turns its operators into.
_DOMAINS = frozenset(
    {
        "",
        "ai.onnx",
        "finn.custom_op.general",
        "levada.custom_op",
        "onnx.brevitas",
        "qonnx.custom_op.general",
    }
)

#: Why a node cannot be built, and what to do.
Rule = Callable[[Any, Any], Iterator[tuple[str, str]]]
_RULES: tuple[tuple[Iterable[str], Rule], ...] = (
    (QUANTIZERS, quantizers.problems),
    (WEIGHTED, weights.problems),
    (FINAL, endings.softmax_problems),
    (RANKING, endings.ranking_problems),
    (ELEMENTWISE, elementwise.problems),
    (("Staircase",), staircases.problems),
    (images.CONVOLUTIONS, images.convolution_problems),
    (images.POOLS, images.pool_problems),
    (images.MOVES, images.move_problems),
)


@dataclass(frozen=True)
class Problem:
    """A node that cannot be built: its name and operator, why, and what to do."""

    node: str
    operator: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.node} ({self.operator}): {self.reason}; {self.remedy}"


def check(model: Any, name: str, spec: InputSpec | None) -> None:
    """Raises LevadaError, with one line a node, if the cleaned network holds what cannot be built."""
    _refuse(name, problems_of(model, spec))


def check_operators(model: Any, name: str) -> None:
    """As `check`, for the operators alone, of a network as it stands in its file."""
    constant = {tensor.name for tensor in model.graph.initializer}
    unknown = []
    for node in model.graph.node:
        if all(not tensor or tensor in constant for tensor in node.input):
            constant.update(node.output)
        elif node.op_type not in _known() | _READ or node.domain not in _DOMAINS:
            unknown.append(_unknown(node))
    _refuse(name, unknown)


def _refuse(name: str, problems: Iterable[Problem]) -> None:
    found = [str(problem) for problem in problems]
    if found:
        head = f"{name}: {len(found)} node{'s' if len(found) > 1 else ''} cannot be built"
        raise LevadaError("\n  ".join([head, *found]))


def _known() -> frozenset[str]:
    layers = {op for cls in registered().values() for op in cls.operators}
    rewritten = {"GlobalAveragePool", "Trunc", *images.CONVOLUTIONS, *images.POOLS, *images.MOVES}
    return ELEMENTWISE | SHAPE | QUANTIZERS | FINAL | layers | rewritten


def _unknown(node: Any) -> Problem:
    remedy = "replace it, or add a layer (docs/add-a-layer.md); `levada layers` lists what there is"
    operator = node.op_type if node.domain in _DOMAINS else f"{node.domain}.{node.op_type}"
    return Problem(node.name or node.output[0], operator, "no layer implements it", remedy)


def problems_of(model: Any, spec: InputSpec | None) -> Iterator[Problem]:
    """All problems, in the order of the nodes."""
    yield from _input(model, spec)
    for node in model.graph.node:
        if node.op_type not in _known() or node.domain not in _DOMAINS:
            yield _unknown(node)
        for operators, rule in _RULES:
            if node.op_type in operators:
                yield from (Problem(node.name, node.op_type, *found) for found in rule(node, model))
        yield from _output(node, model)


def _input(model: Any, spec: InputSpec | None) -> Iterator[Problem]:
    readers = model.find_consumers(model.graph.input[0].name) or []
    if spec is None and first_quantizer(model) is None:
        node = next(iter(readers), model.graph.node[0])
        reason = "the input reaches no quantizer before it is used"
        if len(readers) > 1:
            reason = f"the input goes to {len(readers)} nodes before a quantizer"
        remedy = "say what its integers are, e.g. --input uint8/255 for 8-bit pixels divided by 255"
        yield Problem(node.name, node.op_type, reason, remedy)


def _output(node: Any, model: Any) -> Iterator[Problem]:
    outputs = {info.name for info in model.graph.output}
    for name in node.output:
        readers = model.find_consumers(name) or []
        if readers and name in outputs:
            reason = f"its output is the network's and goes to {readers[0].name}, too"
            yield Problem(node.name, node.op_type, reason, "end the network with a layer of its own")
