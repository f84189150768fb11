"""Add: the sum of two tensors, thresholds fused or none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any, ClassVar

import numpy as np
from levada_driver.datatype import IntArray, IntType
from levada_driver.packing import Stream

from levada import thresholds as th
from levada.errors import LevadaError
from levada.layer import (
    Bits,
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
from levada.onnxutil import ending_of, integer_tensor
from levada.precision import Precision, respaced
from levada.terms import Terms, both


@dataclass(frozen=True, eq=False)
class Add(Layer):
    """y = activation(a + b) for a and b of one shape [*pixels, C] and any two types.

    With `thresholds` [C, N] the result is base + step * (number of channel c's thresholds that the sum
    reaches), of `otype`; without, the sum itself, in the narrowest type. ValueError where shapes differ.
    """

    kind: ClassVar[str] = "add"
    operators: ClassVar[frozenset[str]] = frozenset({"Add"})
    typed: ClassVar[tuple[str, ...]] = ("a", "b")

    a: Tensor
    b: Tensor
    thresholds: IntArray | None = None
    base: int = 0
    otype: IntType | None = None

    def __post_init__(self) -> None:
        if self.a.shape != self.b.shape:
            raise ValueError(f"shapes {self.a.shape} and {self.b.shape} differ")

    @property
    def channels(self) -> int:
        """Elements of the last axis."""
        return self.a.shape[-1]

    @cached_property
    def sums(self) -> th.Fused:
        """The range of the sums, and what becomes of them."""
        low, high = self.a.dtype.min + self.b.dtype.min, self.a.dtype.max + self.b.dtype.max
        return th.Fused(low, high, self.thresholds, self.base, self.otype)

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (self.a, self.b)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        return (Tensor("y", self.a.shape, self.sums.result_type),)

    @classmethod
    def match(cls, node: Any, model: Any) -> Match | None:  # noqa: ANN401
        if any(model.get_initializer(name) is not None for name in node.input):
            return None
        a, b = (integer_tensor(name, model) for name in node.input)
        if a.shape != b.shape:
            raise LevadaError(
                f"{node.name}: Add of shapes {list(a.shape)} and {list(b.shape)} (channels last); both must "
                "have one shape: expand the smaller one"
            )
        ending = ending_of(node, model, a.shape[-1])
        layer = cls(a, b, *ending.thresholds)
        return Match(ending.nodes, (Part(layer, tuple(node.input), (ending.output,)),))

    def golden(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        return (self.sums.apply(inputs[0] + inputs[1]),)

    def foldings(self) -> Iterator[Folding]:
        for pe in divisors(self.channels):
            table = self.thresholds is not None and pe < self.channels
            yield Folding(pe, pe, memory="lut" if table else "none")

    def folded(self) -> Mapping[str, tuple[str, int]]:
        return {"pe": ("channels", self.channels)}

    def streams(self, folding: Folding) -> tuple[tuple[Stream, ...], tuple[Stream, ...]]:
        a, b, y = (
            Stream(tensor.dtype, folding.pe, self.cycles(folding)) for tensor in (*self.inputs, *self.outputs)
        )
        return (a, b), (y,)

    def schedule(self, folding: Folding) -> Schedule:
        every = np.ones(self.cycles(folding), np.bool_)
        latency = 2 + 2 * self.sums.levels
        return Schedule((every, every), (every,), latency, latency + 1)

    def cycles(self, folding: Folding) -> int:
        return self.a.size // folding.pe

    def _folds(self, folding: Folding) -> int:
        """Folds whose thresholds are told apart."""
        return 1 if self.sums.uniform else self.channels // folding.pe

    def sv(self, folding: Folding) -> SvInstance:
        params: dict[str, int | Bits] = {"PE": folding.pe, "SLOTS": self.schedule(folding).slots}
        for name, dtype in (("A", self.a.dtype), ("B", self.b.dtype)):
            params |= {
                f"{name}_BITS": dtype.bits,
                f"{name}_SIGNED": int(dtype.signed),
                f"{name}_BIPOLAR": int(dtype.bipolar),
            }
        folds = self._folds(folding)
        params |= {"FOLDS": folds, "WIDTH": self.sums.width}
        return SvInstance("add", params | self.sums.params(folds * folding.pe, folding.pe))

    def cpp(self, folding: Folding) -> CppInstance:
        types = (self.a.dtype, self.b.dtype, self.sums.cpp_type, self.sums.result_type)
        shape = (prod(self.a.shape[:-1]), self.channels, folding.pe)
        activation, table = self.sums.cpp()
        return CppInstance("add", (*shape, *types, *activation), table)

    def weight_bits(self) -> int:
        return self.sums.bits

    @property
    def precision(self) -> Precision:
        return Precision(activation=self.otype.bits if self.otype is not None else None)

    def requantized(self, inputs: tuple[IntType, ...], precision: Precision) -> Layer:
        plain = super().requantized(inputs, precision)
        assert isinstance(plain, Add)
        before, after = ((sums.low, sums.high) for sums in (self.sums, plain.sums))
        own = self.thresholds, self.base, self.otype
        return replace(plain, **respaced(*own, before, after, precision.activation))

    def terms(self, folding: Folding) -> Terms:
        """An adder and a register a lane, the thresholds, and the output fifo with its credits."""
        sums, bits = self.sums, folding.pe * self.sums.width
        search = sums.search if sums.levels else None
        slots, result = self.schedule(folding).slots, sums.result_type.bits
        activation = th.activation(search, self._folds(folding), folding.pe, slots, result)
        return both(sums=bits) + activation + Terms(ff={"valid": 1})
