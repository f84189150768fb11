"""Crop: a box cut out of a tensor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, ClassVar

import numpy as np
from levada_driver.datatype import IntArray
from levada_driver.packing import Stream

from levada import memory
from levada.axes import common_beat, frame_axis
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
from levada.terms import Terms


@dataclass(frozen=True, eq=False)
class Crop(Layer):
    """What lies in starts[i] <= index < stops[i] on every axis i of a frame of up to three axes.

    ValueError where nothing is left or the box does not lie within the tensor.
    """

    kind: ClassVar[str] = "crop"
    operators: ClassVar[frozenset[str]] = frozenset({"Slice"})

    tensor: Tensor
    starts: tuple[int, ...]
    stops: tuple[int, ...]

    def __post_init__(self) -> None:
        ends = zip(self.starts, self.stops, self.tensor.shape, strict=True)
        if len(self.starts) > 3 or not all(0 <= start < stop <= size for start, stop, size in ends):
            raise ValueError(f"{self.starts} to {self.stops} is no box within {self.tensor.shape}")

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (self.tensor,)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        shape = tuple(stop - start for start, stop in zip(self.starts, self.stops, strict=True))
        return (Tensor("y", shape, self.tensor.dtype),)

    @property
    def most_pe(self) -> int:
        """Elements of the largest beat that is kept or dropped as a whole; PE divides it."""
        shape = self.tensor.shape
        return common_beat(shape, len(shape) - 1, self.starts[-1], self.stops[-1])

    @classmethod
    def match(cls, node: Any, model: Any) -> Match | None:  # noqa: ANN401
        x = integer_tensor(node.input[0], model)
        if len(x.shape) > 3:
            raise LevadaError(f"{node.name}: Slice of {len(x.shape)} axes; images have 3 at most")
        starts, stops = [0] * len(x.shape), list(x.shape)
        for start, stop, onnx_axis, step in _limits(node, model):
            axis = frame_axis(node, onnx_axis, node.input[0], model)
            size = x.shape[axis]
            if step != 1:
                raise LevadaError(
                    f"{node.name}: Slice with step {step}; only step 1 is possible: use a strided layer"
                )
            low, high = (min(max(end + size if end < 0 else end, 0), size) for end in (start, stop))
            if low >= high:
                raise LevadaError(f"{node.name}: Slice {start}:{stop} of {size} elements keeps none of them")
            starts[axis], stops[axis] = low, high
        layer = cls(x, tuple(starts), tuple(stops))
        return Match((node.name,), (Part(layer, (node.input[0],), (node.output[0],)),))

    def golden(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        box = (slice(*ends) for ends in zip(self.starts, self.stops, strict=True))
        return (inputs[0][:, *box],)

    def foldings(self) -> Iterator[Folding]:
        for pe in divisors(self.most_pe):
            yield Folding(pe, pe)

    def folded(self) -> Mapping[str, tuple[str, int]]:
        return {"pe": ("the channels before, within and behind the box", self.most_pe)}

    def streams(self, folding: Folding) -> tuple[tuple[Stream, ...], tuple[Stream, ...]]:
        x, y = (
            Stream(tensor.dtype, folding.pe, tensor.size // folding.pe)
            for tensor in (*self.inputs, *self.outputs)
        )
        return (x,), (y,)

    def _box(self, folding: Folding) -> tuple[tuple[int, int, int], ...]:
        """(size, start, stop) of rows, columns and beats of a pixel; an axis that is missing has size 1."""
        axes = list(zip(self.tensor.shape, self.starts, self.stops, strict=True))
        beats = tuple(end // folding.pe for end in axes.pop())
        return (*[(1, 0, 1)] * (2 - len(axes)), *axes, (beats[0], beats[1], beats[2]))

    def schedule(self, folding: Folding) -> Schedule:
        kept = [
            (np.arange(size) >= start) & (np.arange(size) < stop) for size, start, stop in self._box(folding)
        ]
        writes = reduce(np.logical_and.outer, kept).reshape(-1)
        return Schedule((np.ones(writes.size, np.bool_),), (writes,), latency=1, slots=2)

    def cycles(self, folding: Folding) -> int:
        return self.tensor.size // folding.pe

    def terms(self, folding: Folding) -> Terms:
        """Three counters with a comparison at each side of the box, and a fifo of two beats."""
        box = self._box(folding)
        sides = sum(
            -(-(size - 1).bit_length() // 3) * ((start > 0) + (stop < size)) for size, start, stop in box
        )
        kept = sum(start > 0 or stop < size for size, start, stop in box)
        limits = Terms({"crop_limits": sides}, {"crop_limits": kept})
        counters = memory.counters(*(size for size, _, _ in box))
        return limits + counters + memory.fifo(2, folding.pe * self.tensor.dtype.bits)

    def sv(self, folding: Folding) -> SvInstance:
        params = {"WIDTH": folding.pe * self.tensor.dtype.bits}
        for name, (size, start, stop) in zip(("ROWS", "COLUMNS", "BEATS"), self._box(folding), strict=True):
            params |= {name: size, f"{name}_START": start, f"{name}_STOP": stop}
        return SvInstance("crop", params)

    def cpp(self, folding: Folding) -> CppInstance:
        box = [end for ends in self._box(folding) for end in ends]
        return CppInstance("crop", (*box, folding.pe, self.tensor.dtype))


def _limits(node: Any, model: Any) -> list[tuple[int, int, int, int]]:  # noqa: ANN401
    """(start, stop, axis, step) of each axis that a Slice names; the limits as they stand there.

    From opset 10 on they are constant inputs, before that attributes.
    """
    if len(node.input) == 1:
        starts, stops = attribute(node, "starts", []), attribute(node, "ends", [])
        axes, steps = attribute(node, "axes", []), None
    else:
        values = [None if not name else model.get_initializer(name) for name in node.input[1:]]
        missing = [name for name, value in zip(node.input[1:], values, strict=True) if name and value is None]
        if missing:
            raise LevadaError(
                f"{node.name}: Slice with the limits {missing[0]}, which are not constant; export with "
                "fixed shapes"
            )
        starts, stops, axes, steps = ([*values, None, None])[:4]
    count = len(starts)
    axes = list(range(count)) if axes is None or not len(axes) else axes
    steps = [1] * count if steps is None else steps
    rows = zip(starts, stops, axes, steps, strict=True)
    return [(int(start), int(stop), int(axis), int(step)) for start, stop, axis, step in rows]
