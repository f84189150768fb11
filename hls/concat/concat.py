"""Concat: two tensors side by side along one axis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from levada_driver.datatype import IntArray, IntType
from levada_driver.packing import Stream

from levada import memory
from levada.axes import common_beat, frame_axis, run_length
from levada.errors import LevadaError
from levada.layer import (
    BoolArray,
    CppInstance,
    Folding,
    Layer,
    Match,
    Part,
    Schedule,
    SvInstance,
    Tensor,
    divisors,
)
from levada.onnxutil import attribute, integer_tensor
from levada.terms import Terms


@dataclass(frozen=True, eq=False)
class Concat(Layer):
    """The elements of `a`, then those of `b`, along `axis` of a frame; other axes are alike.

    The result has the type of both, or the narrowest that holds the values of both. Along the channels the
    stream changes between the inputs at every pixel; along the rows it is `a` as a whole, then `b`.
    """

    kind: ClassVar[str] = "concat"
    operators: ClassVar[frozenset[str]] = frozenset({"Concat"})
    typed: ClassVar[tuple[str, ...]] = ("a", "b")

    a: Tensor
    b: Tensor
    axis: int

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (self.a, self.b)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        return (Tensor("y", self.shape, self.otype),)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the result."""
        shape = list(self.a.shape)
        shape[self.axis] += self.b.shape[self.axis]
        return tuple(shape)

    @property
    def otype(self) -> IntType:
        """Type of the result."""
        a, b = self.a.dtype, self.b.dtype
        return a if a == b else IntType.covering(min(a.min, b.min), max(a.max, b.max))

    @property
    def most_pe(self) -> int:
        """Elements of the largest beat that belongs to one input alone; PE divides it."""
        return common_beat(self.a.shape, self.axis, self.a.shape[self.axis], self.b.shape[self.axis])

    @classmethod
    def match(cls, node: Any, model: Any) -> Match | None:  # noqa: ANN401
        constants = [name for name in node.input if model.get_initializer(name) is not None]
        if constants:
            raise LevadaError(
                f"{node.name}: Concat with the constant {constants[0]}; only tensors that layers make can be "
                "joined"
            )
        axis = frame_axis(node, attribute(node, "axis", 1), node.input[0], model)
        layer, last, parts = None, node.input[0], list[Part]()
        for place, name in enumerate(node.input[1:], 1):
            first = layer.outputs[0] if layer is not None else integer_tensor(last, model)
            layer = cls(first, integer_tensor(name, model), axis)
            end = node.output[0] if place == len(node.input) - 1 else f"{node.name} of {place + 1}"
            parts.append(Part(layer, (last, name), (end,)))
            last = end
        return Match((node.name,), tuple(parts)) if parts else None

    def golden(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        return (np.concatenate(inputs, axis=self.axis + 1),)

    def foldings(self) -> Iterator[Folding]:
        for pe in divisors(self.most_pe):
            yield Folding(pe, pe)

    def folded(self) -> Mapping[str, tuple[str, int]]:
        return {"pe": ("the channels of each input", self.most_pe)}

    def _runs(self, folding: Folding) -> tuple[int, int, int]:
        """How many runs, and beats of either input in one."""
        a, b = (run_length(tensor.shape, self.axis) for tensor in self.inputs)
        return self.a.size // a, a // folding.pe, b // folding.pe

    def streams(self, folding: Folding) -> tuple[tuple[Stream, ...], tuple[Stream, ...]]:
        a, b, y = (
            Stream(tensor.dtype, folding.pe, tensor.size // folding.pe)
            for tensor in (*self.inputs, *self.outputs)
        )
        return (a, b), (y,)

    def schedule(self, folding: Folding) -> Schedule:
        runs, a, b = self._runs(folding)
        second: BoolArray = np.tile(np.arange(a + b) >= a, runs)
        return Schedule((~second, second), (np.ones(len(second), np.bool_),), latency=1, slots=2)

    def cycles(self, folding: Folding) -> int:
        return (self.a.size + self.b.size) // folding.pe

    def terms(self, folding: Folding) -> Terms:
        """A counter of beats, a multiplexer and a fifo; what is extended is so within the multiplexer."""
        bits = folding.pe * self.otype.bits
        _, a, b = self._runs(folding)
        switch = Terms({"switch": 4, "mux": bits}, {"switch": 1})
        return switch + memory.counters(max(a, b)) + memory.fifo(2, bits)

    def sv(self, folding: Folding) -> SvInstance:
        _, a, b = self._runs(folding)
        codings: dict[str, int] = {}
        for name, dtype in (("A", self.a.dtype), ("B", self.b.dtype)):
            same = dtype == self.otype  # then the codes are those of the result
            codings |= {
                f"{name}_BITS": dtype.bits,
                f"{name}_SIGNED": int(dtype.signed and not same),
                f"{name}_BIPOLAR": int(dtype.bipolar and not same),
            }
        return SvInstance(
            "concat", {"PE": folding.pe, "A_BEATS": a, "B_BEATS": b, **codings, "O_BITS": self.otype.bits}
        )

    def cpp(self, folding: Folding) -> CppInstance:
        types = (self.a.dtype, self.b.dtype, self.otype)
        return CppInstance("concat", (*self._runs(folding), folding.pe, *types))
