"""Mul: a tensor times constant integers, thresholds fused or none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any, ClassVar

import numpy as np
from levada_driver.datatype import IntArray, IntType
from levada_driver.packing import Stream

from levada import memory
from levada import thresholds as th
from levada.dotproduct import DotProducts, SvParam
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
from levada.onnxutil import channels_last, ending_of, integer_tensor, narrowest
from levada.precision import Precision, respaced
from levada.terms import Terms, both, total


@dataclass(frozen=True, eq=False)
class Mul(Layer):
    """y[..., c] = activation(factors[c] * x[..., c]).

    factors [C], x [*pixels, C] of `xtype`. With `thresholds` [C, N] the result is base + step * (number of
    channel c's thresholds that the product reaches), of `otype`; without, the product, in the narrowest
    type. A product is a dot product of one term: the hardware is that of MVAU's lanes.
    """

    kind: ClassVar[str] = "mul"
    operators: ClassVar[frozenset[str]] = frozenset({"Mul"})

    factors: IntArray
    xtype: IntType
    pixels: tuple[int, ...] = ()
    thresholds: IntArray | None = None
    base: int = 0
    otype: IntType | None = None

    @property
    def channels(self) -> int:
        """Factors: elements of the last axis."""
        return int(self.factors.shape[0])

    @property
    def ftype(self) -> IntType:
        """Type of the factors."""
        return narrowest(self.factors)

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (Tensor("x", (*self.pixels, self.channels), self.xtype),)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        return (Tensor("y", (*self.pixels, self.channels), self.result_type),)

    @property
    def range(self) -> tuple[int, int]:
        """Smallest and largest product."""
        low, high = self._all.row_range
        return int(low.min()), int(high.max())

    @property
    def result_type(self) -> IntType:
        """`otype`, or the narrowest type that holds every product."""
        return self.otype if self.otype is not None else IntType.covering(*self.range)

    @classmethod
    def match(cls, node: Any, model: Any) -> Match | None:  # noqa: ANN401
        values = [model.get_initializer(name) for name in node.input]
        if (values[0] is None) == (values[1] is None):
            return None
        constant, source = (values[0], node.input[1]) if values[1] is None else (values[1], node.input[0])
        x = integer_tensor(source, model)
        factors = _per_channel(node, constant, x.shape[-1], channels_last(source, model))
        ending = ending_of(node, model, len(factors))
        layer = cls(factors, x.dtype, x.shape[:-1], *ending.thresholds)
        return Match(ending.nodes, (Part(layer, (source,), (ending.output,)),))

    def golden(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        return (self._all.activate(inputs[0] * self.factors),)

    def foldings(self) -> Iterator[Folding]:
        for pe in divisors(self.channels):
            yield Folding(pe, pe, memory="lut" if self._folds(pe) > 1 else "constant")

    def folded(self) -> Mapping[str, tuple[str, int]]:
        return {"pe": ("channels", self.channels)}

    def streams(self, folding: Folding) -> tuple[tuple[Stream, ...], tuple[Stream, ...]]:
        x, y = (
            Stream(tensor.dtype, folding.pe, self.cycles(folding)) for tensor in (*self.inputs, *self.outputs)
        )
        return (x,), (y,)

    def schedule(self, folding: Folding) -> Schedule:
        every = np.ones(self.cycles(folding), np.bool_)
        latency = self._all.latency(1)
        return Schedule((every,), (every,), latency, latency + 1)

    def cycles(self, folding: Folding) -> int:
        return prod(self.pixels) * self.channels // folding.pe

    @cached_property
    def _uniform(self) -> bool:
        """Whether all channels are alike: then one row serves them all."""
        alike = self.thresholds is None or np.all(self.thresholds == self.thresholds[0])
        return bool(np.all(self.factors == self.factors[0]) and alike)

    def _folds(self, pe: int) -> int:
        """Folds whose channels are told apart."""
        return 1 if self._uniform else self.channels // pe

    @cached_property
    def _all(self) -> DotProducts:
        return self._rows(self.channels)

    def _rows(self, count: int) -> DotProducts:
        """The first channels, as dot products of one term."""
        weights = self.factors[:count, None]
        table = None if self.thresholds is None else self.thresholds[:count]
        return DotProducts(weights, self.ftype, self.xtype, table, self.base, self.otype)

    def sv(self, folding: Folding) -> SvInstance:
        folds = self._folds(folding.pe)
        rows = self._rows(folds * folding.pe)
        factors = rows.weights[:, 0]
        if rows.wtype.bipolar:
            factors = np.minimum(-factors, 0)  # +1 is the code 1, which one bit of two's complement calls -1
        params: dict[str, SvParam] = {
            "PE": folding.pe,
            "FOLDS": folds,
            "SLOTS": self.schedule(folding).slots,
            "FACTORS": Bits(factors, rows.wtype.bits),
        }
        return SvInstance("mul", params | rows.params(folding.pe))

    def cpp(self, folding: Folding) -> CppInstance:
        rows = self._rows(1 if self._uniform else self.channels)
        factor_type, x_type, _, y_type = rows.cpp_types()
        low, high = self.range
        types = (factor_type, x_type, IntType.covering(min(-1, low), high), y_type)
        activation, table = rows.cpp_activation()
        shape = (prod(self.pixels), self.channels, folding.pe, len(rows.weights))
        factors = {"factors": (rows.weights[:, 0], factor_type)}
        return CppInstance("mul", (*shape, *types, *activation), factors | table)

    def weight_bits(self) -> int:
        return (1 if self._uniform else self.channels) * self.ftype.bits

    @property
    def precision(self) -> Precision:
        return Precision(activation=self.otype.bits if self.otype is not None else None)

    def requantized(self, inputs: tuple[IntType, ...], precision: Precision) -> Layer:
        products = replace(self, xtype=inputs[0])
        own = self.thresholds, self.base, self.otype
        return replace(products, **respaced(*own, self.range, products.range, precision.activation))

    def terms(self, folding: Folding) -> Terms:
        """Lanes, thresholds, and the output fifo with its credits."""
        pe, folds, rows = folding.pe, self._folds(folding.pe), self._all
        bits, slots = pe * rows.sum_bits, self.schedule(folding).slots
        search = rows.search if rows.levels else None
        return total(
            (
                self._constant_lanes(pe) if folds == 1 else self._variable_lanes(folds, pe),
                both(sums=bits) + Terms(ff={"operands": pe * self.xtype.bits, "valid": 3}),
                memory.counters(folds, folds),
                th.activation(search, folds, pe, slots, self.result_type.bits),
            )
        )

    def _constant_lanes(self, pe: int) -> Terms:
        """Lanes with one factor each: an adder for each bit that is set but the first."""
        ones = sum(max(0, abs(int(factor)).bit_count() - 1) for factor in self.factors[:pe])
        return both(factors=ones * (self.xtype.bits + 1))

    def _variable_lanes(self, folds: int, pe: int) -> Terms:
        """Lanes with `folds` factors each: a small memory and a multiplier."""
        return (memory.rom("lut", folds, self.ftype.bits) + self._all.lane_terms(1)) * pe


def _per_channel(node: Any, constant: Any, channels: int, last: bool) -> IntArray:  # noqa: ANN401
    """The factors of `channels` channels that a constant of a Mul stands for."""
    factors = np.rint(constant).astype(np.int64)
    if not np.array_equal(factors, constant):
        raise LevadaError(
            f"{node.name}: Mul by {constant.reshape(-1)[0]}; only integers can be multiplied with"
        )
    axis = -1 if last or factors.ndim < 2 else 1
    if factors.size > 1 and factors.shape[axis] != factors.size:
        raise LevadaError(
            f"{node.name}: Mul by constants of shape {list(factors.shape)}; give one, or one for each channel"
        )
    return np.broadcast_to(factors.reshape(-1), channels).copy()
