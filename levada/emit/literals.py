"""Literals of the generated languages, from typed values."""

from __future__ import annotations

import numpy as np
from levada_driver.datatype import IntArray, IntType
from levada_driver.packing import Stream, pack

from levada.layer import Bits

_LINE = 96


def sv_bits(bits: Bits) -> str:
    """A packed vector as one sized hexadecimal literal, or as a concatenation of lines of them."""
    whole = Stream(IntType(bits.width, signed=True), bits.values.size, 1)
    value = int.from_bytes(pack(bits.values.reshape(1, -1), whole).tobytes(), "little")
    total = bits.width * bits.values.size
    chunk = 4 * _LINE
    if total <= chunk:
        return f"{total}'h{value:x}"
    parts = []
    for low in range(0, total, chunk):
        width = min(chunk, total - low)
        parts.append(f"{width}'h{(value >> low) & ((1 << width) - 1):x}")
    return "{\n        " + ",\n        ".join(reversed(parts)) + "}"


def cpp_array(values: IntArray) -> str:
    """Nested braces of an array of any rank."""
    if values.ndim == 1:
        return "{" + ", ".join(str(int(v)) for v in values) + "}"
    return "{" + ",\n ".join(cpp_array(np.asarray(v)) for v in values) + "}"


def cpp_type(dtype: IntType) -> str:
    """The element type of a stream."""
    if dtype.bipolar:
        return "levada::bipolar"
    return f"ap_{'' if dtype.signed else 'u'}int<{dtype.bits}>"
