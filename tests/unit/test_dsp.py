"""Packing weights into DSP slices: an integer model of the slices against plain dot products.

What the model computes is what dot_dsp.sv does; that the hardware agrees is tested in test_dsp_hardware.py.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from levada_driver.datatype import BIPOLAR, IntType

from levada import dsp, slices

INT2, INT3, INT4, INT6, INT8 = (IntType(bits, signed=True) for bits in (2, 3, 4, 6, 8))
UINT2, UINT3, UINT4, UINT6, UINT8 = (IntType(bits, signed=False) for bits in (2, 3, 4, 6, 8))


def wrapped(value, bits):
    """The value that `bits` bits of two's complement hold."""
    return (value + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1))


def computed(dot, w, a):
    """Results [pixels, lanes] of weights [lanes, simd] and inputs [pixels, simd], as the slices do it."""
    packing, shape = dot.packing, dot.shape
    digits = packing.lanes * packing.pixels
    results = np.zeros((packing.pixels, packing.lanes), dtype=np.int64)
    for first in range(0, dot.simd, dot.cascade):
        p = sum(dot.bias << (digit * packing.pitch) for digit in range(digits))
        for i in range(first, min(first + dot.cascade, dot.simd)):
            x = sum(int(w[n, i]) << (n * packing.pixels * packing.pitch) for n in range(packing.lanes))
            b = sum(int(a[j, i]) << (j * packing.pitch) for j in range(packing.pixels))
            p += wrapped(x, shape.d_bits) * wrapped(b, shape.b_bits)
        p %= 1 << shape.p_bits
        for digit in range(digits):
            field = (p >> (digit * packing.pitch)) % (1 << dot.field_bits)
            results[digit % packing.pixels, digit // packing.pixels] += field
    return results - dot.offset


def ends(dot):
    """Operands that fill the lanes to the brim: every lane all smallest or all largest weights, and so on."""
    packing, operands = dot.packing, dot.operands
    weights = list(itertools.product((operands.w_low, operands.w_high), repeat=min(packing.lanes, 8)))
    inputs = list(itertools.product(operands.a_range, repeat=packing.pixels))
    for w, a in itertools.product(weights, inputs):
        lanes = np.resize(w, packing.lanes)
        yield np.repeat(lanes[:, None], dot.simd, 1), np.repeat(np.array(a)[:, None], dot.simd, 1)


def exact_at_ends(dot):
    return all(np.array_equal(computed(dot, w, a), a @ w.T) for w, a in ends(dot))


@st.composite
def operands(draw):
    """Types of weights and inputs of at most 8 bits, and whether the smallest weight is missing."""
    wtype = draw(st.one_of(st.just(BIPOLAR), st.builds(IntType, st.integers(2, 8), st.just(True))))
    atype = draw(st.one_of(st.just(BIPOLAR), st.builds(IntType, st.integers(2, 8), st.booleans())))
    return dsp.Operands.of(wtype, atype, draw(st.booleans()))


@st.composite
def dots(draw):
    """A dot product in slices of any kind, with any number of lanes and pixels that is exact."""
    shape = draw(st.sampled_from(list(slices.SHAPES.values())))
    given_operands = draw(operands())
    packings = dsp.packings(given_operands, draw(st.integers(1, 3)), shape)
    assume(packings)
    return dsp.dot(given_operands, draw(st.sampled_from(packings)), draw(st.integers(1, 20)), shape=shape)


def random_operands(dot, seed):
    random = np.random.default_rng(seed)
    w = random.integers(dot.operands.w_low, dot.operands.w_high + 1, (dot.packing.lanes, dot.simd))
    if dot.operands.wtype.bipolar:
        w = np.where(w > 0, 1, -1)
    a_low, a_high = dot.operands.a_range
    return w, random.integers(a_low, a_high + 1, (dot.packing.pixels, dot.simd))


@given(dots(), st.integers(0, 2**32))
def test_any_operands_are_exact(dot, seed):
    w, a = random_operands(dot, seed)
    assert np.array_equal(computed(dot, w, a), a @ w.T)


@given(dots())
def test_the_ends_of_the_ranges_are_exact(dot):
    assert exact_at_ends(dot)


@given(dots())
def test_results_fit_their_bits(dot):
    low, high = dsp.sum_range(dot.operands, dot.simd)
    assert low + dot.offset >= 0
    assert high + dot.offset < 1 << dot.dot_bits


@given(dots())
def test_one_slice_more_than_allowed_is_wrong(dot):
    packing = dot.packing
    assume(packing.cascade < dot.shape.longest and packing.lanes * packing.pixels > 1)
    cascade = packing.cascade + 1
    low, high = dsp.sum_range(dot.operands, cascade)
    longer = replace(dot, simd=cascade, cascade=cascade, low=low, high=high)
    assert not longer.exact
    assert not exact_at_ends(longer)


@given(dots())
def test_a_wider_pitch_does_not_fit(dot):
    packing = replace(dot.packing, pitch=dot.packing.pitch + 1)
    assume(packing.lanes * packing.pixels > 1)
    assume(packing.lanes * packing.pixels * packing.pitch <= dot.shape.p_bits)
    top = (packing.lanes - 1) * packing.pixels * packing.pitch + dot.operands.w_bits
    low, high = dsp.sum_range(dot.operands, packing.cascade)
    wider = replace(dot, packing=packing, simd=packing.cascade, cascade=packing.cascade, low=low, high=high)
    assert top > dot.shape.d_bits or not exact_at_ends(wider)


@given(dots(), st.integers(0, 2**32))
def test_actual_weights_allow_chains_at_least_as_long(dot, seed):
    w, a = random_operands(dot, seed)
    fitted = dsp.dot(dot.operands, dot.packing, dot.simd, chains=dsp.Chains(dot.operands, w), shape=dot.shape)
    assert fitted.exact
    assert fitted.chains <= dot.chains
    for inputs in (a, *(np.full_like(a, end) for end in dot.operands.a_range)):
        assert np.array_equal(computed(fitted, w, inputs), inputs @ w.T)


@pytest.mark.parametrize(
    ("wtype", "atype", "narrow", "lanes", "pitch", "cascade"),
    [
        (INT4, UINT4, False, 3, 10, 4),
        (INT4, INT4, False, 3, 10, 8),
        (INT3, UINT3, False, 4, 7, 2),
        (INT3, INT3, False, 5, 5, 1),
        (INT2, UINT2, False, 6, 4, 1),
        (INT2, UINT2, False, 5, 5, 3),
        (INT2, UINT2, False, 4, 7, 8),
        (INT2, UINT2, True, 8, 3, 1),
        (INT2, INT2, False, 8, 3, 1),
        (INT6, UINT6, False, 2, 18, 8),
        (INT8, UINT8, False, 2, 16, 1),
        (INT8, UINT8, True, 2, 17, 2),
        (INT8, INT8, True, 2, 17, 4),
        (INT4, UINT8, False, 2, 20, 8),
        (INT8, UINT4, False, 2, 16, 8),
        (INT2, UINT4, False, 4, 7, 2),
        (INT4, UINT2, False, 4, 6, 1),
        (INT3, UINT4, False, 4, 7, 1),
        (BIPOLAR, UINT4, False, 5, 5, 1),
        (BIPOLAR, UINT8, False, 3, 11, 4),
        (INT4, BIPOLAR, False, 6, 4, 1),
    ],
)
def test_lanes_of_a_dsp48e1(wtype, atype, narrow, lanes, pitch, cascade):
    packings = dsp.packings(dsp.Operands.of(wtype, atype, narrow))
    assert dsp.Packing(lanes, 1, pitch, cascade) in packings
    assert [packing.lanes for packing in packings] == list(range(packings[0].lanes, 0, -1))


def test_a_wider_slice_holds_longer_chains():
    (packing, *_) = dsp.packings(dsp.Operands.of(INT8, UINT8), shape=slices.DSP48E2)
    assert packing == dsp.Packing(lanes=2, pixels=1, pitch=18, cascade=4)


@pytest.mark.parametrize(
    ("wtype", "atype", "pixels", "products"),
    [(INT4, UINT4, 2, 4), (INT3, UINT3, 3, 6), (INT2, UINT2, 4, 8), (INT8, UINT8, 2, 0), (INT4, INT4, 2, 0)],
)
def test_pixels_side_by_side(wtype, atype, pixels, products):
    packings = dsp.packings(dsp.Operands.of(wtype, atype), pixels)
    assert max((packing.lanes * packing.pixels for packing in packings), default=0) == products


def test_inputs_wider_than_a_slice_are_refused():
    assert dsp.packings(dsp.Operands.of(INT4, IntType(18, signed=False))) == ()
    assert dsp.packings(dsp.Operands.of(INT4, IntType(18, signed=True))) != ()


def test_chains_are_of_even_length():
    given_operands = dsp.Operands.of(INT4, UINT4)
    (packing, *_) = dsp.packings(given_operands)
    assert {dsp.dot(given_operands, packing, simd).cascade for simd in (3, 5, 6, 9)} == {3}
