"""Add: the sum of two tensors, thresholds fused or none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from levada_driver.datatype import IntArray, IntType
from levada_driver.packing import Stream

from levada import thresholds as th
from levada.errors import LevadaError
from levada.layer import (
    Bits,
    Case,
    CppInstance,
    Device,
    Folding,
    Layer,
    Match,
    Part,
    Resources,
    Schedule,
    SvInstance,
    Tensor,
    divisors,
)
from levada.onnxutil import integer_tensor, thresholds_after

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


@dataclass(frozen=True, eq=False)
class Add(Layer):
    """y = activation(a + b) for a and b of one shape [*pixels, C] and any two types.

    With `thresholds` [C, N] the result is base + step * (number of channel c's thresholds that the sum
    reaches), of `otype`; without, the sum itself, in the narrowest type. ValueError where shapes differ.
    """

    kind: ClassVar[str] = "add"
    operators: ClassVar[frozenset[str]] = frozenset({"Add"})

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

    @property
    def range(self) -> tuple[int, int]:
        """Smallest and largest sum."""
        return self.a.dtype.min + self.b.dtype.min, self.a.dtype.max + self.b.dtype.max

    @property
    def result_type(self) -> IntType:
        """`otype`, or the narrowest type that holds every sum."""
        return self.otype if self.otype is not None else IntType.covering(*self.range)

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (self.a, self.b)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        return (Tensor("y", self.a.shape, self.result_type),)

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
        layer = cls(a, b)
        activation = thresholds_after(node.output[0], model)
        if activation is None:
            return Match((node.name,), (Part(layer, tuple(node.input), (node.output[0],)),))
        table = activation.per_channel(layer.channels)
        layer = replace(layer, thresholds=table, base=activation.base, otype=activation.otype)
        part = Part(layer, tuple(node.input), (activation.node.output[0],))
        return Match((node.name, activation.node.name), (part,))

    def golden(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        sums = inputs[0] + inputs[1]
        if self.thresholds is None:
            return (sums,)
        return (th.apply(sums, self.thresholds, self.base, self.result_type.step),)

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

    @property
    def _levels(self) -> int:
        return 0 if self.thresholds is None else self.result_type.bits

    def schedule(self, folding: Folding) -> Schedule:
        every = np.ones(self.cycles(folding), np.bool_)
        latency = 2 + 2 * self._levels
        return Schedule((every, every), (every,), latency, latency + 1)

    def cycles(self, folding: Folding) -> int:
        return self.a.size // folding.pe

    @cached_property
    def _uniform(self) -> bool:
        """Whether all channels have the same thresholds: then one row serves them all."""
        return self.thresholds is None or bool(np.all(self.thresholds == self.thresholds[0]))

    @cached_property
    def _search(self) -> th.Search:
        assert self.thresholds is not None
        return th.search(self.thresholds, self.base, self.result_type, *self.range)

    def _folds(self, folding: Folding) -> int:
        """Folds whose thresholds are told apart."""
        return 1 if self._uniform else self.channels // folding.pe

    def sv(self, folding: Folding) -> SvInstance:
        params: dict[str, int | Bits] = {"PE": folding.pe, "SLOTS": self.schedule(folding).slots}
        for name, dtype in (("A", self.a.dtype), ("B", self.b.dtype)):
            params |= {
                f"{name}_BITS": dtype.bits,
                f"{name}_SIGNED": int(dtype.signed),
                f"{name}_BIPOLAR": int(dtype.bipolar),
            }
        if self.thresholds is None:
            return SvInstance("add", params | {"WIDTH": self.result_type.bits})
        search, folds = self._search, self._folds(folding)
        rows = replace(search, table=search.table[: folds * folding.pe])
        return SvInstance(
            "add",
            params
            | {
                "FOLDS": folds,
                "WIDTH": search.width,
                "LEVELS": search.levels,
                "OFFSET": search.offset,
                "THRESHOLDS": rows.lanes(folding.pe),
            },
        )

    def cpp(self, folding: Folding) -> CppInstance:
        low, high = self.range
        types = (self.a.dtype, self.b.dtype, IntType.covering(min(-1, low), high), self.result_type)
        shape = (prod(self.a.shape[:-1]), self.channels, folding.pe)
        if self.thresholds is None:
            return CppInstance("add", (*shape, *types))
        rows = 1 if self._uniform else self.channels
        kept = np.clip(self.thresholds[:rows], low, high + 1)
        width = IntType.covering(min(-1, low), high + 1)
        levels = self.thresholds.shape[1]
        return CppInstance("add", (*shape, *types, rows, levels, self.base), {"thresholds": (kept, width)})

    def weight_bits(self) -> int:
        if self.thresholds is None:
            return 0
        return (1 if self._uniform else self.channels) * int(self.thresholds.shape[1]) * self._search.width

    def resources(self, folding: Folding, device: Device) -> Resources:
        # An adder and a register a lane, the thresholds, and the output fifo with its credits.
        bits = folding.pe * self.result_type.bits
        lut, ff = 24 + -(-bits * 2 // 3), 20
        width = self.result_type.bits if self.thresholds is None else self._search.width
        lut += folding.pe * width
        ff += folding.pe * width
        if self.thresholds is not None:
            lut += th.luts(self._levels, width, self._folds(folding), folding.pe)
            ff += folding.pe * self._levels * (4 * width + 2)
        return Resources(lut=lut, ff=ff)

    @classmethod
    def strategy(cls) -> SearchStrategy[Case]:
        from .cases import cases

        return cases(cls)
