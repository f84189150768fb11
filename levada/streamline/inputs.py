"""The border of the chip at the input: where floats become integers, on the host or on the chip."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from levada_driver.datatype import IntType
from levada_driver.host import HostInput
from onnx import helper

from levada.errors import LevadaError
from levada.reference import input_shape
from levada.streamline.bisect import first_floats
from levada.streamline.chain import chain_to, dynamic_input
from levada.streamline.operators import MONOTONE, QUANTIZERS, SHAPE
from levada.streamline.quantizers import describe
from levada.streamline.rewrite import constant, remove, rewire, set_integer

MAX_INPUT_BITS = 16


@dataclass(frozen=True)
class InputSpec:
    """`TYPE/D`: the network's float input is an integer of TYPE divided by D, in float32."""

    dtype: IntType
    divisor: int

    @staticmethod
    def parse(text: str) -> InputSpec:
        """From the command line's form, e.g. uint8/255; LevadaError for another."""
        match = re.fullmatch(r"(u?int[1-9]\d*)(?:/([1-9]\d*))?", text, re.IGNORECASE)
        if match is None:
            shown = text if text.isprintable() else repr(text)
            raise LevadaError(f"--input {shown}: write TYPE/D, such as uint8/255 or int16/1024")
        dtype = IntType.parse(match[1])
        if dtype.bits > MAX_INPUT_BITS:
            raise LevadaError(
                f"--input {text}: {dtype.name} has more than {MAX_INPUT_BITS} bits; choose fewer"
            )
        return InputSpec(dtype, int(match[2] or 1))


def first_quantizer(model: Any) -> Any | None:
    """The quantizer that the graph's input runs into through elementwise operators alone, if it does."""
    tensor = model.graph.input[0].name
    while True:
        readers = model.find_consumers(tensor) or []
        if len(readers) != 1:
            return None
        if readers[0].op_type in QUANTIZERS:
            return readers[0]
        if readers[0].op_type not in MONOTONE | SHAPE:
            return None
        tensor = readers[0].output[0]


def integers_in(model: Any, spec: InputSpec) -> tuple[Any, HostInput]:
    """The graph with integers of `spec` as its input, divided by D before anything else.

    Where the input runs into no quantizer the division becomes a Mul, which FINN moves behind the MatMul.
    """
    name = model.graph.input[0].name
    scaled = model.make_new_valueinfo_name()
    quantized = first_quantizer(model) is not None
    shape = model.get_tensor_shape(name)
    rewire(model, name, scaled)
    if quantized:
        node = helper.make_node(
            "Div", [name, constant(model, float(spec.divisor))], [scaled], name="Div_input"
        )
    else:
        factor = np.float32(1) / np.float32(spec.divisor)
        node = helper.make_node("Mul", [name, constant(model, factor)], [scaled], name="Mul_input")
    model.graph.node.insert(0, node)
    model.set_tensor_shape(scaled, shape)
    set_integer(model, name, spec.dtype.name)
    return model, HostInput(input_shape(model), spec.dtype, spec.divisor)


def quantize_on_host(model: Any) -> tuple[Any, HostInput]:
    """The graph from behind its first quantizer on, and the host's part as exact float32 thresholds.

    A chain of monotone operators and a quantizer is a step function of its float32 input; its steps are
    found by bisection over all float32 in order, executing the network's own nodes.
    """
    node = first_quantizer(model)
    name = model.graph.input[0].name
    if node is None:
        raise LevadaError(
            f"input {name!r} reaches no quantizer before it is used, so its integers are unknown; say what "
            "they are, e.g. --input uint8/255 for 8-bit pixels divided by 255"
        )
    quantizer = describe(node, model)
    chain = chain_to(node, model)
    if chain.channels > 1:
        raise LevadaError(
            f"{node.name}: the input is quantized per channel; say what its integers are, e.g. --input "
            "uint8/255"
        )
    table = first_floats(chain.evaluate, quantizer.raw[1:], chain.channels)
    probe = np.array([[np.finfo(np.float32).min], [np.finfo(np.float32).max]], np.float32)
    ends = chain.evaluate(probe)
    if np.any(ends[0] > ends[1]):
        raise LevadaError(
            f"{node.name}: falls as the input rises; move the sign into the first layer's weights"
        )
    if quantizer.end == model.graph.output[0].name:
        raise LevadaError("nothing of the network is left to build but what the host does; add a layer")
    inner = [*chain.nodes, *([quantizer.subtract] if quantizer.subtract is not None else [])]
    frame = input_shape(model)
    _short_circuit(model, chain.source, chain.shapes, quantizer.end)
    remove(model, inner)
    for tensor in (name, *(shape.output[0] for shape in chain.shapes)):
        set_integer(model, tensor, quantizer.dtype.name)
    return model, HostInput(frame, quantizer.dtype, 1, table, int(quantizer.levels[0]))


def _short_circuit(model: Any, source: str, shapes: tuple[Any, ...], end: str) -> None:
    """Makes the readers of `end` read `source` through the shape operators alone."""
    tensor = source
    for node in shapes:
        node.input[dynamic_input(node, model)] = tensor
        tensor = node.output[0]
    rewire(model, end, tensor)
