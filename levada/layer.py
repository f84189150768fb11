"""The layer contract: what a folder of hls/ must say about itself, and the values it is said with.

A layer is a frozen dataclass that describes one hardware unit with its parameters. It lowers, folds,
costs and instantiates itself; the compiler asks it through this interface and never names it.
Importing `levada.layers` fills the registry from hls/*/<kind>.py.
"""

from __future__ import annotations

import importlib
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from levada_driver.datatype import IntArray, IntType
from levada_driver.packing import Stream

from levada.adder_graph import Sums
from levada.pipelining import SLOW, Pipelining
from levada.precision import Precision
from levada.settings import Settings
from levada.terms import Terms, rounded
from levada.window import Window

if TYPE_CHECKING:  # only the tests draw layers; a build does not need hypothesis
    from hypothesis.strategies import SearchStrategy

BoolArray = npt.NDArray[np.bool_]
Memory = Literal["none", "constant", "lut", "block"]
Places = Literal["lut", "block", "line"]


@dataclass(frozen=True)
class Tensor:
    """A tensor of integers of one frame: `shape` without the frame axis, channels last."""

    name: str
    shape: tuple[int, ...]
    dtype: IntType

    @property
    def size(self) -> int:
        """Elements of a frame."""
        return prod(self.shape)


@dataclass(frozen=True, order=True)
class Folding:
    """How a layer is laid out in time and space.

    `pe` output channels and `simd` input channels are processed in one cycle, `mmv` pixels at once;
    `dsp_pe` of the `pe` lanes multiply in DSP slices; `memory` is where the parameters live. `thresholds` is
    how the thresholds are kept, if there are any: in tables in LUTs, those of them that are deep in block
    RAM, or as lines.
    """

    pe: int = 1
    simd: int = 1
    mmv: int = 1
    dsp_pe: int = 0
    memory: Memory = "none"
    thresholds: Places = "lut"


@dataclass(frozen=True)
class Device:
    """What a chip (or the share of it that a design may use) offers. BRAM in units of 18 Kbit."""

    family: str
    lut: int
    ff: int
    dsp: int
    bram18: int


@dataclass(frozen=True)
class Resources:
    """What hardware takes of a device, in the units of `Device`."""

    lut: int = 0
    ff: int = 0
    dsp: int = 0
    bram18: int = 0

    def __add__(self, other: Resources) -> Resources:
        return Resources(
            self.lut + other.lut, self.ff + other.ff, self.dsp + other.dsp, self.bram18 + other.bram18
        )


@dataclass(frozen=True)
class Schedule:
    """When a layer touches its streams, in steps of one frame; a step takes one cycle unless it must wait.

    A step waits for the input beat that it reads and for the step before it. A beat written by a step is
    valid at the output `latency` cycles later. The layer stalls once `slots` output beats are issued and
    not yet taken; a slot is free `release` cycles after its beat is taken. The frame interval of a layer
    that never waits is the number of its steps.
    """

    reads: tuple[BoolArray, ...]
    writes: tuple[BoolArray, ...]
    latency: int
    slots: int
    release: int = 1

    @property
    def steps(self) -> int:
        """Steps, and so cycles, of one frame."""
        return len(self.writes[0])


@dataclass(frozen=True)
class Bits:
    """A packed vector parameter: element i of `values` at bits [i*width +: width], two's complement."""

    values: IntArray
    width: int


@dataclass(frozen=True)
class Rom:
    """A memory image: `rows` of `width` bits each as non-negative Python integers, in address order."""

    rows: tuple[int, ...]
    width: int


@dataclass(frozen=True)
class SvInstance:
    """One instance of a SystemVerilog module with its parameters; a Rom becomes a $readmemh file.

    Where it has `sums`, its output `operands` goes to that module, whose results come back at `sums`. A
    module whose parameters may be written has a `place`, 0 where these cannot, and an input `param`
    (param_pkg.sv), by which one of several `settings` is chosen, too.
    """

    module: str
    params: Mapping[str, int | Bits | Rom]
    sums: Sums | None = None
    place: int | None = None
    settings: int = 1


