"""ArgMax: indices of the largest channels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from levada_driver.datatype import IntArray, IntType
from levada_driver.packing import Stream

from levada import memory
from levada.layer import (
    Case,
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
from levada.onnxutil import integer_tensor, top_k_of
from levada.terms import Terms, total

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

# The chain of insertions is one stage an element of a beat: beyond this it costs more than it is worth.
MAX_PE = 16


@dataclass(frozen=True, eq=False)
class ArgMax(Layer):
    """y[..., j]: index of the j-th largest of x[..., :], ties to the lower index; j < k.

    x [*pixels, C] of `xtype`, y [*pixels, k] of the narrowest UINT that holds C - 1.
    """

    kind: ClassVar[str] = "argmax"
    operators: ClassVar[frozenset[str]] = frozenset({"TopK", "ArgMax"})
    typed: ClassVar[tuple[str, ...]] = ("xtype",)

    channels: int
    xtype: IntType
    k: int = 1
    pixels: tuple[int, ...] = ()

    @property
    def index_type(self) -> IntType:
        """Type of an index."""
        return IntType.covering(0, self.channels - 1)

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (Tensor("x", (*self.pixels, self.channels), self.xtype),)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        return (Tensor("y", (*self.pixels, self.k), self.index_type),)

    @classmethod
    def match(cls, node: Any, model: Any) -> Match | None:  # noqa: ANN401
        found = top_k_of(node, model)
        if found is None:
            return None
        x = integer_tensor(node.input[0], model)
        layer = cls(x.shape[-1], x.dtype, found.k, x.shape[:-1])
        return Match((node.name,), (Part(layer, (node.input[0],), (found.output,)),))

    def golden(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        # A stable ascending sort of the negated values keeps the lower index first among equals.
        return (np.argsort(-inputs[0], axis=-1, kind="stable")[..., : self.k],)

    def foldings(self) -> Iterator[Folding]:
        for pe in divisors(self.channels):
            if pe <= MAX_PE:
                yield Folding(pe, pe)

    def folded(self) -> Mapping[str, tuple[str, int]]:
        return {"pe": ("channels", self.channels)}

    def streams(self, folding: Folding) -> tuple[tuple[Stream, ...], tuple[Stream, ...]]:
        vectors = prod(self.pixels)
        return (
            (Stream(self.xtype, folding.pe, vectors * self.channels // folding.pe),),
            (Stream(self.index_type, self.k, vectors),),
        )

    def schedule(self, folding: Folding) -> Schedule:
        beats = self.channels // folding.pe
        step = np.arange(prod(self.pixels) * beats)
        # One stage an element of the beat, the merge, the output fifo.
        latency = folding.pe + 1 + 1
        slots = max(2, -(-(latency + 1) // beats))
        return Schedule((step >= 0,), (step % beats == beats - 1,), latency, slots)

    def sv(self, folding: Folding) -> SvInstance:
        return SvInstance(
            "argmax",
            {
                "CHANNELS": self.channels,
                "PE": folding.pe,
                "K": self.k,
                "X_BITS": self.xtype.bits,
                "X_SIGNED": int(self.xtype.signed and not self.xtype.bipolar),
                "INDEX_BITS": self.index_type.bits,
                "SLOTS": self.schedule(folding).slots,
            },
        )

    def cpp(self, folding: Folding) -> CppInstance:
        shape = (prod(self.pixels), self.channels, folding.pe, self.k)
        return CppInstance("argmax", (*shape, self.xtype, self.index_type))

    def terms(self, folding: Folding) -> Terms:
        """A stage a lane that inserts an element into a sorted list, and the one that merges lists."""
        entry = self.xtype.bits + 1 + self.index_type.bits
        stage = self.k * entry + folding.pe * self.xtype.bits
        insert = folding.pe * self.k * (self.xtype.bits // 2 + entry)
        merge = self.k * self.k * (self.xtype.bits // 2 + 1 + entry // 2)
        beats, slots = self.channels // folding.pe, self.schedule(folding).slots
        lists = Terms({"argmax_insert": insert, "argmax_merge": merge}, {"argmax_lists": self.k * entry})
        pipeline = Terms(ff={"argmax_lists": folding.pe * stage, "valid": 3 * folding.pe})
        return total(
            (
                lists + pipeline,
                memory.counters(beats, self.channels),
                memory.credit_fifo(slots, self.k * self.index_type.bits),
            )
        )

    @classmethod
    def strategy(cls) -> SearchStrategy[Case]:
        from hypothesis import strategies as st

        from levada.draw import draw_folding, draw_type, draw_values, seeded

        @st.composite
        def cases(draw: st.DrawFn) -> Case:
            channels = draw(st.integers(1, 24))
            k = draw(st.integers(1, min(4, channels)))
            pixels = draw(st.sampled_from([(), (3,), (2, 2)]))
            # Narrow types make ties common.
            layer = cls(channels, draw_type(draw, draw(st.sampled_from([2, 8, 13]))), k, pixels)
            folding = draw_folding(draw, layer)
            x = draw_values(seeded(draw), layer.xtype, (draw(st.integers(1, 4)), *pixels, channels))
            return Case(layer, folding, (x,))

        return cases()
