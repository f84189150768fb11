"""The early check: every node that cannot be built, why and what to do, before any work is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from levada.errors import LevadaError
from levada.frontend import elementwise, endings, quantizers, weights
from levada.layer import registered
from levada.streamline.inputs import InputSpec, first_quantizer
from levada.streamline.operators import FINAL, MONOTONE, QUANTIZERS, RANKING, SHAPE, WEIGHTED

#: What reading a file turns into other operators, or removes.
_READ = frozenset(
    {"Constant", "DebugMarker", "DequantizeLinear", "Dropout", "Gemm", "QuantizeLinear", "Shape"}
)
#: Of ONNX, and of QONNX in its history.
_DOMAINS = frozenset({"", "ai.onnx", "finn.custom_op.general", "onnx.brevitas", "qonnx.custom_op.general"})

#: Why a node cannot be built, and what to do.
Rule = Callable[[Any, Any], Iterator[tuple[str, str]]]
_RULES: tuple[tuple[Iterable[str], Rule], ...] = (
    (QUANTIZERS, quantizers.problems),
    (WEIGHTED, weights.problems),
    (FINAL, endings.softmax_problems),
    (RANKING, endings.ranking_problems),
    (MONOTONE, elementwise.problems),
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


def check(model: Any, name: str, spec: InputSpec | None) -> None:  # noqa: ANN401 - a qonnx ModelWrapper
    """Raises LevadaError, with one line a node, if the cleaned network holds what cannot be built."""
    _refuse(name, problems_of(model, spec))


def check_operators(model: Any, name: str) -> None:  # noqa: ANN401 - an onnx ModelProto
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
    return (
        MONOTONE | SHAPE | QUANTIZERS | FINAL | {op for cls in registered().values() for op in cls.operators}
    )


def _unknown(node: Any) -> Problem:  # noqa: ANN401
    remedy = "replace it, or add a layer (docs/add-a-layer.md); `levada layers` lists what there is"
    operator = node.op_type if node.domain in _DOMAINS else f"{node.domain}.{node.op_type}"
    return Problem(node.name or node.output[0], operator, "no layer implements it", remedy)


def problems_of(model: Any, spec: InputSpec | None) -> Iterator[Problem]:  # noqa: ANN401
    """All problems, in the order of the nodes."""
    yield from _input(model, spec)
    for node in model.graph.node:
        if node.op_type not in _known() or node.domain not in _DOMAINS:
            yield _unknown(node)
        for operators, rule in _RULES:
            if node.op_type in operators:
                yield from (Problem(node.name, node.op_type, *found) for found in rule(node, model))
        yield from _fork(node, model)


def _input(model: Any, spec: InputSpec | None) -> Iterator[Problem]:  # noqa: ANN401
    readers = model.find_consumers(model.graph.input[0].name) or []
    if len(readers) > 1:
        yield _split("the network", "input", readers)
    elif spec is None and first_quantizer(model) is None:
        node = next(iter(readers), model.graph.node[0])
        reason = "the input reaches no quantizer before it is used"
        remedy = "say what its integers are, e.g. --input uint8/255 for 8-bit pixels divided by 255"
        yield Problem(node.name, node.op_type, reason, remedy)


def _fork(node: Any, model: Any) -> Iterator[Problem]:  # noqa: ANN401
    outputs = {info.name for info in model.graph.output}
    for name in node.output:
        readers = model.find_consumers(name) or []
        if len(readers) > 1 and elementwise.dynamic(node, model):
            yield _split(node.name, node.op_type, readers)
        elif readers and name in outputs:
            reason = f"its output is the network's and goes to {readers[0].name}, too"
            yield Problem(node.name, node.op_type, reason, "use a network without branches")


def _split(name: str, operator: str, readers: list[Any]) -> Problem:
    names = ", ".join(reader.name for reader in readers)
    reason = f"its output goes to {len(readers)} nodes ({names}), and no layer splits a stream"
    return Problem(name, operator, reason, "use a network without branches")
