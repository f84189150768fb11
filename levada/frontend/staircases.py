"""A file's MultiThreshold over floats: levada's operator Staircase, elementwise before a quantizer.

In a file it may stand over floats; in a streamlined network a MultiThreshold is over integers and gives the
integers of a layer. Two names keep them apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from levada.onnxutil import attribute

_KEPT = frozenset({"out_bias", "out_scale"})


def name_staircases(model: Any) -> None:
    """Gives each MultiThreshold of a file the name under which the rest of levada knows it."""
    for node in model.graph.node:
        if node.op_type == "MultiThreshold":
            node.op_type, node.domain = "Staircase", "levada.custom_op"
            for found in [found for found in node.attribute if found.name not in _KEPT]:
                node.attribute.remove(found)


def problems(node: Any, model: Any) -> Iterator[tuple[str, str]]:
    """Reasons why thresholds cannot be built, each with what to do."""
    table = model.get_initializer(node.input[1])
    if table is None:
        yield "its thresholds are not constant", "export it with fixed thresholds"
    elif table.ndim != 2 or len(table) != 1:
        yield f"its thresholds are {list(table.shape)}", "use one row, [1, N], for the whole tensor"
    if attribute(node, "out_scale", 1.0) <= 0:
        yield f"its out_scale is {attribute(node, 'out_scale', 1.0):g}", "use a scale above 0"
