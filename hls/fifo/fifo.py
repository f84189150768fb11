"""FIFO: keeps beats until the next layer takes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from levada_driver.datatype import IntArray
from levada_driver.packing import Stream

from levada import memory
from levada.layer import (
    Case,
    CppInstance,
    Folding,
    Layer,
    Memory,
    Role,
    Schedule,
    SvInstance,
    Tensor,
)
from levada.terms import Terms

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

# Beats up to which LUT memory (32 deep in a LUT6) is the cheaper place; above, an 18 Kbit block is.
LUT_DEPTH = 256


@dataclass(frozen=True, eq=False)
class Fifo(Layer):
    """Up to `depth` beats of `elements` elements of `tensor`, in order."""

    kind: ClassVar[str] = "fifo"
    role: ClassVar[Role] = "buffer"

    tensor: Tensor
    elements: int
    depth: int

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (self.tensor,)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        return (self.tensor,)

    def golden(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        return inputs

    def foldings(self) -> Iterator[Folding]:
        place: Memory = "block" if self.depth > LUT_DEPTH else "lut"
        yield Folding(self.elements, self.elements, memory=place)

    def streams(self, folding: Folding) -> tuple[tuple[Stream, ...], tuple[Stream, ...]]:
        stream = Stream(self.tensor.dtype, self.elements, self.tensor.size // self.elements)
        return (stream,), (stream,)

    def schedule(self, folding: Folding) -> Schedule:
        every = np.ones(self.tensor.size // self.elements, np.bool_)
        return Schedule((every,), (every,), latency=1, slots=self.depth)

    def sv(self, folding: Folding) -> SvInstance:
        bits = self.elements * self.tensor.dtype.bits
        block = int(folding.memory == "block")
        return SvInstance("fifo", {"WIDTH": bits, "DEPTH": self.depth, "BLOCK": block})

    def cpp(self, folding: Folding) -> CppInstance:
        beats = self.tensor.size // self.elements
        return CppInstance("fifo", (beats, self.elements, self.depth, self.tensor.dtype))

    def terms(self, folding: Folding) -> Terms:
        bits = self.elements * self.tensor.dtype.bits
        make = memory.block_fifo if folding.memory == "block" else memory.fifo
        return make(self.depth, bits)

    @classmethod
    def strategy(cls) -> SearchStrategy[Case]:
        from hypothesis import strategies as st

        from levada.draw import draw_type, draw_values, seeded

        @st.composite
        def cases(draw: st.DrawFn) -> Case:
            elements, beats = draw(st.integers(1, 5)), draw(st.integers(1, 20))
            tensor = Tensor("x", (beats * elements,), draw_type(draw, 9))
            layer = cls(tensor, elements, draw(st.sampled_from([2, 3, 7, 32, LUT_DEPTH + 1])))
            frames = draw(st.integers(1, 4))
            data = draw_values(seeded(draw), tensor.dtype, (frames, *tensor.shape))
            return Case(layer, next(layer.foldings()), (data,))

        return cases()
