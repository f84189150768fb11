"""SWU, sliding window unit: the windows of an image, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from levada_driver.datatype import IntArray, IntType
from levada_driver.packing import Stream

from levada import memory
from levada.errors import LevadaError
from levada.layer import (
    MMVS,
    Bits,
    CppInstance,
    Folding,
    Layer,
    Match,
    Memory,
    Part,
    Role,
    Rom,
    Schedule,
    SvInstance,
    Tensor,
    divisors,
)
from levada.onnxutil import attribute, integer_tensor
from levada.precision import Precision
from levada.terms import Terms, total
from levada.window import Window

from . import cost, parallel, serial

# Beats up to which LUT memory is always the better place.
LUT_DEPTH = 64
# A register behind the memory, and the output fifo; a beat in each step then takes one slot more.
LATENCY = 2
SLOTS = LATENCY + 1
# Beats of a window from which on what the next one waits for is known in time (swu_serial.sv).
AHEAD_BEATS = 3


@dataclass(frozen=True, eq=False)
class Swu(Layer):
    """y[oh, ow, (i, k, c)] = x[oh*sh - top + i*dh, ow*sw - left + k*dw, c], or `fill` outside the image.

    x [H, W, C] of any type, y [OH, OW, kh*kw*C]. There are two forms. The serial one takes and gives `simd`
    channels a cycle and holds about the pixels between the first and the last of a window. The parallel one
    (simd = kh*kw*C) gives `mmv` whole windows a cycle and takes `mmv` pixels.
    LevadaError where no window fits, where padding has no place in the type, and for bipolar padding.
    """

    kind: ClassVar[str] = "swu"
    role: ClassVar[Role] = "window"
    operators: ClassVar[frozenset[str]] = frozenset({"SpaceToDepth"})

    tensor: Tensor
    window: Window
    fill: int = 0

    def __post_init__(self) -> None:
        name, dtype = self.tensor.name, self.tensor.dtype
        if any(self.window.pads) and dtype.bipolar:
            raise LevadaError(
                f"{name}: a bipolar input has no zero to pad with; quantize it to 2 bits or more"
            )
        if any(self.window.pads) and not dtype.min <= self.fill <= dtype.max:
            raise LevadaError(
                f"{name}: padding with {self.fill} is no {dtype.name}; quantize it to more bits"
            )
        if min(self.pixels) < 1:
            (high, wide), (height, width) = self.window.extent, self.image
            raise LevadaError(
                f"{name}: windows of {high}x{wide} do not fit an image of {height}x{width} padded by "
                f"{self.window.pads}; make it or the padding larger"
            )

    @property
    def image(self) -> tuple[int, int]:
        """Height and width of the image."""
        height, width, _ = self.tensor.shape
        return height, width

    @property
    def channels(self) -> int:
        """Channels of a pixel."""
        return self.tensor.shape[2]

    @property
    def pixels(self) -> tuple[int, int]:
        """Rows and columns of windows."""
        return self.window.outputs(*self.image)

    @property
    def vector(self) -> int:
        """Elements of a window."""
        return self.window.taps * self.channels

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return (self.tensor,)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        return (Tensor("y", (*self.pixels, self.vector), self.tensor.dtype),)

    @classmethod
    def match(cls, node: Any, model: Any) -> Match | None:  # noqa: ANN401
        block = attribute(node, "blocksize", 0)
        x = integer_tensor(node.input[0], model)
        height, width = x.shape[:2]
        if height % block or width % block:
            raise LevadaError(
                f"{node.name}: blocks of {block}x{block} do not tile {height}x{width}; choose another size"
            )
        layer = cls(x, Window((block, block), (block, block)))
        return Match((node.name,), (Part(layer, (node.input[0],), (node.output[0],)),))

    def golden(self, *inputs: IntArray) -> tuple[IntArray, ...]:
        top, left, bottom, right = self.window.pads
        around = ((0, 0), (top, bottom), (left, right), (0, 0))
        padded = np.pad(inputs[0], around, constant_values=self.fill)
        windows = np.lib.stride_tricks.sliding_window_view(padded, self.window.extent, (1, 2))
        (sh, sw), (dh, dw) = self.window.stride, self.window.dilation
        taps = windows[:, ::sh, ::sw, :, ::dh, ::dw].transpose(0, 1, 2, 4, 5, 3)
        return (taps.reshape(len(padded), *self.pixels, self.vector),)

    def is_parallel(self, folding: Folding) -> bool:
        """Whether a folding is one of the parallel form."""
        return folding.mmv > 1 or (folding.simd == self.vector and self.window.taps > 1)

    def is_ahead(self, folding: Folding) -> bool:
        """Whether a folding is a serial one whose steps depend on registers alone, for fast clocks.

        What windows wait for is found while the one before is given, for which that must last long enough.
        """
        if self.is_parallel(folding) or not self.pipelining.ahead:
            return False
        return self.vector // folding.simd >= AHEAD_BEATS

    def foldings(self) -> Iterator[Folding]:
        for simd in divisors(self.channels):
            for place in self._memories(Folding(simd, simd)):
                yield Folding(simd, simd, memory=place)
        for mmv in MMVS:
            wide = Folding(self.vector, self.vector, mmv)
            if self.is_parallel(wide) and parallel.possible(*self.image, self.window, mmv):
                for place in self._memories(wide):
                    yield Folding(self.vector, self.vector, mmv, memory=place)

    def _memories(self, folding: Folding) -> tuple[Memory, ...]:
        depth, _ = self.buffer(folding)
        return ("lut", "block") if depth > LUT_DEPTH else ("lut",)

    def folded(self) -> Mapping[str, tuple[str, int]]:
        return {
            "pe": ("kh*kw*C", self.vector),
            "simd": ("kh*kw*C", self.vector),
            "mmv": ("OW", self.pixels[1]),
        }

    def streams(self, folding: Folding) -> tuple[tuple[Stream, ...], tuple[Stream, ...]]:
        taken = folding.mmv * self.channels if self.is_parallel(folding) else folding.simd
        given = folding.mmv * folding.simd
        dtype, windows = self.tensor.dtype, int(np.prod(self.pixels))
        return (
            (Stream(dtype, taken, self.tensor.size // taken),),
            (Stream(dtype, given, windows * self.vector // given),),
        )

    def buffer(self, folding: Folding) -> tuple[int, int]:
        """Words and bits a word of the memory that holds pixels for later rows; no words where none waits."""
        bits = self.tensor.dtype.bits
        if self.is_parallel(folding):
            (kernel_h, _), (dilation_h, _) = self.window.kernel, self.window.dilation
            words = dilation_h * self.image[1] // folding.mmv if kernel_h > 1 else 0
            return words, (kernel_h - 1) * folding.mmv * self.channels * bits
        folds = self.channels // folding.simd
        return serial.plan(*self.image, self.window).depth * folds, folding.simd * bits

    def schedule(self, folding: Folding) -> Schedule:
        if self.is_parallel(folding):
            reads, writes = parallel.steps(*self.image, self.window, folding.mmv)
        else:
            folds = self.channels // folding.simd
            steps = serial.plan(*self.image, self.window).steps()
            reads, writes = (np.repeat(step, folds) for step in steps)
        return Schedule((reads,), (writes,), LATENCY, SLOTS)

    def cycles(self, folding: Folding) -> int:
        # Serial: kh*kw*OH*OW steps of C / simd cycles, and those of pixels taken while no window is given.
        # Parallel: about (H + padding above and below) * (W + max(left, right)) / mmv.
        if self.is_parallel(folding):
            return parallel.plan(*self.image, self.window, folding.mmv).cycles
        return serial.plan(*self.image, self.window).cycles * (self.channels // folding.simd)

    def requantized(self, inputs: tuple[IntType, ...], precision: Precision) -> Layer:
        # A pool pads with the smallest value that there is, a convolution with 0.
        old, new = self.tensor.dtype, inputs[0]
        fill = new.min if self.fill == old.min else self.fill
        return replace(self, tensor=replace(self.tensor, dtype=new), fill=fill)

    def terms(self, folding: Folding) -> Terms:
        bits, padded = self.tensor.dtype.bits, any(self.window.pads)
        words, width = self.buffer(folding)
        if self.is_parallel(folding):
            kept = memory.ram(folding.memory, words, width) if words else Terms()
            pixel = self.channels * bits
            walk = cost.parallel(self.image, pixel, self.window, folding.mmv, padded)
            return total(
                (
                    Terms(kept.lut, bram18=kept.bram18),
                    walk,
                    memory.credit_fifo(SLOTS, folding.mmv * self.vector * bits),
                )
            )
        plan, folds = serial.plan(*self.image, self.window), self.channels // folding.simd
        walk = cost.serial(plan, folds, folding.simd * bits, padded)
        if self.is_ahead(folding):
            walk += cost.ahead(plan)
        return total((memory.ram(folding.memory, words, width), walk, memory.credit_fifo(SLOTS, width)))

    def _geometry(self) -> dict[str, int]:
        """The parameters that the C++ and the RTL have in common, in the order of the template."""
        (kernel_h, kernel_w), (stride_h, stride_w) = self.window.kernel, self.window.stride
        (dilation_h, dilation_w), (top, left, _, _) = self.window.dilation, self.window.pads
        return {
            "H": self.image[0],
            "W": self.image[1],
            "C": self.channels,
            "OH": self.pixels[0],
            "OW": self.pixels[1],
            "KH": kernel_h,
            "KW": kernel_w,
            "SH": stride_h,
            "SW": stride_w,
            "DH": dilation_h,
            "DW": dilation_w,
            "TOP": top,
            "LEFT": left,
        }

    @property
    def _fill_code(self) -> int:
        """The bits of `fill`, read as a signed number: what a vector of one element of that width takes."""
        bits = self.tensor.dtype.bits
        return self.fill - (1 << bits) if self.fill >= 1 << (bits - 1) else self.fill

    def sv(self, folding: Folding) -> SvInstance:
        plan = serial.plan(*self.image, self.window)
        bits = self.tensor.dtype.bits
        params: dict[str, int | Bits | Rom] = {
            **self._geometry(),
            "BITS": bits,
            "SIMD": folding.simd,
            "MMV": folding.mmv,
            "PARALLEL": int(self.is_parallel(folding)),
            "DEPTH": plan.depth,
            "ROOM": plan.room,
            "BLOCK": int(folding.memory == "block"),
            "AHEAD": int(self.is_ahead(folding)),
            "SLOTS": SLOTS,
            "FILL": Bits(np.array([self._fill_code]), bits),
        }
        return SvInstance("swu", params)

    def cpp(self, folding: Folding) -> CppInstance:
        ((taken,), (given,)) = self.streams(folding)
        depth = serial.plan(*self.image, self.window).depth
        template = (*self._geometry().values(), taken.elements, given.elements, depth, self.fill)
        return CppInstance("swu", (*template, self.tensor.dtype))
