"""Lookup: any function of small integers, as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any, ClassVar

import numpy as np
from levada_driver.datatype import IntArray, IntType
from levada_driver.packing import Stream, pack

from levada import memory
from levada.errors import LevadaError
from levada.layer import (
    CppInstance,
    Folding,
    Layer,
    Match,
    Part,
    Rom,
    Schedule,
    SvInstance,
    Tensor,
    divisors,
)
from levada.onnxutil import attribute, integer_tensor
from levada.precision import Precision, moved, resized
from levada.terms import Terms, total

#: The most entries of a channel's table.
MAX_ENTRIES = 1 << 12
# Table, output fifo; and a slot more, so that no step waits for room.
_LATENCY, _SLOTS = 2, 3


@dataclass(frozen=True, eq=False)
class Lookup(Layer):
    """y[..., c] = table[c, x[..., c] - first], table [1 or C, N] of `otype`, x [*pixels, C] of `xtype`.

    Up to MAX_ENTRIES columns. Elements lie within them; for others the result is an entry of the table, but
    which one depends on the low bits of the element alone, as the hardware looks at no others. ValueError for
    a table of another shape.
    """

    kind: ClassVar[str] = "lookup"
    operators: ClassVar[frozenset[str]] = frozenset({"Lookup"})

    table: IntArray
    first: int
    channels: int
    xtype: IntType
    otype: IntType
    pixels: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        rows, entries = self.table.shape
        if rows not in (1, self.channels) or not 0 < entries <= MAX_ENTRIES:
            raise ValueError(f"no table of {self.channels} channels has shape {self.table.shape}")

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (Tensor("x", (*self.pixels, self.channels), self.xtype),)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        return (Tensor("y", (*self.pixels, self.channels), self.otype),)

    @classmethod
    def match(cls, node: Any, model: Any) -> Match | None:  # noqa: ANN401
        table = np.rint(model.get_initializer(node.input[1])).astype(np.int64)
        x = integer_tensor(node.input[0], model)
        otype = IntType.parse(attribute(node, "out_dtype", ""))
        if not otype.holds(table):
            raise LevadaError(f"{node.name}: the table of Lookup has values beyond {otype.name}")
        if table.shape[1] > MAX_ENTRIES:
            raise LevadaError(
                f"{node.name}: Lookup in {table.shape[1]} entries, {MAX_ENTRIES} are the most; quantize to "
                "fewer bits before it"
            )
        first = attribute(node, "first", 0)
        layer = cls(table, first, x.shape[-1], x.dtype, otype, x.shape[:-1])
        return Match((node.name,), (Part(layer, (node.input[0],), (node.output[0],)),))

    @cached_property
    def rows(self) -> IntArray:
        """The table [1 or C, 2^A] by the low A bits of an element's code; one row where all are alike."""
        table = self.table[:1] if bool(np.all(self.table == self.table[0])) else self.table
        entries = table.shape[1]
        bits = max(1, min(self.xtype.bits, (entries - 1).bit_length()))
        codes = np.arange(1 << bits)
        if bits == self.xtype.bits:
            columns = self.xtype.decode(codes.astype(np.uint64)) - self.first
        else:
            columns = (codes - self.first) % (1 << bits)
        return table[:, np.clip(columns, 0, entries - 1)]

    def golden(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        codes = self.xtype.encode(inputs[0]).astype(np.int64) % self.rows.shape[1]
        return (self.rows[np.arange(self.channels) % len(self.rows), codes],)

    def foldings(self) -> Iterator[Folding]:
        for pe in divisors(self.channels):
            for place in memory.places(self._depth(pe)):
                yield Folding(pe, pe, memory=place)

    def folded(self) -> Mapping[str, tuple[str, int]]:
        return {"pe": ("channels", self.channels)}

    def _folds(self, pe: int) -> int:
        """Folds whose channels are told apart."""
        return 1 if len(self.rows) == 1 else self.channels // pe

    def _depth(self, pe: int) -> int:
        """Entries of a lane's memory."""
        return self._folds(pe) * int(self.rows.shape[1])

    def streams(self, folding: Folding) -> tuple[tuple[Stream, ...], tuple[Stream, ...]]:
        x, y = (
            Stream(tensor.dtype, folding.pe, self.cycles(folding)) for tensor in (*self.inputs, *self.outputs)
        )
        return (x,), (y,)

    def schedule(self, folding: Folding) -> Schedule:
        every = np.ones(self.cycles(folding), np.bool_)
        return Schedule((every,), (every,), latency=_LATENCY, slots=_SLOTS)

    def cycles(self, folding: Folding) -> int:
        return prod(self.pixels) * self.channels // folding.pe

    def weight_bits(self) -> int:
        return int(self.rows.size) * self.otype.bits

    @property
    def precision(self) -> Precision:
        return Precision(activation=self.otype.bits)

    def requantized(self, inputs: tuple[IntType, ...], precision: Precision) -> Layer:
        xtype, otype = inputs[0], resized(self.otype, precision.activation or self.otype.bits)
        if (xtype, otype) == (self.xtype, self.otype):
            return self
        entries = xtype.max - xtype.min + 1
        if entries > MAX_ENTRIES:
            raise LevadaError(
                f"a table of {entries} entries for {xtype.name}, {MAX_ENTRIES} are the most; use fewer bits"
            )
        columns = moved(np.arange(xtype.min, xtype.max + 1), xtype, self.xtype) - self.first
        table = self.table[:, np.clip(columns, 0, self.table.shape[1] - 1)]
        return replace(self, table=moved(table, self.otype, otype), first=xtype.min, xtype=xtype, otype=otype)

    def terms(self, folding: Folding) -> Terms:
        """Each lane has its memory.

        Where lanes differ they read rows of all lanes' entries, and synthesis drops what a lane does not use:
        to the bit in LUTs, to a block's words of 36 bits in block RAM.
        """
        pe, bits = folding.pe, self.otype.bits
        wide = bits if len(self.rows) == 1 or folding.memory == "lut" else max(bits, min(36, pe * bits))
        lanes = memory.rom(folding.memory, self._depth(pe), wide) * pe
        steps = memory.counters(self._folds(pe)) + Terms(ff={"valid": 1})
        return total((lanes, steps, memory.credit_fifo(_SLOTS, pe * bits)))

    def sv(self, folding: Folding) -> SvInstance:
        pe = folding.pe
        lanes = 1 if len(self.rows) == 1 else pe
        depth = self._depth(pe)
        # [fold, lane, code] to [fold and code, lane].
        entries = self.rows.reshape(-1, lanes, self.rows.shape[1]).transpose(0, 2, 1)
        stream = Stream(self.otype, lanes, depth)
        words = pack(entries.reshape(1, -1), stream).reshape(depth, -1)
        return SvInstance(
            "lookup",
            {
                "PE": pe,
                "FOLDS": self._folds(pe),
                "LANES": lanes,
                "X_BITS": self.xtype.bits,
                "A_BITS": int(self.rows.shape[1]).bit_length() - 1,
                "O_BITS": self.otype.bits,
                "BLOCK": int(folding.memory == "block"),
                "SLOTS": _SLOTS,
                "TABLE": Rom(tuple(int.from_bytes(w.tobytes(), "little") for w in words), stream.bits),
            },
        )

    def cpp(self, folding: Folding) -> CppInstance:
        shape = (prod(self.pixels), self.channels, folding.pe, *self.rows.shape)
        return CppInstance("lookup", (*shape, self.xtype, self.otype), {"table": (self.rows, self.otype)})
