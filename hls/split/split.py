"""Split: one tensor cut in two along one axis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from levada_driver.datatype import IntArray
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
class Split(Layer):
    """The first `count` elements of `axis` of a frame at one output, the others at the other.

    Along the channels the stream changes between the outputs at every pixel; along the rows it is the upper
    part as a whole, then the lower. ValueError unless both outputs get something.
    """

    kind: ClassVar[str] = "split"
    operators: ClassVar[frozenset[str]] = frozenset({"Split"})

    tensor: Tensor
    axis: int
    count: int

    def __post_init__(self) -> None:
        if not 0 < self.count < self.tensor.shape[self.axis]:
            raise ValueError(f"cannot cut {self.count} of {self.tensor.shape[self.axis]} elements off")

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (self.tensor,)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        sizes = (self.count, self.tensor.shape[self.axis] - self.count)
        return tuple(
            Tensor(name, self._shape(size), self.tensor.dtype)
            for name, size in zip(("first", "rest"), sizes, strict=True)
        )

    def _shape(self, size: int) -> tuple[int, ...]:
        shape = list(self.tensor.shape)
        shape[self.axis] = size
        return tuple(shape)

    @property
    def most_pe(self) -> int:
        """Elements of the largest beat that goes to one output alone; PE divides it."""
        return common_beat(self.tensor.shape, self.axis, self.count)

    @classmethod
    def match(cls, node: Any, model: Any) -> Match | None:  # noqa: ANN401
        for name in node.output:
            if not model.find_consumers(name) and name not in {info.name for info in model.graph.output}:
                raise LevadaError(f"{node.name}: nothing reads {name or 'an output'}; cut with Slice instead")
        left = integer_tensor(node.input[0], model)
        axis = frame_axis(node, attribute(node, "axis", 0), node.input[0], model)
        source, parts = node.input[0], list[Part]()
        for place, name in enumerate(node.output[:-1]):
            layer = cls(left, axis, integer_tensor(name, model).shape[axis])
            last = place == len(node.output) - 2
            rest = node.output[-1] if last else f"{node.name} behind {place + 1}"
            parts.append(Part(layer, (source,), (name, rest)))
            source, left = rest, layer.outputs[1]
        return Match((node.name,), tuple(parts)) if parts else None

    def golden(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        first, rest = np.split(inputs[0], [self.count], axis=self.axis + 1)
        return first, rest

    def foldings(self) -> Iterator[Folding]:
        for pe in divisors(self.most_pe):
            yield Folding(pe, pe)

    def folded(self) -> Mapping[str, tuple[str, int]]:
        return {"pe": ("the channels of each output", self.most_pe)}

    def _runs(self, folding: Folding) -> tuple[int, int, int]:
        """How many runs, and beats to either output in one."""
        first, rest = (run_length(tensor.shape, self.axis) for tensor in self.outputs)
        return self.tensor.size // (first + rest), first // folding.pe, rest // folding.pe

    def streams(self, folding: Folding) -> tuple[tuple[Stream, ...], tuple[Stream, ...]]:
        x, first, rest = (
            Stream(tensor.dtype, folding.pe, tensor.size // folding.pe)
            for tensor in (*self.inputs, *self.outputs)
        )
        return (x,), (first, rest)

    def schedule(self, folding: Folding) -> Schedule:
        runs, first, rest = self._runs(folding)
        second: BoolArray = np.tile(np.arange(first + rest) >= first, runs)
        return Schedule((np.ones(len(second), np.bool_),), (~second, second), latency=1, slots=2)

    def cycles(self, folding: Folding) -> int:
        return self.tensor.size // folding.pe

    def terms(self, folding: Folding) -> Terms:
        """A counter of beats, and for each output a fifo of two beats."""
        bits = folding.pe * self.tensor.dtype.bits
        _, first, rest = self._runs(folding)
        switch = Terms({"switch": 4}, {"switch": 1})
        return switch + memory.counters(max(first, rest)) + memory.fifo(2, bits) * 2

    def sv(self, folding: Folding) -> SvInstance:
        _, first, rest = self._runs(folding)
        width = folding.pe * self.tensor.dtype.bits
        return SvInstance("split", {"WIDTH": width, "FIRST_BEATS": first, "REST_BEATS": rest})

    def cpp(self, folding: Folding) -> CppInstance:
        return CppInstance("split", (*self._runs(folding), folding.pe, self.tensor.dtype))
