"""What the host does around the accelerator: floats to its integers, its integers to floats.

Both values are read from accelerator.json and work on any number of frames. The arithmetic is float32, as
in the network itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from levada_driver.datatype import IntArray, IntType

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class HostInput:
    """How a frame of shape `shape` becomes integers of `dtype`.

    Without `thresholds` the frame already is integers; the network's own input was integer / `divisor`.
    With `thresholds` [1 or elements, N] (float32, ascending) an element becomes base + step * (number of
    thresholds that it reaches), which is exactly what the network's own first quantizer gives.
    `channels_last`: frames are [channels, ...], and the accelerator takes the channels last.
    """

    shape: tuple[int, ...]
    dtype: IntType
    divisor: int = 1
    thresholds: FloatArray | None = None
    base: int = 0
    channels_last: bool = False

    def check(self, x: npt.NDArray[Any]) -> None:
        """ValueError unless x is frames [N, *shape] of values that `quantize` takes."""
        if x.shape[1:] != self.shape:
            raise ValueError(f"input has shape {list(x.shape[1:])} a frame, expected {list(self.shape)}")
        if self.thresholds is None:
            self._check_integers(x)
        elif not np.all(np.isfinite(x.astype(np.float32, copy=False))):
            raise ValueError("input has values that are not numbers")

    def quantize(self, x: npt.NDArray[Any]) -> IntArray:
        """Frames [N, *shape] to integers [N, elements]. ValueError for another shape or value."""
        self.check(x)
        integers = self._quantize(x.reshape(len(x), int(np.prod(self.shape))))
        if not self.channels_last:
            return integers
        return np.moveaxis(integers.reshape(len(x), *self.shape), 1, -1).reshape(integers.shape)

    def _quantize(self, flat: npt.NDArray[Any]) -> IntArray:
        if self.thresholds is None:
            return flat.astype(np.int64)
        values = flat.astype(np.float32)
        if len(self.thresholds) == 1:
            count = np.searchsorted(self.thresholds[0], values, side="right").astype(np.int64)
        else:
            count = np.zeros(values.shape, np.int64)
            for level in range(self.thresholds.shape[1]):
                count += values >= self.thresholds[:, level]
        return self.base + self.dtype.step * count

    def _check_integers(self, x: npt.NDArray[Any]) -> None:
        whole = x.dtype.kind in "biu" or (x.dtype.kind == "f" and np.array_equal(x, np.rint(x)))
        if not whole:
            raise ValueError(
                f"input must be integers of {self.dtype.name} (the network's input times {self.divisor})"
            )
        if not self.dtype.holds(x):
            raise ValueError(f"input from {x.min()} to {x.max()} does not fit {self.dtype.name}")

    def floats(self, x: npt.NDArray[Any]) -> FloatArray:
        """The frames as the network itself takes them: divided by `divisor` where they are integers."""
        if self.thresholds is not None:
            return x.astype(np.float32)
        return x.astype(np.float32) / np.float32(self.divisor)

    def to_json(self) -> dict[str, Any]:
        """Plain values for accelerator.json; floats as exact decimal."""
        result: dict[str, Any] = {"shape": list(self.shape), "dtype": self.dtype.name}
        result["channels_last"] = self.channels_last
        if self.thresholds is None:
            return result | {"kind": "integers", "divisor": self.divisor}
        table = [[float(v) for v in row] for row in self.thresholds]
        return result | {"kind": "thresholds", "base": self.base, "thresholds": table}

    @staticmethod
    def from_json(data: dict[str, Any]) -> HostInput:
        """The inverse of `to_json`."""
        shape, dtype = tuple(data["shape"]), IntType.parse(data["dtype"])
        last = data["channels_last"]
        if data["kind"] == "integers":
            return HostInput(shape, dtype, divisor=data["divisor"], channels_last=last)
        return HostInput(shape, dtype, 1, np.array(data["thresholds"], np.float32), data["base"], last)


@dataclass(frozen=True, eq=False)
class HostOutput:
    """How integers of `dtype` become the network's output of shape `shape`.

    `indices`: they already are class indices. Else output = integer * scale + bias, scale and bias of one
    element or of one for each channel (the last axis), then softmax over the channels if the network ends
    in one. `pixels`: the integers are an image of this shape, channels last, and the network's output is that
    image with the channels first, or flattened from there.
    """

    shape: tuple[int, ...]
    dtype: IntType
    scale: FloatArray
    bias: FloatArray
    indices: bool = False
    softmax: bool = False
    pixels: tuple[int, ...] | None = None

    def finish(self, y: IntArray) -> npt.NDArray[Any]:
        """Integers [N, elements] to [N, *shape]: int64 indices, or float32."""
        shaped = y.reshape(len(y), *(self.pixels or self.shape))
        if self.indices:
            return self._as_network(shaped)
        result = shaped.astype(np.float32) * self.scale + self.bias
        if self.softmax:
            shifted = np.exp(result - result.max(axis=-1, keepdims=True))
            result = shifted / shifted.sum(axis=-1, keepdims=True)
        return self._as_network(result.astype(np.float32))

    def _as_network(self, y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return y if self.pixels is None else np.moveaxis(y, -1, 1).reshape(len(y), *self.shape)

    def as_streamed(self, y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Network outputs [N, *shape] in the order of the integers: [N, *pixels] where there are pixels."""
        shaped = y.reshape(len(y), *self.shape)
        if self.pixels is None:
            return shaped
        *size, channels = self.pixels
        return np.moveaxis(shaped.reshape(len(y), channels, *size), 1, -1)

    @property
    def elements(self) -> int:
        """Integers of a frame."""
        return int(np.prod(self.pixels or self.shape, dtype=np.int64))

    def classes(self, y: IntArray) -> IntArray:
        """The class of each frame: its first index, or the place of its largest output."""
        result = self.finish(y).reshape(len(y), -1)
        return result[:, 0].astype(np.int64) if self.indices else result.argmax(axis=1).astype(np.int64)

    def to_json(self) -> dict[str, Any]:
        """Plain values for accelerator.json; floats as exact decimal."""
        return {
            "shape": list(self.shape),
            "dtype": self.dtype.name,
            "kind": "indices" if self.indices else "affine",
            "scale": [float(v) for v in np.atleast_1d(self.scale)],
            "bias": [float(v) for v in np.atleast_1d(self.bias)],
            "softmax": self.softmax,
            "pixels": list(self.pixels) if self.pixels else None,
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> HostOutput:
        """The inverse of `to_json`."""
        return HostOutput(
            tuple(data["shape"]),
            IntType.parse(data["dtype"]),
            np.array(data["scale"], np.float32),
            np.array(data["bias"], np.float32),
            data["kind"] == "indices",
            data["softmax"],
            tuple(data["pixels"]) if data["pixels"] else None,
        )


@dataclass(frozen=True, eq=False)
class HostOutputs:
    """The outputs of a network, whose integers [N, elements] lie side by side in their order."""

    parts: tuple[HostOutput, ...]

    def split(self, y: IntArray) -> list[IntArray]:
        """The integers of each output."""
        ends = np.cumsum([part.elements for part in self.parts])
        return np.split(y.reshape(len(y), int(ends[-1])), ends[:-1], axis=1)

    def finish(self, y: IntArray) -> tuple[npt.NDArray[Any], ...]:
        """Each output of the network, as `HostOutput.finish`."""
        return tuple(part.finish(own) for part, own in zip(self.parts, self.split(y), strict=True))

    def classes(self, y: IntArray) -> IntArray:
        """The class of each frame, by the first output."""
        return self.parts[0].classes(self.split(y)[0])
