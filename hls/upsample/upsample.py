"""Upsample: every pixel of an image repeated, nearest neighbour by integers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from levada_driver.datatype import IntArray
from levada_driver.packing import Stream

from levada import memory
from levada.layer import (
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
from levada.onnxutil import integer_tensor
from levada.terms import Terms, total

from .nearest import factors

# Memory, output fifo; and a slot more, so that no step waits for room.
_LATENCY, _SLOTS = 2, 3


@dataclass(frozen=True, eq=False)
class Upsample(Layer):
    """y[i, j, c] = x[i // rows, j // columns, c] for an image `tensor` [H, W, C].

    A row is read while it is written for the first time, and repeated from a memory of one row (of one
    pixel where only columns are repeated). ValueError for factors below 1 or other than three axes.
    """

    kind: ClassVar[str] = "upsample"
    operators: ClassVar[frozenset[str]] = frozenset({"Resize", "Upsample"})

    tensor: Tensor
    rows: int
    columns: int

    def __post_init__(self) -> None:
        if min(self.rows, self.columns) < 1 or len(self.tensor.shape) != 3:
            raise ValueError(f"cannot repeat {self.tensor.shape} {self.rows} x {self.columns} times")

    @property
    def channels(self) -> int:
        """Elements of a pixel."""
        return self.tensor.shape[-1]

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (self.tensor,)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        height, width, channels = self.tensor.shape
        shape = (height * self.rows, width * self.columns, channels)
        return (Tensor("y", shape, self.tensor.dtype),)

    @classmethod
    def match(cls, node: Any, model: Any) -> Match | None:  # noqa: ANN401
        rows, columns = factors(node, model)
        layer = cls(integer_tensor(node.input[0], model), rows, columns)
        return Match((node.name,), (Part(layer, (node.input[0],), (node.output[0],)),))

    def golden(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        return (inputs[0].repeat(self.rows, axis=1).repeat(self.columns, axis=2),)

    def foldings(self) -> Iterator[Folding]:
        for pe in divisors(self.channels):
            for place in memory.places(self._depth(pe)):
                yield Folding(pe, pe, memory=place)

    def folded(self) -> Mapping[str, tuple[str, int]]:
        return {"pe": ("channels", self.channels)}

    def _depth(self, pe: int) -> int:
        """Beats that are kept to be repeated."""
        return self.channels // pe * (self.tensor.shape[1] if self.rows > 1 else 1)

    def streams(self, folding: Folding) -> tuple[tuple[Stream, ...], tuple[Stream, ...]]:
        x, y = (
            Stream(tensor.dtype, folding.pe, tensor.size // folding.pe)
            for tensor in (*self.inputs, *self.outputs)
        )
        return (x,), (y,)

    def schedule(self, folding: Folding) -> Schedule:
        height, width, _ = self.tensor.shape
        reads = np.zeros((height, self.rows, width, self.columns, self.channels // folding.pe), np.bool_)
        reads[:, 0, :, 0] = True
        every = np.ones(reads.size, np.bool_)
        return Schedule((reads.reshape(-1),), (every,), latency=_LATENCY, slots=_SLOTS)

    def cycles(self, folding: Folding) -> int:
        return self.tensor.size * self.rows * self.columns // folding.pe

    def terms(self, folding: Folding) -> Terms:
        """Counters of the step, a choice between the beat that is read and one that is kept, and the fifo."""
        bits, depth = folding.pe * self.tensor.dtype.bits, self._depth(folding.pe)
        choice = Terms({"mux": bits}, {"operands": bits, "valid": 2})
        counters = memory.counters(depth, self.channels // folding.pe, self.rows, self.columns)
        kept = memory.ram(folding.memory, depth, bits)
        return total((choice, counters, kept, memory.credit_fifo(_SLOTS, bits)))

    def sv(self, folding: Folding) -> SvInstance:
        return SvInstance(
            "upsample",
            {
                "WIDTH": folding.pe * self.tensor.dtype.bits,
                "BEATS": self.channels // folding.pe,
                "DEPTH": self._depth(folding.pe),
                "ROWS": self.rows,
                "COLUMNS": self.columns,
                "BLOCK": int(folding.memory == "block"),
                "SLOTS": _SLOTS,
            },
        )

    def cpp(self, folding: Folding) -> CppInstance:
        shape = (*self.tensor.shape, self.rows, self.columns)
        return CppInstance("upsample", (*shape, folding.pe, self.tensor.dtype))