@dataclass(frozen=True)
class CppInstance:
    """One call of an HLS function template: arguments of the template, then constant arrays by name.

    A constant array carries the type of its elements for synthesis and is passed after the streams; of one
    that is `chosen`, the part that the setting is the index of.
    """

    function: str
    template: tuple[int | IntType, ...]
    constants: Mapping[str, tuple[IntArray, IntType]] = field(default_factory=dict)
    chosen: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Part:
    """One layer of a match, with the names of the tensors at its ports.

    They are names of ONNX tensors or, between two parts, names of the match's own.
    """

    layer: Layer
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Match:
    """What layers take over from the streamlined network.

    `nodes` are the names of the ONNX nodes that `parts` stand for, in topological order.
    """

    nodes: tuple[str, ...]
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Case:
    """A legal layer with a folding and one frame-major array of data an input: what `strategy` draws."""

    layer: Layer
    folding: Folding
    inputs: tuple[IntArray, ...]


Role = Literal["compute", "adapter", "buffer", "fork", "window"]
_REGISTRY: dict[str, type[Layer]] = {}
MMVS = (1, 2, 4)  #: Pixels that a layer may take in one cycle, where it takes whole ones.


@dataclass(frozen=True, eq=False)
class Layer(Settings, ABC):
    """One kind of hardware unit; see docs/add-a-layer.md for a walk through every method.

    `kind` is the name of its folder, of its module and of its function template. `role` is "compute" for
    what networks are made of, "adapter" for the one that changes the width of a stream, "buffer" for the
    one that stores beats and "fork" for the one that copies a stream; the compiler inserts these three by
    itself. "window" is the one that cuts windows out of an image: what convolves or pools puts it before
    itself. `family` is that of the chip (`levada.slices.SHAPES`), which decides what a DSP slice holds.
    `place` is where its parameters are written, 0 where they cannot be; see `at`. `pipelining` is what the
    clock asks for (`levada.pipelining`); it changes no step.
    """

    family: str = field(default="xc7", kw_only=True)
    place: int = field(default=0, kw_only=True)
    pipelining: Pipelining = field(default=SLOW, kw_only=True)

    kind: ClassVar[str]
    role: ClassVar[Role] = "compute"
    #: ONNX operators this layer can stand for, alone or as the head of a group.
    operators: ClassVar[frozenset[str]] = frozenset()
    #: The fields that hold the types of the inputs, in their order: each a type, or a tensor of that type.
    typed: ClassVar[tuple[str, ...]] = ("tensor",)

    def __init_subclass__(cls, **kwargs: Any) -> None:  # noqa: ANN401 - the signature of object's own
        super().__init_subclass__(**kwargs)
        if "kind" in cls.__dict__:
            _REGISTRY[cls.kind] = cls

    @property
    @abstractmethod
    def inputs(self) -> tuple[Tensor, ...]:
        """Shape and type of each input; the names are the layer's own port names."""

    @property
    @abstractmethod
    def outputs(self) -> tuple[Tensor, ...]:
        """Shape and type of each output; the names are the layer's own port names."""

    @classmethod
    def match(cls, node: Any, model: Any) -> Match | None:  # noqa: ANN401, ARG003 - untyped onnx objects
        """The layer that stands for the streamlined ONNX `node` (and its followers), if this kind can.

        Raises LevadaError where it would, but a rule of the hardware is broken.
        """
        return None

    @abstractmethod
    def golden(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        """Exact results: arrays [frames, *shape] in, the same out. The reference for every other level."""

    @abstractmethod
    def foldings(self) -> Iterator[Folding]:
        """Every legal folding."""

    def legal(self, folding: Folding) -> bool:
        """Whether it is one of `foldings`."""
        return folding in self._legal

    @cached_property
    def _legal(self) -> frozenset[Folding]:
        return frozenset(self.foldings())

    def folded(self) -> Mapping[str, tuple[str, int]]:
        """For each field of a folding that must divide a dimension: the dimension's name and size."""
        return {}

    @abstractmethod
    def streams(self, folding: Folding) -> tuple[tuple[Stream, ...], tuple[Stream, ...]]:
        """The streams in and out."""

    @abstractmethod
    def schedule(self, folding: Folding) -> Schedule:
        """When the hardware reads and writes, exactly."""

    def cycles(self, folding: Folding) -> int:
        """Cycles between frames when neither input nor output makes the layer wait."""
        return self.schedule(folding).steps

    @abstractmethod
    def terms(self, folding: Folding) -> Terms:
        """What the hardware is made of; see `levada.terms`."""

    def resources(self, folding: Folding, device: Device) -> Resources:
        """Estimated cost on a device: the terms by the coefficients of its family."""
        return weighed(self.terms(folding), device.family)

    @abstractmethod
    def sv(self, folding: Folding) -> SvInstance:
        """The SystemVerilog instance."""

    @abstractmethod
    def cpp(self, folding: Folding) -> CppInstance:
        """The HLS C++ instance."""

    @classmethod
    def strategy(cls) -> SearchStrategy[Case]:
        """Draws legal layers with foldings and data, for the tests every layer must pass.

        By default what `cases(cls)` in the `cases.py` of the layer's folder gives.
        """
        package = cls.__module__.rpartition(".")[0]
        strategy: SearchStrategy[Case] = importlib.import_module(f"{package}.cases").cases(cls)
        return strategy

    @classmethod
    def folder(cls) -> Path:
        """The folder that holds the layer's .py, .hpp and .sv."""
        return Path(inspect.getfile(cls)).parent

    def at(self, place: int) -> Self | None:  # noqa: ARG002 - most cannot
        """The same layer with weights and thresholds that can be written while a design runs.

        They are words from `place` on, a multiple of 2^24 above 0. None where the layer cannot have that.
        """
        return None

    def words(self, folding: Folding) -> IntArray:  # noqa: ARG002 - most have none
        """What writes the parameters of a layer with a place: [words, (address, 32 bits of data)]."""
        return np.zeros((0, 2), np.int64)

    def macs(self) -> int:
        """Multiply-accumulates of one frame."""
        return 0

    def weight_bits(self) -> int:
        """Bits of trained parameters the hardware stores."""
        return 0

    @property
    def precision(self) -> Precision:
        """The widths of trained weights and of a quantizer's results, which could be others."""
        return Precision()

    def requantized(self, inputs: tuple[IntType, ...], precision: Precision) -> Layer:  # noqa: ARG002
        """What this layer would be for inputs of these types and with these widths, None for the own one.

        Its parameters stand for unknown trained ones (`levada.precision`): for costs, not for results. By
        default other types pass through. LevadaError where the hardware cannot take them.
        """
        changes: dict[str, Any] = dict(zip(self.typed, inputs, strict=True))
        for name, dtype in changes.items():
            if isinstance(held := getattr(self, name), Tensor):
                changes[name] = replace(held, dtype=dtype)
        return replace(self, **changes)

    def slimmer(self) -> Mapping[str, Layer]:
        """What it would be with fewer channels, by the change in words: "8 output channels". For costs."""
        return {}


def weighed(terms: Terms, family: str) -> Resources:
    """What terms take by the coefficients of a family."""
    lut, ff = map(rounded, terms.weights(family))
    return Resources(lut, ff, terms.dsp, terms.bram18)


def registered() -> dict[str, type[Layer]]:
    """Every known kind, by name."""
    return dict(sorted(_REGISTRY.items()))


def _only(role: Role) -> type[Layer]:
    (cls,) = (cls for cls in _REGISTRY.values() if cls.role == role)
    return cls


def adapter() -> Callable[..., Layer]:
    """The layer that turns a stream of one width into one of another."""
    return _only("adapter")


def buffer() -> Callable[..., Layer]:
    """The layer that stores beats of a stream."""
    return _only("buffer")


def fork() -> Callable[..., Layer]:
    """The layer that makes two copies of a stream; takes the tensor."""
    return _only("fork")


def window() -> Callable[..., Layer]:
    """The layer that cuts windows out of an image; takes the tensor, the Window and the value of padding."""
    return _only("window")


def windows_of(x: Tensor, windows: Window, fill: int = 0) -> tuple[tuple[Part, ...], str]:
    """The window unit before a layer that reads these windows of x, and the name of what the layer reads.

    x [H, W, C] carries the name of its ONNX tensor. No unit is needed where each window is one pixel.
    """
    if windows.trivial:
        return (), x.name
    return (Part(window()(x, windows, fill), (x.name,), ("windows",)),), "windows"


def pixels_abreast(pixels: int) -> list[int]:
    """How many of a frame's `pixels` a layer may take in one cycle; each frame is a whole number of beats."""
    return [mmv for mmv in MMVS if pixels % mmv == 0]


def divisors(number: int) -> list[int]:
    """All divisors, ascending."""
    small = [d for d in range(1, int(number**0.5) + 1) if number % d == 0]
    return small + [number // d for d in reversed(small) if d * d != number]
