"""Arrays of integers to AXI-Stream bytes and back.

A frame is a flat run of elements in stream order (channels last). A beat carries `elements` of them,
element 0 in the least significant bits, each in `dtype.bits` bits; beats are padded to whole bytes,
little-endian, as on TDATA.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from levada_driver.datatype import IntArray, IntType


@dataclass(frozen=True)
class Stream:
    """What crosses an AXI-Stream: `beats` beats a frame of `elements` elements of type `dtype`."""

    dtype: IntType
    elements: int
    beats: int

    @property
    def bits(self) -> int:
        """Bits of payload in a beat."""
        return self.elements * self.dtype.bits

    @property
    def beat_bytes(self) -> int:
        """Bytes of a beat on TDATA."""
        return -(-self.bits // 8)

    @property
    def frame_bytes(self) -> int:
        """Bytes of a frame."""
        return self.beats * self.beat_bytes

    @property
    def size(self) -> int:
        """Elements of a frame."""
        return self.beats * self.elements


def pack(values: npt.NDArray[Any], stream: Stream) -> npt.NDArray[np.uint8]:
    """Integers of any shape (frames, ...) to bytes [frames, beats * beat_bytes].

    Raises ValueError where a frame has the wrong number of elements or a value is not of the type.
    """
    frames = values.shape[0]
    if frames and values.size != frames * stream.size:
        raise ValueError(f"a frame has {values.size // frames} elements, the stream takes {stream.size}")
    if not stream.dtype.holds(values):
        raise ValueError(f"values from {values.min()} to {values.max()} do not fit {stream.dtype.name}")
    beats = stream.dtype.encode(values).reshape(frames * stream.beats, stream.elements)
    width = stream.dtype.bits
    if width in (8, 16, 32, 64):
        packed = beats.astype(f"<u{width // 8}").view(np.uint8)
    else:
        shifts = np.arange(width, dtype=np.uint64)
        bits = ((beats[..., None] >> shifts) & np.uint64(1)).astype(np.uint8)
        packed = np.packbits(bits.reshape(len(beats), stream.bits), axis=-1, bitorder="little")
    return packed.reshape(frames, stream.frame_bytes)


def unpack(data: npt.NDArray[np.uint8], stream: Stream) -> IntArray:
    """Bytes [frames, beats * beat_bytes] to integers [frames, beats * elements]: the inverse of `pack`."""
    frames = data.shape[0]
    beats = np.ascontiguousarray(data).reshape(frames * stream.beats, stream.beat_bytes)
    width = stream.dtype.bits
    if width in (8, 16, 32, 64):
        codes = beats.view(f"<u{width // 8}").astype(np.uint64)
    else:
        bits = np.unpackbits(beats, axis=-1, bitorder="little", count=stream.bits)
        weights = np.uint64(1) << np.arange(width, dtype=np.uint64)
        codes = bits.reshape(len(beats), stream.elements, width).astype(np.uint64) @ weights
    return stream.dtype.decode(codes).reshape(frames, stream.size)
