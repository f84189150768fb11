"""Integer types: names, ranges, codes, and texts of refusal."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from levada_driver.datatype import BIPOLAR, IntType

TYPES = [BIPOLAR] + [IntType(bits, signed) for bits in range(1, 34) for signed in (False, True)]
types = st.sampled_from(TYPES)


def naive_values(dtype):
    """All values, for narrow types, by their definition."""
    if dtype.bipolar:
        return [-1, 1]
    half = 2 ** (dtype.bits - 1)
    return list(range(-half, half)) if dtype.signed else list(range(2 * half))


@pytest.mark.parametrize("dtype", [dtype for dtype in TYPES if dtype.bits <= 6], ids=lambda d: d.name)
def test_range_codes_and_membership_of_every_value(dtype):
    values = naive_values(dtype)
    assert (dtype.min, dtype.max) == (values[0], values[-1])
    assert {b - a for a, b in pairwise(values)} == {dtype.step}
    codes = dtype.encode(np.array(values))
    assert sorted(codes.tolist()) == list(range(2**dtype.bits))
    assert dtype.decode(codes).tolist() == values
    for value in range(dtype.min - 3, dtype.max + 4):
        assert dtype.holds(np.array([values[0], value])) == (value in values), value


@pytest.mark.parametrize(
    ("dtype", "value", "code"),
    [
        (BIPOLAR, -1, 0),
        (BIPOLAR, 1, 1),
        (IntType(1, signed=True), -1, 1),
        (IntType(4, signed=True), -8, 8),
        (IntType(4, signed=True), -1, 15),
        (IntType(4, signed=False), 15, 15),
        (IntType(64, signed=True), -1, 2**64 - 1),
        (IntType(64, signed=True), -(2**63), 2**63),
    ],
)
def test_codes(dtype, value, code):
    assert dtype.encode(np.array([value])).tolist() == [code]
    assert dtype.decode(np.array([code], np.uint64)).tolist() == [value]


@given(types)
def test_a_name_is_read_back(dtype):
    assert IntType.parse(dtype.name) == dtype


def test_names_of_qonnx():
    assert IntType.parse("BIPOLAR") is BIPOLAR
    assert IntType.parse("BINARY") == IntType(1, signed=False)
    assert IntType.parse("TERNARY") == IntType(2, signed=True)
    assert [IntType.parse(name).name for name in ("INT3", "UINT3", "BINARY")] == ["INT3", "UINT3", "UINT1"]


@pytest.mark.parametrize("name", ["FLOAT32", "INT", "INT0", "UINT08", "INT-3", "INT3 ", "", "FIXED<4,2>"])
def test_other_names_are_refused(name):
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the text is compared below
        IntType.parse(name)
    assert str(error.value) == f"{name!r} is no integer type; write INT<n>, UINT<n> or BIPOLAR"


@pytest.mark.parametrize(("bits", "bipolar"), [(0, False), (-1, False), (2, True)])
def test_impossible_widths_are_refused(bits, bipolar):
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the text is compared below
        IntType(bits, signed=True, bipolar=bipolar)
    assert str(error.value) == f"no integer type has {bits} bits (bipolar={bipolar})"


@given(st.integers(-(2**20), 2**20), st.integers(0, 2**20))
def test_covering_is_the_narrowest(low, extent):
    dtype, high = IntType.covering(low, low + extent), low + extent
    assert dtype.signed == (low < 0)
    assert dtype.min <= low
    assert high <= dtype.max
    if dtype.bits > 1:
        narrower = IntType(dtype.bits - 1, dtype.signed)
        assert not narrower.min <= low or not high <= narrower.max


def test_fractions_and_what_is_no_number_are_of_no_type():
    dtype = IntType(4, signed=True)
    assert dtype.holds(np.array([-8.0, 7.0]))
    assert not dtype.holds(np.array([0.5]))
    assert not dtype.holds(np.array([np.nan]))
    assert not dtype.holds(np.array([np.inf]))
    assert dtype.holds(np.zeros((0, 3)))
