"""DWC, data width converter: the same elements, another number of them in a beat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import gcd
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from levada_driver.datatype import IntArray
from levada_driver.packing import Stream

from levada.layer import (
    Case,
    CppInstance,
    Folding,
    Layer,
    Role,
    Schedule,
    SvInstance,
    Tensor,
)
from levada.terms import Terms

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


@dataclass(frozen=True, eq=False)
class Dwc(Layer):
    """Elements of `tensor`, `taken` a beat, to `given` a beat; both divide its size."""

    kind: ClassVar[str] = "dwc"
    role: ClassVar[Role] = "adapter"

    tensor: Tensor
    taken: int
    given: int

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (self.tensor,)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        return (self.tensor,)

    def golden(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        return inputs

    def foldings(self) -> Iterator[Folding]:
        yield Folding(self.given, self.taken)

    def streams(self, folding: Folding) -> tuple[tuple[Stream, ...], tuple[Stream, ...]]:
        size, dtype = self.tensor.size, self.tensor.dtype
        return (
            (Stream(dtype, self.taken, size // self.taken),),
            (Stream(dtype, self.given, size // self.given),),
        )

    def schedule(self, folding: Folding) -> Schedule:
        # One group of lcm(taken, given) elements: take while fewer than `given` are stored, give when not.
        steps: list[tuple[bool, bool]] = []
        stored = done = 0
        while not steps or stored:
            takes = stored < self.given
            stored += self.taken if takes else 0
            gives = stored >= self.given
            stored -= self.given if gives else 0
            done += self.given if gives else 0
            steps.append((takes, gives))
        reads, writes = np.tile(np.array(steps, np.bool_).T, self.tensor.size // done)
        return Schedule((reads,), (writes,), latency=1, slots=1, release=0)

    def sv(self, folding: Folding) -> SvInstance:
        return SvInstance("dwc", {"BITS": self.tensor.dtype.bits, "IN": self.taken, "OUT": self.given})

    def cpp(self, folding: Folding) -> CppInstance:
        return CppInstance("dwc", (self.tensor.size, self.taken, self.given, self.tensor.dtype))

    def terms(self, folding: Folding) -> Terms:
        """A count of what is stored, that, and the output register.

        Where no beat is a multiple of the other, beats go to a variable place.
        """
        bits, taken, given = self.tensor.dtype.bits, self.taken, self.given
        count = (taken + given).bit_length()
        steps = Terms({"dwc_steps": 3 * count}, {"dwc_steps": count + 1, "dwc": given * bits})
        if max(taken, given) % min(taken, given) == 0:
            narrows = taken * bits if taken > given else 0
            return steps + Terms({"dwc": narrows}, {"dwc": abs(taken - given) * bits})
        places = max(taken, given) // gcd(taken, given) + 1
        stored = (taken + given) * bits
        return steps + Terms({"dwc_places": stored * places // 2}, {"dwc": stored})

    @classmethod
    def strategy(cls) -> SearchStrategy[Case]:
        from hypothesis import strategies as st

        from levada.draw import draw_type, draw_values, seeded
        from levada.layer import divisors

        @st.composite
        def cases(draw: st.DrawFn) -> Case:
            size = draw(st.integers(1, 120))
            taken, given = (draw(st.sampled_from(divisors(size))) for _ in range(2))
            layer = cls(Tensor("x", (size,), draw_type(draw, 9)), taken, given)
            frames = draw(st.integers(1, 4))
            data = draw_values(seeded(draw), layer.tensor.dtype, (frames, size))
            return Case(layer, next(layer.foldings()), (data,))

        return cases()
