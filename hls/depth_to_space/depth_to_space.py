"""DepthToSpace: the channels of a pixel become a block of pixels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from levada_driver.datatype import IntArray
from levada_driver.packing import Stream

from levada import memory
from levada.errors import LevadaError
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
from levada.onnxutil import attribute, integer_tensor
from levada.terms import Terms, total

# Memory, output fifo; and a slot more, so that no step waits for room.
_LATENCY, _SLOTS = 2, 3


@dataclass(frozen=True, eq=False)
class DepthToSpace(Layer):
    """y[i*b + p, j*b + q, c] = x[i, j, (p*b + q)*C + c] for an image [H, W, b*b*C], b = `block`.

    This is DCR, the order of ONNX's default. Row p of all blocks of an image row is written before row p+1,
    so the stream is late by (W - 1)*(b - 1)*K + 1 beats, K beats being a row of one block: so many cycles a
    frame takes beyond its beats. ValueError unless b*b divides the channels.
    """

    kind: ClassVar[str] = "depth_to_space"
    operators: ClassVar[frozenset[str]] = frozenset({"DepthToSpace"})

    tensor: Tensor
    block: int

    def __post_init__(self) -> None:
        if len(self.tensor.shape) != 3 or self.block < 1 or self.tensor.shape[-1] % self.block**2:
            raise ValueError(f"no blocks of {self.block} x {self.block} are in {self.tensor.shape}")

    @property
    def row(self) -> int:
        """Elements of a row of one block: they stay together."""
        return self.tensor.shape[-1] // self.block

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (self.tensor,)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        height, width, channels = self.tensor.shape
        shape = (height * self.block, width * self.block, channels // self.block**2)
        return (Tensor("y", shape, self.tensor.dtype),)

    @classmethod
    def match(cls, node: Any, model: Any) -> Match | None:  # noqa: ANN401
        x, block = integer_tensor(node.input[0], model), attribute(node, "blocksize", 1)
        mode = attribute(node, "mode", "DCR")
        if mode != "DCR":
            raise LevadaError(
                f"{node.name}: DepthToSpace of mode {mode}; use DCR, its channels in that order"
            )
        if len(x.shape) != 3 or x.shape[-1] % block**2:
            raise LevadaError(
                f"{node.name}: DepthToSpace of shape {list(x.shape)} (channels last) with blocks of {block}; "
                f"give an image with a multiple of {block**2} channels"
            )
        return Match((node.name,), (Part(cls(x, block), (node.input[0],), (node.output[0],)),))

    def golden(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        height, width, _ = self.tensor.shape
        blocks = inputs[0].reshape(-1, height, width, self.block, self.row)
        return (blocks.transpose(0, 1, 3, 2, 4).reshape(-1, *self.outputs[0].shape),)

    def foldings(self) -> Iterator[Folding]:
        for pe in divisors(self.row):
            for place in memory.places(self._depth(pe)):
                yield Folding(pe, pe, memory=place)

    def folded(self) -> Mapping[str, tuple[str, int]]:
        return {"pe": ("channels of a row of a block", self.row)}

    def _delay(self, pe: int) -> int:
        """Beats by which the output is late."""
        return (self.tensor.shape[1] - 1) * (self.block - 1) * (self.row // pe) + 1

    def _depth(self, pe: int) -> int:
        """Beats from a beat that is read to the last one before its place in memory is free again."""
        return 2 * self._delay(pe)

    def streams(self, folding: Folding) -> tuple[tuple[Stream, ...], tuple[Stream, ...]]:
        stream = Stream(self.tensor.dtype, folding.pe, self.tensor.size // folding.pe)
        return (stream,), (stream,)

    def schedule(self, folding: Folding) -> Schedule:
        delay = self._delay(folding.pe)
        step = np.arange(self.cycles(folding))
        return Schedule((step < len(step) - delay,), (step >= delay,), latency=_LATENCY, slots=_SLOTS)

    def cycles(self, folding: Folding) -> int:
        return self.tensor.size // folding.pe + self._delay(folding.pe)

    def terms(self, folding: Folding) -> Terms:
        """Counters of steps, of what is written and of what is read, two addresses, memory and fifo."""
        bits, depth = folding.pe * self.tensor.dtype.bits, self._depth(folding.pe)
        beats, columns = self.row // folding.pe, self.tensor.shape[1]
        address = (depth - 1).bit_length()
        moves = Terms({"depth_to_space_moves": 2 * address + 6}, {"depth_to_space_moves": 3})
        counters = memory.counters(self.cycles(folding), depth, depth, beats, columns, self.block)
        kept = memory.ram(folding.memory, depth, bits)
        return total((moves, counters, kept, memory.credit_fifo(_SLOTS, bits)))

    def sv(self, folding: Folding) -> SvInstance:
        return SvInstance(
            "depth_to_space",
            {
                "WIDTH": folding.pe * self.tensor.dtype.bits,
                "ROWS": self.tensor.shape[0],
                "COLUMNS": self.tensor.shape[1],
                "BLOCKSIZE": self.block,
                "BEATS": self.row // folding.pe,
                "BLOCK": int(folding.memory == "block"),
                "SLOTS": _SLOTS,
            },
        )

    def cpp(self, folding: Folding) -> CppInstance:
        height, width, _ = self.tensor.shape
        shape = (height, width, self.block, self.row)
        return CppInstance("depth_to_space", (*shape, folding.pe, self.tensor.dtype))
