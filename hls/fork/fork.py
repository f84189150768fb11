"""Fork: two copies of a stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from levada_driver.datatype import IntArray
from levada_driver.packing import Stream

from levada import memory
from levada.layer import (
    CppInstance,
    Folding,
    Layer,
    Role,
    Schedule,
    SvInstance,
    Tensor,
    divisors,
)
from levada.terms import Terms


@dataclass(frozen=True, eq=False)
class Fork(Layer):
    """`tensor` at each of two outputs; more copies are forks of forks: a module's ports are fixed.

    A beat is taken when both outputs have room for it, and each output keeps two beats of its own: one that
    is blocked lets the other go on with those. ValueError for any other number of copies than two.
    """

    kind: ClassVar[str] = "fork"
    role: ClassVar[Role] = "fork"

    tensor: Tensor
    copies: int = 2

    def __post_init__(self) -> None:
        if self.copies != 2:
            raise ValueError(f"a fork makes 2 copies, not {self.copies}; chain forks for more")

    @property
    def channels(self) -> int:
        """Elements of the last axis."""
        return self.tensor.shape[-1] if self.tensor.shape else 1

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (self.tensor,)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        return (self.tensor,) * self.copies

    def golden(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        return inputs * self.copies

    def foldings(self) -> Iterator[Folding]:
        for pe in divisors(self.channels):
            yield Folding(pe, pe)

    def folded(self) -> Mapping[str, tuple[str, int]]:
        return {"pe": ("channels", self.channels)}

    def streams(self, folding: Folding) -> tuple[tuple[Stream, ...], tuple[Stream, ...]]:
        stream = Stream(self.tensor.dtype, folding.pe, self.cycles(folding))
        return (stream,), (stream,) * self.copies

    def schedule(self, folding: Folding) -> Schedule:
        every = np.ones(self.cycles(folding), np.bool_)
        return Schedule((every,), (every,) * self.copies, latency=1, slots=2)

    def cycles(self, folding: Folding) -> int:
        return self.tensor.size // folding.pe

    def terms(self, folding: Folding) -> Terms:
        """For each output a fifo of two beats."""
        return memory.fifo(2, folding.pe * self.tensor.dtype.bits) * 2

    def sv(self, folding: Folding) -> SvInstance:
        return SvInstance("stream_fork", {"WIDTH": folding.pe * self.tensor.dtype.bits})

    def cpp(self, folding: Folding) -> CppInstance:
        return CppInstance("fork", (self.cycles(folding), folding.pe, self.tensor.dtype))
