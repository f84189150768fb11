"""Layers at other bit widths: parameters that stand for unknown trained ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from levada_driver.datatype import BIPOLAR, IntType

from levada.errors import LevadaError
from levada.layer import Tensor, registered
from levada.precision import Precision, moved, rescaled, resized, respaced
from levada.window import Window
from tests.unit import graphs

KINDS = sorted(registered())
widths = st.integers(1, 8)


def types(layer):
    return tuple(tensor.dtype for tensor in layer.inputs)


def same_parameters(one, other):
    for name in ("weights", "thresholds", "table", "factors"):
        np.testing.assert_array_equal(getattr(one, name, None), getattr(other, name, None))
    assert [one.terms(folding) for folding in one.foldings()] == [
        other.terms(folding) for folding in other.foldings()
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_stays_what_it_is_at_its_own_types_and_widths(kind):
    @given(registered()[kind].strategy())
    def check(case):
        layer = case.layer
        for precision in (Precision(), layer.precision):
            same_parameters(layer, layer.requantized(types(layer), precision))

    check()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_a_layer_of_the_types_and_widths_asked_for(kind):
    @given(registered()[kind].strategy(), widths, widths, st.data())
    def check(case, weight, activation, data):
        layer = case.layer
        inputs = tuple(resized(dtype, data.draw(widths)) for dtype in types(layer))
        assume(kind != "swu" or not inputs[0].bipolar)  # which has no zero to pad with
        made = layer.requantized(inputs, Precision(weight, activation))
        assert types(made) == inputs
        own = layer.precision
        wanted = Precision(own.weight and weight, own.activation and activation)
        assert made.precision == wanted
        assert [tensor.shape for tensor in made.outputs] == [tensor.shape for tensor in layer.outputs]
        assert made.outputs[0].dtype.signed == layer.outputs[0].dtype.signed or own.activation is None
        folding = next(iter(made.foldings()))
        assert made.resources(folding, graphs.DEVICE).lut > 0
        x = [np.full((1, *port.shape), port.dtype.max) for port in made.inputs]
        results = made.golden(*x)
        assert all(port.dtype.holds(y) for port, y in zip(made.outputs, results, strict=True))

    check()


@given(st.integers(0, 2**32 - 1), widths, widths)
def test_rescaled_weights_fill_the_new_range_and_are_the_same_each_time(seed, old, new):
    wtype, wanted = (resized(graphs.INT4, bits) for bits in (old, new))
    random = np.random.default_rng(seed)
    weights = random.integers(-max(1, wtype.max), wtype.max + 1, (16, 64))
    weights = np.where(weights < 0, -1, 1) if wtype.bipolar else weights
    made, dtype = rescaled(weights, wtype, new)
    assert dtype == wanted
    assert dtype.holds(made)
    assert min(made.max(), -made.min()) >= 0.9 * dtype.max
    np.testing.assert_array_equal(made, rescaled(weights, wtype, new)[0])
    if new == 2 != old:
        return  # the next test
    # Each is within a step of where it was.
    moves = np.abs(made / dtype.max - weights / wtype.max)
    assert moves.max() <= wtype.step / 2 / wtype.max + dtype.step / 2 / dtype.max + 1e-9
    # They lie where they lay before, but for chance.
    if not wtype.bipolar and not dtype.bipolar:
        assert abs(float(made.mean() / dtype.max - weights.mean() / wtype.max)) < 0.1


@pytest.mark.parametrize("bits", [3, 4, 8])
def test_ternary_weights_are_as_dense_as_trained_ones(bits):
    random = np.random.default_rng(bits)
    wtype = IntType(bits, signed=True)
    normal = random.normal(size=(32, 256))  # its largest values would leave a tenth of the others
    weights = np.rint(normal / np.abs(normal).max() * wtype.max).astype(np.int64)
    made, _ = rescaled(weights, wtype, 2)
    # Of a normal distribution 0.7 times the mean magnitude, 0.56, is exceeded by 0.577.
    assert abs(np.count_nonzero(made) / made.size - 0.577) < 0.06
    assert np.all(made * weights >= 0) or bits == 3
    assert abs(made.mean()) < 0.05


def quantizer(bits, signed, span):
    """Thresholds [2, N] of a uniform quantizer of values in -span..span, and what belongs to them."""
    dtype = resized(IntType(8, signed), bits)
    base = -dtype.max if signed else 0
    count = (dtype.max - base) // dtype.step
    borders = base + dtype.step * (np.arange(count) + 0.5)
    line = np.ceil(borders * np.array([[0.7], [0.4]]) * span / (dtype.max + dtype.step / 2)).astype(np.int64)
    return line, base, dtype


@pytest.mark.parametrize("signed", [False, True])
@given(st.integers(2, 8), st.integers(1, 8), st.integers(10, 16))
def test_thresholds_of_a_uniform_quantizer_become_those_of_another_one(signed, old, new, size):
    before, after = 1 << size, 1 << (size + new)
    thresholds, base, otype = quantizer(old, signed, before)
    want, lowest, dtype = quantizer(new, signed, after)
    made = respaced(thresholds, base, otype, (-before, before), (-after, after), new)
    assert (made["base"], made["otype"]) == (lowest, dtype)
    assert made["thresholds"].shape == want.shape
    # The line is known to a step of the sums before.
    assert np.abs(made["thresholds"] - want).max() <= 2 * after / before + 1


def test_thresholds_on_no_line_stay_on_their_curve():
    otype = IntType(3, signed=False)
    curve = np.array([[0, 1, 4, 9, 16, 25, 36]]) * 10
    made = respaced(curve, 0, otype, (-10, 500), (-10, 500), 4)["thresholds"][0]
    assert len(made) == 15
    assert np.all(np.diff(made[1:-1]) >= 0)
    # The borders between UINT4 among those between UINT3, where both types reach as far.
    places = (np.arange(15) + 0.5) / 15.5 * 7.5 - 0.5
    assert np.abs(made - np.interp(places, np.arange(7), curve[0])).max() <= 1


def test_a_quantizer_that_uses_a_part_of_its_range_does_so_at_other_widths():
    positive = respaced(np.arange(1, 8)[None], 0, graphs.INT4, (-20, 20), (-20, 20), 6)
    assert (positive["base"], positive["otype"], positive["thresholds"].shape) == (
        0,
        IntType(6, True),
        (1, 31),
    )
    sign = respaced(np.zeros((1, 1), np.int64), -1, BIPOLAR, (-9, 9), (-9, 9), 4)
    assert (sign["base"], sign["thresholds"].shape) == (-7, (1, 14))
    np.testing.assert_array_equal(moved(np.array([-7, 0, 7]), graphs.INT4, graphs.INT8), [-127, 0, 127])


def test_a_window_unit_pads_with_the_smallest_value_of_the_new_type_or_with_0():
    image = Tensor("image", (4, 4, 2), graphs.INT4)
    for fill, wanted in ((-8, -128), (0, 0)):
        swu = graphs.window()(image, Window((3, 3), pads=(1, 1, 1, 1)), fill)
        assert swu.requantized((graphs.INT8,), Precision()).fill == wanted
    with pytest.raises(LevadaError, match="image: a bipolar input has no zero to pad with"):
        swu.requantized((BIPOLAR,), Precision())


def test_a_table_beyond_the_most_entries_is_refused():
    table = np.arange(16)[None] // 2
    lookup = registered()["lookup"](table, 0, 3, graphs.UINT4, IntType(3, False))
    made = lookup.requantized((graphs.UINT8,), Precision(activation=4))
    assert made.table.shape == (1, 256)
    assert (made.table.min(), made.table.max()) == (0, 15)
    with pytest.raises(LevadaError) as error:
        lookup.requantized((IntType(13, False),), Precision())
    assert str(error.value) == "a table of 8192 entries for UINT13, 4096 are the most; use fewer bits"


def test_fewer_bits_cost_less():
    layer = graphs.mvau(np.random.default_rng(0), 32, 16, graphs.INT8, graphs.UINT8, graphs.UINT8)
    made = [layer.requantized(types(layer), Precision(bits, bits)) for bits in (8, 6, 4, 2, 1)]
    for folding in (replace(f) for f in layer.foldings() if f.memory == "lut" and not f.dsp_pe):
        if all(folding in list(one.foldings()) for one in made):
            luts = [one.resources(folding, graphs.DEVICE).lut for one in made]
            assert luts == sorted(luts, reverse=True), folding


def test_words():
    assert [str(Precision(*bits)) for bits in ((4, 2), (8, None), (None, 4))] == ["w4a2", "w8", "a4"]
