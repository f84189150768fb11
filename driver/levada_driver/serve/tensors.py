"""Tensors of the Open Inference Protocol: their datatypes, and their data as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from levada_driver.datatype import IntType
from levada_driver.host import HostOutput
from levada_driver.manifest import Manifest
from levada_driver.serve.errors import RequestError, shown

Array = npt.NDArray[Any]

#: The protocol's datatypes that are numbers, as they lie in binary data.
DATATYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype("?"),
    **{f"UINT{8 * size}": np.dtype(f"<u{size}") for size in (1, 2, 4, 8)},
    **{f"INT{8 * size}": np.dtype(f"<i{size}") for size in (1, 2, 4, 8)},
    **{f"FP{8 * size}": np.dtype(f"<f{size}") for size in (2, 4, 8)},
}


@dataclass(frozen=True)
class Spec:
    """A tensor of the model: its name, its datatype and the shape of one frame."""

    name: str
    datatype: str
    shape: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """The tensor in the model's metadata; -1 stands for any number of frames."""
        return {"name": self.name, "datatype": self.datatype, "shape": [-1, *self.shape]}


def input_spec(manifest: Manifest) -> Spec:
    """The network's input: FP32, or the narrowest integers that the accelerator's own fit in."""
    host = manifest.host_input
    datatype = _narrowest(host.dtype) if host.thresholds is None else "FP32"
    return Spec("input", datatype, host.shape)


def output_specs(manifest: Manifest) -> tuple[Spec, ...]:
    """The network's outputs: FP32, or INT64 where they are class indices."""
    return tuple(_output(number, part) for number, part in enumerate(manifest.host_outputs.parts))


def _output(number: int, part: HostOutput) -> Spec:
    return Spec(f"output{number}", "INT64" if part.indices else "FP32", part.shape)


def _narrowest(dtype: IntType) -> str:
    bits = next(bits for bits in (8, 16, 32, 64) if dtype.bits <= bits)
    return f"{'' if dtype.signed else 'U'}INT{bits}"


def from_binary(data: memoryview, datatype: str, shape: Sequence[int]) -> Array:
    """Little-endian elements, the last axis first, as an array. RequestError where their number is wrong."""
    kind, count = DATATYPES[datatype], _elements(shape)
    if len(data) != count * kind.itemsize:
        size = count * kind.itemsize
        raise RequestError(400, f"{len(data)} bytes of binary data; shape {shown(shape)} takes {size}")
    return np.frombuffer(data, kind).reshape(shape)


def from_json(data: Any, datatype: str, shape: Sequence[int]) -> Array:  # noqa: ANN401 - whatever a client sends
    """A list of numbers, nested or flat, as an array. RequestError where it is none of this type and size."""
    if not isinstance(data, list):
        raise RequestError(400, f"data is {shown(data)}; it must be a list of numbers")
    try:
        values = np.asarray(data)
    except (ValueError, OverflowError, RecursionError) as error:
        raise RequestError(400, f"data is no regular list of numbers ({error})") from error
    if values.dtype.kind not in "biuf":
        raise RequestError(400, f"data has values that are not numbers of {datatype}")
    if values.size != _elements(shape):
        raise RequestError(
            400, f"data has {values.size} elements; shape {shown(shape)} takes {_elements(shape)}"
        )
    if datatype.startswith("FP"):
        with np.errstate(over="ignore"):
            return values.astype(DATATYPES[datatype]).reshape(shape)
    return converted(values, datatype).reshape(shape)


def to_json(values: Array) -> list[Any]:
    """The elements as one flat list, the last axis first."""
    elements: list[Any] = values.reshape(-1).tolist()
    return elements


def to_binary(values: Array, datatype: str) -> bytes:
    """The elements, little-endian, the last axis first."""
    return values.astype(DATATYPES[datatype], copy=False).tobytes()


def converted(values: Array, datatype: str) -> Array:
    """The same values as another datatype; RequestError where that does not hold them all."""
    kind = DATATYPES[datatype]
    if values.dtype == kind:
        return values
    with np.errstate(all="ignore"):
        result = values.astype(kind)
        back = result.astype(values.dtype)
    # Both ways: -1 comes back from an unsigned type, and a rounded float equals what it was rounded from.
    nan = values.dtype.kind == kind.kind == "f"
    if not (np.array_equal(result, values, equal_nan=nan) and np.array_equal(back, values, equal_nan=nan)):
        raise RequestError(400, f"there are values that {datatype} does not hold; send {datatype}")
    return result


def _elements(shape: Sequence[int]) -> int:
    count = 1
    for size in shape:  # whole numbers of any length, which NumPy's product would cut
        count *= size
    return count
