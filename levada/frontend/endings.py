"""What the early check asks of the end of a network: softmax and ranking, over the channels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from levada.onnxutil import attribute
from levada.streamline.operators import RANKING


def softmax_problems(node: Any, model: Any) -> Iterator[tuple[str, str]]:
    """Reasons why a softmax cannot be left to the host, each with what to do."""
    readers = model.find_consumers(node.output[0]) or []
    if readers and readers[0].op_type not in RANKING:
        yield "stands in the middle of the network", "move it to the end"
    yield from _axis(node, model, -1)


def ranking_problems(node: Any, model: Any) -> Iterator[tuple[str, str]]:
    """Reasons why an ArgMax or TopK cannot be built, each with what to do."""
    yield from _axis(node, model, 0 if node.op_type == "ArgMax" else -1)
    if attribute(node, "select_last_index", 0):
        yield "takes the last of equal channels", "take the first (select_last_index=0)"
    if node.op_type != "TopK":
        return
    k = model.get_initializer(node.input[1])
    if k is None or not 1 <= int(k.reshape(-1)[0]) <= model.get_tensor_shape(node.input[0])[-1]:
        yield "its k is no constant from 1 to the number of channels", "export it with a fixed k"
    if not attribute(node, "largest", 1):
        yield "ranks the smallest", "negate the weights before it and rank the largest"
    outputs = {info.name for info in model.graph.output}
    if node.output[0] and (node.output[0] in outputs or model.find_consumers(node.output[0])):
        yield "its values are used", "use its indices only"


def _axis(node: Any, model: Any, default: int) -> Iterator[tuple[str, str]]:
    rank = len(model.get_tensor_shape(node.input[0]))
    axis = attribute(node, "axis", default)
    if axis % rank != rank - 1:
        yield f"is over axis {axis}", "use the channels, the last axis"
