"""VVAU: which convolutions it takes, against onnxruntime; what it refuses; its cycles in closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from levada_driver.datatype import BIPOLAR, IntType

from levada import thresholds as th
from levada.draw import draw_values
from levada.errors import LevadaError
from levada.layer import Folding, registered
from levada.precision import Precision
from tests.unit import graphs
from tests.unit.images import (
    image_model,
    kinds,
    most_writes,
    run_layers,
    run_onnx,
    taken,
    with_thresholds,
)

Vvau = registered()["vvau"]
INT4, UINT4 = IntType(4, signed=True), IntType(4, signed=False)
SHAPE = (1, 4, 6, 7)


def depthwise(wtype, dtype, multiplier=1, kernel=(3, 3), frames=1, **attributes):
    random = np.random.default_rng(5)
    weights = draw_values(random, wtype, (4 * multiplier, 1, *kernel))
    return image_model("Conv", (frames, *SHAPE[1:]), dtype, weights, group=4, **attributes)


@pytest.mark.parametrize(
    ("multiplier", "kernel", "attributes"),
    [
        (1, (3, 3), {}),
        (1, (3, 3), {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
        (2, (2, 3), {"pads": [0, 2, 1, 0], "dilations": [2, 1]}),
        (4, (1, 5), {"strides": [3, 1]}),
        (3, (1, 1), {"strides": [2, 2]}),
    ],
)
@pytest.mark.parametrize(
    ("wtype", "dtype"), [(INT4, "UINT4"), (BIPOLAR, "INT3"), (INT4, "BIPOLAR"), (BIPOLAR, "BIPOLAR")]
)
def test_depthwise_convolutions_equal_onnxruntime(wtype, dtype, multiplier, kernel, attributes):
    if dtype == "BIPOLAR":
        attributes = {key: value for key, value in attributes.items() if key != "pads"}
    match = taken(depthwise(wtype, dtype, multiplier, kernel, **attributes))
    assert kinds(match) == ["swu", "vvau"]
    assert match.parts[0].layer.fill == 0
    x = draw_values(np.random.default_rng(0), IntType.parse(dtype), (2, *SHAPE[1:]))
    want = run_onnx(depthwise(wtype, dtype, multiplier, kernel, 2, **attributes), x)
    assert np.array_equal(run_layers(match, x), want)


def test_a_kernel_of_one_pixel_needs_no_window_unit():
    match = taken(depthwise(INT4, "UINT4", kernel=(1, 1)))
    assert (kinds(match), match.parts[0].inputs) == (["vvau"], ("x",))
    assert [f.memory for f in match.parts[0].layer.foldings() if f.pe == 4] == ["constant"]


def test_thresholds_behind_are_taken_along():
    table = np.sort(np.random.default_rng(1).integers(-60, 60, (8, 3)), axis=1)
    match = taken(with_thresholds(depthwise(INT4, "UINT4", 2), table))
    assert (match.nodes, match.parts[-1].outputs) == (("Conv_0", "MultiThreshold_0"), ("z",))
    x = draw_values(np.random.default_rng(2), UINT4, (2, *SHAPE[1:]))
    sums = run_onnx(depthwise(INT4, "UINT4", 2, frames=2), x).astype(np.int64)
    want = th.apply(np.moveaxis(sums, 1, -1), table, 0, 1)
    assert np.array_equal(np.moveaxis(run_layers(match, x), 1, -1), want)


@pytest.mark.parametrize(("inputs", "groups"), [(4, 1), (2, 2)])
def test_other_convolutions_are_left_to_others(inputs, groups):
    weights = draw_values(np.random.default_rng(0), INT4, (4, inputs, 2, 2))
    model = image_model("Conv", SHAPE, "UINT4", weights, group=groups)
    assert Vvau.match(model.graph.node[0], model) is None


def test_more_than_four_outputs_of_a_channel_are_refused():
    with pytest.raises(LevadaError) as error:
        taken(depthwise(INT4, "UINT4", 5))
    assert str(error.value) == (
        "Conv_0: 5 output channels for each input channel of a depthwise convolution, 4 are the most; "
        "split it into several convolutions"
    )


def test_a_bipolar_image_is_not_padded():
    with pytest.raises(LevadaError, match="bipolar input has no zero to pad with"):
        taken(depthwise(INT4, "BIPOLAR", pads=[1, 1, 1, 1]))


@given(
    st.sampled_from([1, 2, 6, 8]),
    st.sampled_from([1, 2, 9, 12]),
    st.sampled_from([1, 3]),
    st.sampled_from([(1, 1), (3, 5)]),
)
def test_cycles_and_slots_are_those_of_the_schedule(channels, taps, multiplier, pixels):
    weights = draw_values(np.random.default_rng(0), INT4, (channels * multiplier, taps))
    layer = Vvau(weights, INT4, UINT4, pixels, channels)
    for folding in layer.foldings():
        schedule = layer.schedule(folding)
        assert layer.cycles(folding) == schedule.steps
        (taken_, given_) = layer.streams(folding)
        assert (taken_[0].beats, given_[0].beats) == (schedule.reads[0].sum(), schedule.writes[0].sum())
        assert schedule.slots == most_writes(schedule)


def test_a_large_image():
    layer = Vvau(np.ones((64, 9), np.int64), INT4, UINT4, (112, 112), 64)
    assert layer.cycles(Folding(4, 1, memory="lut")) == 112 * 112 * 9 * 16
    assert layer.cycles(Folding(64, 9, memory="constant")) == 112 * 112
    assert layer.schedule(Folding(64, 9, memory="constant")).steps == 112 * 112
    assert (layer.macs(), layer.weight_bits()) == (112 * 112 * 64 * 9, 64 * 9 * 4)
    assert len(list(layer.foldings())) < 150


def test_fewer_bits_of_weights_save_luts():
    # Each channel has thresholds of its own, into which the correction of bipolar weights goes for nothing.
    plain = taken(depthwise(INT4, "UINT4")).parts[-1].layer
    table = np.sort(np.random.default_rng(0).integers(-20, 20, (plain.mh, 3)), axis=1)
    layer = replace(plain, thresholds=table, otype=IntType(2, signed=False))
    device = graphs.DEVICE
    two, one = (layer.requantized((layer.atype,), Precision(bits)) for bits in (2, 1))
    assert (two.wtype, one.wtype) == (IntType(2, signed=True), BIPOLAR)
    assert (two.slimmer(), one.result_type) == ({}, layer.result_type)
    folding = Folding(1, 1, memory="lut")
    costs = [variant.resources(folding, device).lut for variant in (layer, two, one)]
    assert max(costs[1:]) < costs[0]


@pytest.mark.parametrize("multiplier", [1, 2, 3])
def test_channels_in_slices_share_them_among_their_own_outputs(multiplier):
    weights = draw_values(np.random.default_rng(3), INT4, (8 * multiplier, 9))
    layer = Vvau(weights, INT4, UINT4, (2, 2), 8)
    offered = {fold.dsp_pe for fold in layer.foldings() if (fold.pe, fold.simd) == (8, 1)}
    assert {0, 4, 8} <= offered
    for dsp_pe in sorted(offered):
        folding = Folding(8, 1, dsp_pe=dsp_pe, memory="lut")
        slices = -(-multiplier // min(multiplier, layer.sv(folding).params.get("DSP_LANES", 1)))
        assert layer.terms(folding).dsp == dsp_pe * slices
        assert layer.cycles(folding) == 4 * 9


def test_bits_that_only_select_are_no_work_for_slices():
    layer = Vvau(np.ones((4, 9), np.int64), BIPOLAR, UINT4, (2, 2), 4)
    assert {fold.dsp_pe for fold in layer.foldings()} == {0}
