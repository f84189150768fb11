"""Arrays of integers to AXI-Stream bytes and back.

A frame is a flat run of elements in stream order (channels last). A beat carries `elements` of them,
element 0 in the least significant bits, each in `dtype.bits` bits; beats are padded to whole bytes,
little-endian, as on TDATA.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from levada_driver.datatype import IntArray, IntType, code_type

#: Bytes that a memory port moves at once.
WORD = 8


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


@dataclass(frozen=True)
class Transfer:
    """How a stream's frames lie in memory: word i of a frame at port i % ports, 8 bytes a port and cycle.

    A frame begins with a word of its own at every port; what its last words have left belongs to nobody.
    """

    stream: Stream
    ports: int = 1

    @property
    def words(self) -> int:
        """Words of a frame at each port."""
        return -(-self.stream.frame_bytes // (WORD * self.ports))

    def strobe(self, port: int) -> int:
        """Which bytes of a frame's last word at a port are the frame's, a bit each."""
        before = WORD * (self.ports * (self.words - 1) + port)
        return (1 << max(0, min(WORD, self.stream.frame_bytes - before))) - 1

    def rows(self, memory: npt.NDArray[np.uint8], frames: int) -> npt.NDArray[np.uint8]:
        """The frames [frames, frame bytes] in the memory of a single port, as they lie there."""
        stride = WORD * self.words
        return memory[: frames * stride].reshape(frames, stride)[:, : self.stream.frame_bytes]

    def scatter(self, data: npt.NDArray[np.uint8], memories: Sequence[npt.NDArray[np.uint8]]) -> None:
        """Writes frames [frames, frame bytes] into the memories of all ports."""
        whole = np.zeros((len(data), self.words * self.ports * WORD), np.uint8)
        whole[:, : self.stream.frame_bytes] = data
        words = whole.reshape(len(data), self.words, self.ports, WORD)
        for port, memory in enumerate(memories):
            memory[: words[:, :, port].size] = words[:, :, port].reshape(-1)

    def gather(self, memories: Sequence[npt.NDArray[np.uint8]], frames: int) -> npt.NDArray[np.uint8]:
        """The frames [frames, frame bytes] that lie in the memories of all ports."""
        size = frames * self.words * WORD
        parts = [memory[:size].reshape(frames, self.words, WORD) for memory in memories]
        whole = np.stack(parts, axis=2).reshape(frames, self.words * self.ports * WORD)
        return whole[:, : self.stream.frame_bytes]


def pack(values: npt.NDArray[Any], stream: Stream) -> npt.NDArray[np.uint8]:
    """Integers of any shape (frames, ...) to bytes [frames, beats * beat_bytes].

    Raises ValueError where a frame has the wrong number of elements or a value is not of the type.
    """
    packed = np.empty((len(values), stream.frame_bytes), np.uint8)
    pack_into(values, stream, packed)
    return packed


def pack_into(values: npt.NDArray[Any], stream: Stream, packed: npt.NDArray[np.uint8]) -> None:
    """`pack` into bytes [frames, beats * beat_bytes] that are there already, a row a frame."""
    frames = values.shape[0]
    if frames and values.size != frames * stream.size:
        raise ValueError(f"a frame has {values.size // frames} elements, the stream takes {stream.size}")
    if not stream.dtype.holds(values):
        raise ValueError(f"values from {values.min()} to {values.max()} do not fit {stream.dtype.name}")
    width = stream.dtype.bits
    codes = stream.dtype.encode(values)
    if width in (8, 16, 32, 64):
        packed[:] = codes.view(np.uint8).reshape(frames, stream.frame_bytes)
    elif width < 8 and 8 % width == 0 and stream.bits % 8 == 0:
        packed[:] = _joined(codes, width).reshape(frames, stream.frame_bytes)
    else:
        bits = np.unpackbits(codes.view(np.uint8).reshape(-1, codes.itemsize), axis=-1, bitorder="little")
        beats = bits[:, :width].reshape(frames * stream.beats, stream.bits)
        packed[:] = np.packbits(beats, axis=-1, bitorder="little").reshape(frames, stream.frame_bytes)


def _joined(codes: npt.NDArray[np.uint8], width: int) -> npt.NDArray[np.uint8]:
    """Codes of 1, 2 or 4 bits, as many to a byte as it holds, the first lowest."""
    joined: npt.NDArray[Any] = codes.reshape(-1)
    while width < 8:
        joined = joined[0::2] | joined[1::2] << width
        width *= 2
    return joined


def unpack(data: npt.NDArray[np.uint8], stream: Stream) -> IntArray:
    """Bytes [frames, beats * beat_bytes] to integers [frames, beats * elements]: the inverse of `pack`."""
    frames = data.shape[0]
    beats = np.ascontiguousarray(data).reshape(frames * stream.beats, stream.beat_bytes)
    width = stream.dtype.bits
    if width in (8, 16, 32, 64):
        codes = beats.view(f"<u{width // 8}")
    else:
        bits = np.unpackbits(beats, axis=-1, bitorder="little", count=stream.bits)
        bits = bits.reshape(len(beats) * stream.elements, width)
        kind = code_type(width)
        spread = np.zeros((len(bits), 8 * kind.itemsize), np.uint8)
        spread[:, :width] = bits
        codes = np.packbits(spread, axis=-1, bitorder="little").view(kind)
    return stream.dtype.decode(codes).reshape(frames, stream.size)
