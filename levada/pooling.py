"""Pools of an image: what layers that reduce one tile after the other have in common.

Every pool comes down to tiles that lie side by side without gaps or overlap. Where the windows of the pool do
so by themselves, the image is read as it comes; else the window unit goes before and each of its windows is
a tile one pixel high.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import ceil, log2
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from levada_driver.datatype import IntArray, IntType
from levada_driver.packing import Stream

from levada import memory
from levada.layer import (
    BoolArray,
    Folding,
    Layer,
    Part,
    Schedule,
    Tensor,
    divisors,
    windows_of,
)
from levada.terms import Terms, total
from levada.window import Window

if TYPE_CHECKING:  # only the tests draw tiles
    from hypothesis.strategies import DrawFn

#: Tiles of one step where a step takes more than one.
_MOST_TILES = 4


@dataclass(frozen=True)
class Tiles:
    """`rows` x `columns` tiles, each `height` x `width` pixels of `channels`: an image without remainder."""

    rows: int
    columns: int
    height: int
    width: int
    channels: int

    @property
    def image(self) -> tuple[int, int, int]:
        """Shape of the image."""
        return self.rows * self.height, self.columns * self.width, self.channels

    @property
    def reduced(self) -> tuple[int, int, int]:
        """Shape of the result, one pixel a tile."""
        return self.rows, self.columns, self.channels

    @property
    def taps(self) -> int:
        """Pixels of a tile."""
        return self.height * self.width

    def split(self, x: IntArray) -> IntArray:
        """Splits x [frames, *image] into tiles: [frames, rows, columns, taps, channels]."""
        frames, (rows, columns, channels) = len(x), self.reduced
        parts = x.reshape(frames, rows, self.height, columns, self.width, channels)
        return parts.swapaxes(2, 3).reshape(frames, rows, columns, self.taps, channels)


@dataclass(frozen=True)
class TileFolding:
    """Tiles laid out in time, in the words of `hls/common/tile_reduce.sv`.

    A step takes `pe` channels of `taps` pixels of each of `tiles` tiles; `cf` folds of the channels, `kf`
    parts of a tile's row, `wf` places along a row, `kh` rows of a tile.
    """

    pe: int
    taps: int
    tiles: int
    cf: int
    kf: int
    wf: int
    kh: int

    @property
    def lanes(self) -> int:
        """Results of a step."""
        return self.tiles * self.pe

    @property
    def places(self) -> int:
        """Places that the hardware tells apart along a row: none where a tile is one row high."""
        return self.wf if self.kh > 1 else 1

    @property
    def depth(self) -> int:
        """Words of running results; 1 needs no memory."""
        return 1 if self.kf * self.kh == 1 else self.places * self.cf

    @property
    def chained(self) -> bool:
        """Whether a step may go on with the result of the step right before."""
        return self.cf == 1 and (self.kf > 1 or (self.places == 1 and self.kh > 1))

    def writes(self, rows: int) -> BoolArray:
        """Which steps of a frame with so many rows of tiles give results."""
        steps = np.zeros((rows, self.kh, self.wf, self.kf, self.cf), np.bool_)
        steps[:, -1, :, -1, :] = True
        return steps.reshape(-1)

    def slots(self, latency: int) -> int:
        """The most results of latency + 1 successive steps, at least 2: with so many it never waits.

        Results come in bursts of cf every kf*cf steps, in the last of the kh rows of a tile.
        """
        row = self.wf * self.kf * self.cf
        rows, rest = divmod(latency + 1, self.kh * row) if self.kh > 1 else (0, latency + 1)
        bursts, more = divmod(min(rest, row) if self.kh > 1 else rest, self.kf * self.cf)
        return max(2, rows * self.wf * self.cf + bursts * self.cf + min(more, self.cf))


@dataclass(frozen=True, eq=False)
class TilePool(Layer):
    """Reduces each tile of x [*tiles.image] of `xtype` to one pixel, each channel by itself."""

    typed: ClassVar[tuple[str, ...]] = ("xtype",)

    tiles: Tiles
    xtype: IntType

    @property
    @abstractmethod
    def result_type(self) -> IntType:
        """Type of the result."""

    @property
    def levels(self) -> int:
        """Levels of the search among the thresholds behind; 0 without."""
        return 0

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The image, or the windows one after the other."""
        return (Tensor("x", self.tiles.image, self.xtype),)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """One pixel a tile."""
        return (Tensor("y", self.tiles.reduced, self.result_type),)

    def foldings(self) -> Iterator[Folding]:
        """A part of the channels of one pixel, or all of them of several pixels."""
        tiles = self.tiles
        parts = [(pe, 1) for pe in divisors(tiles.channels)]
        parts += [(tiles.channels, mmv) for mmv in divisors(tiles.width)[1:]]
        whole = [number for number in divisors(tiles.columns)[1:] if number <= _MOST_TILES]
        parts += [(tiles.channels, number * tiles.width) for number in whole]
        for pe, mmv in parts:
            depth = self.folding_of(pe, mmv).depth
            for place in memory.places(depth) if depth > 1 else ("none",):
                yield Folding(pe, pe, mmv, memory=place)

    def folded(self) -> Mapping[str, tuple[str, int]]:
        """`pe` channels at once."""
        return {"pe": ("channels", self.tiles.channels)}

    def folding_of(self, pe: int, mmv: int) -> TileFolding:
        """The layout for `pe` channels of `mmv` pixels a step."""
        tiles = self.tiles
        abreast = max(1, mmv // tiles.width)
        taps = mmv // abreast
        parts = (tiles.channels // pe, tiles.width // taps, tiles.columns // abreast)
        return TileFolding(pe, taps, abreast, *parts, tiles.height)

    def streams(self, folding: Folding) -> tuple[tuple[Stream, ...], tuple[Stream, ...]]:
        """Beats of `mmv` pixels in; of one pixel, or one a tile, out."""
        layout = self.folding_of(folding.pe, folding.mmv)
        elements, size = folding.pe * folding.mmv, self.inputs[0].size
        given = self.outputs[0].size // layout.lanes
        return (
            (Stream(self.xtype, elements, size // elements),),
            (Stream(self.result_type, layout.lanes, given),),
        )

    def schedule(self, folding: Folding) -> Schedule:
        """Reads in every step, writes in those of a tile's last part."""
        layout = self.folding_of(folding.pe, folding.mmv)
        latency = self.latency(layout)
        writes = layout.writes(self.tiles.rows)
        return Schedule((np.ones_like(writes),), (writes,), latency, layout.slots(latency))

    def latency(self, layout: TileFolding) -> int:
        """Pixels' register, tree over the taps, running result, two cycles a threshold level, fifo."""
        return 1 + ceil(log2(layout.taps)) + 1 + 2 * self.levels + 1

    def cycles(self, folding: Folding) -> int:
        """H * W * C / (pe * mmv): a step a beat."""
        return self.inputs[0].size // (folding.pe * folding.mmv)

    def layout_params(self, folding: Folding) -> dict[str, int]:
        """Parameters of the module that say how the tiles are folded."""
        layout = self.folding_of(folding.pe, folding.mmv)
        return {
            "PE": layout.pe,
            "CF": layout.cf,
            "TAPS": layout.taps,
            "TILES": layout.tiles,
            "KF": layout.kf,
            "WF": layout.places,
            "KH": layout.kh,
            "BLOCK": int(folding.memory == "block"),
            "SLOTS": layout.slots(self.latency(layout)),
        }

    def cpp_layout(self, folding: Folding) -> tuple[int, ...]:
        """The same as arguments of the function template."""
        layout = self.folding_of(folding.pe, folding.mmv)
        counts = (layout.kh, layout.wf, layout.kf, layout.cf)
        return (self.tiles.rows, *counts, layout.tiles, layout.taps, layout.pe)


def pool_parts(
    x: Tensor, windows: Window, fill: int, result: str, make: Callable[[Tiles], Layer]
) -> tuple[Part, ...]:
    """The layer that `make` gives for a pool, behind a window unit that pads with `fill` if it needs one.

    x [H, W, C] carries the name of its ONNX tensor, `result` is that of the pool. LevadaError where the
    window unit cannot cut these windows.
    """
    height, width, channels = x.shape
    (kh, kw), (rows, columns) = windows.kernel, windows.outputs(height, width)
    if _side_by_side(x, windows):
        return (Part(make(Tiles(rows, columns, kh, kw, channels)), (x.name,), (result,)),)
    before, source = windows_of(x, windows, fill)
    layer = make(Tiles(rows, columns, 1, windows.taps, channels))
    return (*before, Part(layer, (source,), (result,)))


def _side_by_side(x: Tensor, windows: Window) -> bool:
    """Whether the windows cut the image into tiles without remainder.

    Along an axis with one window its stride does not matter, nor the dilation of one pixel.
    """
    axes = zip(windows.kernel, windows.stride, windows.dilation, x.shape, strict=False)
    tiled = all((k == n or (k == s and n % k == 0)) and (k == 1 or d == 1) for k, s, d, n in axes)
    return tiled and not any(windows.pads)


def tile_terms(layout: TileFolding, folding: Folding, x: int, running: int) -> Terms:
    """A tile_reduce.sv but for its trees and its sums or maxima: counters, input registers, running results.

    `x` and `running` are bits of an element: of the input, of a running result.
    """
    bits = layout.lanes * running
    tree = (layout.taps - 1).bit_length()
    depth = layout.depth
    steps = Terms(
        {"tile_steps": 10}, {"valid": 2 * (tree + 1) + 1, "operands": layout.lanes * layout.taps * x}
    )
    waits = memory.delay(tree, (depth - 1).bit_length() + 2)
    counted = memory.counters(layout.cf, layout.kf, layout.places, layout.kh, depth)
    # A running result of 1 or 2 bits takes the choice of what it goes on from into the LUTs that merge it.
    chained = layout.chained and running > 2
    kept = memory.partials(depth, bits, chained=chained, place=folding.memory)
    return total((steps, waits, counted, kept))


def draw_tiles(draw: DrawFn) -> Tiles:
    """Random tiles, now and then so many in a row that block RAM is offered. Only tests call this."""
    from hypothesis import strategies as st

    rows, height, width = draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(1, 5))
    if draw(st.integers(0, 7)) == 7:
        return Tiles(1, memory.LUT_WORDS + 1, 2, draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    channels = draw(st.sampled_from([1, 2, 3, 4, 6, 8]))
    return Tiles(rows, draw(st.sampled_from([1, 2, 3, 4, 8])), height, width, channels)
