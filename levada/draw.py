"""Random types and values: what the layers' strategies have in common. Only tests import this."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from levada_driver.datatype import BIPOLAR, IntArray, IntType

from levada.layer import Folding, Layer

#: Where parameters lie that can be written.
PLACE = 1 << 24


def seeded(draw: st.DrawFn) -> np.random.Generator:
    """A generator whose seed hypothesis draws, and so prints and replays."""
    return np.random.default_rng(draw(st.integers(0, 2**32 - 1)))


def draw_type(draw: st.DrawFn, max_bits: int, unsigned: bool = True) -> IntType:
    """BIPOLAR, INT<n> with n >= 2 or (if `unsigned`) UINT<n>, of up to `max_bits` bits."""
    kinds = ["bipolar", "signed", "unsigned"] if unsigned else ["bipolar", "signed"]
    kind = draw(st.sampled_from(kinds))
    if kind == "bipolar":
        return BIPOLAR
    return IntType(draw(st.integers(2 if kind == "signed" else 1, max_bits)), signed=kind == "signed")


def draw_result_type(draw: st.DrawFn, max_bits: int) -> IntType:
    """A type of up to `max_bits` bits, or now and then of 8, which take deep tables of thresholds."""
    if draw(st.integers(0, 3)) == 0:
        return IntType(8, signed=draw(st.booleans()))
    return draw_type(draw, max_bits)


def draw_values(random: np.random.Generator, dtype: IntType, shape: tuple[int, ...]) -> IntArray:
    """Values over the whole range of a type, its ends more often than chance would have them."""
    count = (dtype.max - dtype.min) // dtype.step + 1
    index = random.integers(0, count, shape)
    ends = random.random(shape)
    index = np.where(ends < 0.1, 0, np.where(ends > 0.9, count - 1, index))
    return dtype.min + dtype.step * index


def draw_thresholds(
    draw: st.DrawFn,
    random: np.random.Generator,
    ends: tuple[int, int],
    channels: int,
    alike: bool = True,
) -> tuple[IntArray, int, IntType]:
    """A table [channels, N] of thresholds below, within and above a range, its base and its type.

    The channels may have the same ones, if `alike`; a few tables are as deep as 8 bits ask for.
    """
    otype = draw_result_type(draw, 4)
    full = (otype.max - otype.min) // otype.step
    count = draw(st.integers(max(1, full - 1), full))
    rows = draw(st.sampled_from([1, channels])) if alike else channels
    table = draw_table(draw, random, ends, (rows, count))
    return np.broadcast_to(table, (channels, count)), otype.max - count * otype.step, otype


def draw_table(
    draw: st.DrawFn, random: np.random.Generator, ends: tuple[int, int], shape: tuple[int, int]
) -> IntArray:
    """Ascending thresholds [C, N], anywhere or, as quantizers have them, close to lines and partly beyond."""
    rows, count = shape
    if draw(st.booleans()):
        return np.sort(random.integers(ends[0] - 2, ends[1] + 3, shape), axis=1)
    rise = random.uniform(0.5, 2, (rows, 1)) * (ends[1] - ends[0]) / count
    start = random.uniform(ends[0] - (ends[1] - ends[0]) / 4, ends[1], (rows, 1))
    line = np.ceil(start + rise * np.arange(count)).astype(np.int64)
    ties = random.random(shape) < draw(st.sampled_from([0, 0.1, 0.5]))
    return np.asarray(np.sort(line + ties, axis=1))


def draw_folding(draw: st.DrawFn, layer: Layer, multipliers: int = 64) -> Folding:
    """A legal folding, of up to so many multipliers where there is one: tools take long for large ones.

    The ways to keep thresholds, of which some layers have more than others, are drawn equally often.
    """
    legal = list(layer.foldings())
    way = draw(st.sampled_from(sorted({fold.thresholds for fold in legal})))
    legal = [fold for fold in legal if fold.thresholds == way]
    small = [fold for fold in legal if fold.mmv * fold.pe * fold.simd <= multipliers]
    return draw(st.sampled_from(small or legal))
