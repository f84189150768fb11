"""Branches that meet: their scales are aligned, so that integers meet.

    a*s + b = (A*p + B*q)*u + c      for a = A*s_a + c_a, b = B*s_b + c_b with s_a = p*u, s_b = q*u, p and q
    integers

p = q = 1 where the branches share a quantizer's scale. For Concat every branch has a scale of its own: where
they differ, the channels carry them on if only quantizers follow (thresholds of a channel cost nothing), else
the branches are multiplied by integers, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import helper

from levada.reference import FloatArray
from levada.streamline.operators import ELEMENTWISE, QUANTIZERS, SCALES, SHIFTS
from levada.streamline.rewrite import constant, insert_after, insert_before, new_tensor, shape_of

#: The largest integer a branch is multiplied by, and how far a scale may be from such a multiple.
MAX_FACTOR = 64
_TOLERANCE = 2e-6

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Branch:
    """A tensor as source * scale + bias, each of one number or one a channel; the nodes in between."""

    source: str
    scale: Float64
    bias: Float64
    nodes: tuple[Any, ...]


def join(model: Any, node: Any) -> bool:
    """Takes the scales and biases before an Add or Concat behind it; False if there is nothing to do."""
    if any(model.get_initializer(name) is not None for name in node.input):
        return False
    if node.op_type == "Concat" and node.attribute[0].i not in (1, -len(shape_of(node.output[0], model)) + 1):
        return False
    branches = [_branch(name, model) for name in node.input]
    if not any(branch.nodes for branch in branches):
        return False
    concat = node.op_type == "Concat"
    channels = [shape_of(name, model)[1] for name in node.input]
    scales = [branch.scale for branch in branches]
    if concat and _only_quantized(node.output[0], model):
        unit, factors = _side_by_side(scales, channels), [np.ones(1)] * len(branches)
    else:
        found = _common(scales)
        if found is None:
            return False
        unit, factors = found
    if np.all(unit == 1) and not any(np.any(branch.bias) for branch in branches):
        return False  # nothing but the integer factors of an earlier call
    biases = [branch.bias for branch in branches]
    bias = _side_by_side(biases, channels) if concat else np.asarray(sum(biases), np.float64)
    for place, (branch, factor) in enumerate(zip(branches, factors, strict=True)):
        node.input[place] = _multiplied(model, node, branch, factor)
        for old in branch.nodes:
            if not model.find_consumers(old.output[0]):
                model.graph.node.remove(old)
    _behind(model, node, unit, bias)
    return True


def _branch(tensor: str, model: Any) -> _Branch:
    """Back over constant Mul, Div, Add and Sub that only this branch reads."""
    nodes: list[Any] = []
    while (node := model.find_producer(tensor)) is not None:
        if node.op_type not in SCALES | SHIFTS or model.get_initializer(node.input[1]) is None:
            break
        if node.name in (seen.name for seen in nodes) or len(model.find_consumers(tensor)) != 1:
            break
        nodes.append(node)
        tensor = node.input[0]
    scale, bias = np.ones(1), np.zeros(1)
    for node in reversed(nodes):
        value = model.get_initializer(node.input[1]).astype(np.float64).reshape(-1)
        if node.op_type in SCALES:
            factor = value if node.op_type == "Mul" else 1 / value
            scale, bias = scale * factor, bias * factor
        else:
            bias = bias + (value if node.op_type == "Add" else -value)
    return _Branch(tensor, scale, bias, tuple(nodes))


def _common(scales: list[Float64]) -> tuple[Float64, list[Float64]] | None:
    """A unit and integer factors with scale = factor * unit for each branch; None where there are none."""
    sizes = max(scale.size for scale in scales)
    table = np.stack([np.broadcast_to(scale, sizes) for scale in scales])
    if np.any(table == 0):
        return None
    factors = np.empty_like(table)
    units = np.empty(sizes)
    for channel, column in enumerate(table.T):
        ratios = [Fraction(value / column[0]).limit_denominator(MAX_FACTOR) for value in column]
        whole = lcm(*(ratio.denominator for ratio in ratios))
        multiples = [int(ratio * whole) for ratio in ratios]
        units[channel] = column[0] / whole
        near = np.abs(np.array(multiples) * units[channel] / column - 1) < _TOLERANCE
        if not np.all(near) or max(abs(multiple) for multiple in multiples) > MAX_FACTOR:
            return None
        factors[:, channel] = multiples
    unit = units[:1] if np.all(units == units[0]) else units
    return unit, [row[:1] if np.all(row == row[0]) else row for row in factors]


def _side_by_side(values: list[Float64], channels: list[int]) -> Float64:
    row = np.concatenate(
        [np.broadcast_to(value, count) for value, count in zip(values, channels, strict=True)]
    )
    return row[:1] if np.all(row == row[0]) else row


def _only_quantized(tensor: str, model: Any) -> bool:
    """Whether a tensor runs into quantizers alone, through elementwise operators."""
    readers = model.find_consumers(tensor) or []
    return bool(readers) and all(
        reader.op_type in QUANTIZERS
        or (reader.op_type in ELEMENTWISE and _only_quantized(reader.output[0], model))
        for reader in readers
    )


def _multiplied(model: Any, node: Any, branch: _Branch, factor: Float64) -> str:
    """The branch's source times an integer factor."""
    if np.all(factor == 1):
        return branch.source
    shape = shape_of(branch.source, model)
    product = new_tensor(model, shape)
    value = constant(model, _aligned(factor, len(shape)))
    name = f"{node.name}_align_{product}"
    insert_before(model, node, [helper.make_node("Mul", [branch.source, value], [product], name=name)])
    return product


def _behind(model: Any, node: Any, unit: Float64, bias: Float64) -> None:
    """Puts unit and bias behind the join, without those that do nothing."""
    shape = shape_of(node.output[0], model)
    end = node.output[0]
    for operator, value, neutral in (("Mul", unit, 1), ("Add", bias, 0)):
        if np.any(value != neutral):
            inner, anchor = new_tensor(model, shape), model.find_producer(end)
            anchor.output[0] = inner
            new = helper.make_node(
                operator,
                [inner, constant(model, _aligned(value, len(shape)))],
                [end],
                name=f"{node.name}_{operator}",
            )
            insert_after(model, anchor, [new])


def _aligned(value: Float64, rank: int) -> FloatArray:
    small = value.astype(np.float32)
    return small.reshape(()) if small.size == 1 else small.reshape((1, -1) + (1,) * (rank - 2))
