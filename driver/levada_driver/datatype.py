"""Integer types on streams: INT<n>, UINT<n> and BIPOLAR, as QONNX names them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class IntType:
    """An integer type of `bits` bits; BIPOLAR is {-1, +1} in one bit (0 codes -1)."""

    bits: int
    signed: bool
    bipolar: bool = False

    def __post_init__(self) -> None:
        if self.bits < 1 or (self.bipolar and self.bits != 1):
            raise ValueError(f"no integer type has {self.bits} bits (bipolar={self.bipolar})")

    @staticmethod
    def parse(name: str) -> IntType:
        """The type called `name`; ValueError where there is none."""
        if name == "BIPOLAR":
            return BIPOLAR
        if name == "BINARY":
            return IntType(1, signed=False)
        if name == "TERNARY":
            return IntType(2, signed=True)
        match = re.fullmatch(r"(U?)INT([1-9][0-9]*)", name, re.IGNORECASE)
        if match is None:
            raise ValueError(f"{name!r} is no integer type; write INT<n>, UINT<n> or BIPOLAR")
        return IntType(int(match[2]), signed=not match[1])

    @staticmethod
    def covering(low: int, high: int) -> IntType:
        """The narrowest INT or UINT that holds `low`..`high`."""
        if low >= 0:
            return IntType(max(1, int(high).bit_length()), signed=False)
        return IntType(1 + max(int(-low - 1).bit_length(), int(high).bit_length()), signed=True)

    @property
    def name(self) -> str:
        """The QONNX name."""
        return "BIPOLAR" if self.bipolar else f"{'' if self.signed else 'U'}INT{self.bits}"

    @property
    def min(self) -> int:
        """The smallest value."""
        if self.bipolar:
            return -1
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def max(self) -> int:
        """The largest value."""
        if self.bipolar:
            return 1
        return (1 << (self.bits - self.signed)) - 1

    @property
    def step(self) -> int:
        """The distance between neighbouring values."""
        return 2 if self.bipolar else 1

    def holds(self, values: npt.NDArray[Any]) -> bool:
        """Whether every value is one of this type."""
        if values.size == 0:
            return True
        if values.dtype.kind == "f" and not np.array_equal(values, np.rint(values)):
            return False
        inside = bool(values.min() >= self.min) and bool(values.max() <= self.max)
        return inside and (not self.bipolar or bool(np.all(np.abs(values) == 1)))

    def encode(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Values to their bit patterns (two's complement, or one bit for BIPOLAR), in `code_type(bits)`."""
        kind = code_type(self.bits)
        if self.bipolar:
            return (values > 0).astype(kind)
        if values.dtype.kind not in "iu":
            values = values.astype(np.int64)
        # Conversion to a narrower unsigned type keeps the low bits.
        codes = values.astype(kind)
        return codes & kind.type((1 << self.bits) - 1) if self.bits < 8 * kind.itemsize else codes

    def decode(self, codes: npt.NDArray[Any]) -> IntArray:
        """Bit patterns to values: the inverse of `encode`."""
        values = codes.astype(np.int64)
        if self.bipolar:
            return 2 * values - 1
        return values - ((values >> (self.bits - 1)) << self.bits) if self.signed else values


def code_type(bits: int) -> np.dtype[Any]:
    """The narrowest unsigned type of whole bytes, little-endian, that holds `bits` bits."""
    return np.dtype(next(f"<u{size}" for size in (1, 2, 4, 8) if 8 * size >= bits))


BIPOLAR = IntType(1, signed=True, bipolar=True)
