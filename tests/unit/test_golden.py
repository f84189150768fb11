"""Each layer's golden() against a loop over elements, and what its foldings promise of streams and cycles.

The loops compute the same numbers from the formulas in the layers' documentation alone.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levada.graph import check_folding
from levada.layer import Folding, divisors, registered
from tests.unit import graphs

KINDS = sorted(registered())


def mvau_loop(layer, x):
    for row in layer.weights:
        yield sum(int(w) * int(v) for w, v in zip(row, x, strict=True))


def counted(values, thresholds, base, step):
    for value, row in zip(values, thresholds, strict=True):
        yield base + step * sum(1 for threshold in row if value >= threshold)


def naive_mvau(layer, x):
    sums = list(mvau_loop(layer, x))
    if layer.thresholds is None:
        return sums
    return list(counted(sums, layer.thresholds, layer.base, 2 if layer.otype.bipolar else 1))


def naive_thresholding(layer, x):
    return list(counted(x, layer.thresholds, layer.base, 2 if layer.otype.bipolar else 1))


def naive_argmax(layer, x):
    left, found = list(range(len(x))), []
    for _ in range(layer.k):
        best = left[0]
        for index in left[1:]:
            if x[index] > x[best]:
                best = index
        found.append(best)
        left.remove(best)
    return found


def naive_same(layer, x):
    return list(x)


#: What a layer computes of the channels of one pixel.
NAIVE = {
    "argmax": naive_argmax,
    "dwc": naive_same,
    "fifo": naive_same,
    "mvau": naive_mvau,
    "thresholding": naive_thresholding,
}


def cases(kind):
    return registered()[kind].strategy()


@pytest.mark.parametrize("kind", sorted(NAIVE.keys() & set(KINDS)))
def test_golden_equals_a_loop(kind):
    @given(cases(kind))
    def run(case):
        (x,), (y,) = case.inputs, case.layer.golden(*case.inputs)
        (output,) = case.layer.outputs
        assert y.shape == (len(x), *output.shape)
        assert output.dtype.holds(y)
        for at in np.ndindex(x.shape[:-1]):
            assert y[at].tolist() == NAIVE[kind](case.layer, x[at].tolist())

    run()


@pytest.mark.parametrize("kind", KINDS)
def test_every_folding_carries_each_tensor_whole(kind):
    @given(cases(kind))
    def run(case):
        layer = case.layer
        foldings = list(layer.foldings())
        assert case.folding in foldings
        assert len(set(foldings)) == len(foldings)
        for folding in foldings:
            check_folding(kind, layer, folding)
            for tensors, streams in zip((layer.inputs, layer.outputs), layer.streams(folding), strict=True):
                for tensor, stream in zip(tensors, streams, strict=True):
                    assert stream.size == stream.beats * stream.elements == tensor.size
                    assert stream.dtype == tensor.dtype

    run()


@pytest.mark.parametrize("kind", KINDS)
def test_schedules_move_every_beat_once_in_as_many_cycles_as_steps(kind):
    @given(cases(kind))
    def run(case):
        layer, folding = case.layer, case.folding
        schedule = layer.schedule(folding)
        masks = (schedule.reads, schedule.writes)
        for moves, streams in zip(masks, layer.streams(folding), strict=True):
            assert [len(mask) for mask in moves] == [schedule.steps] * len(streams)
            assert [int(mask.sum()) for mask in moves] == [stream.beats for stream in streams]
        assert layer.cycles(folding) == schedule.steps
        assert schedule.latency >= 1
        assert schedule.slots >= 1
        assert schedule.release in (0, 1)
        # What comes out by a step is of what went in by then.
        reads_first = any(reads[0] for reads in schedule.reads)
        assert reads_first or not any(writes[0] for writes in schedule.writes)

    run()


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_fed_at_its_own_rate_never_waits_for_its_own_places(kind):
    @given(cases(kind))
    def run(case):
        graph = graphs.alone(case.layer, case.folding)
        walk = graphs.Walk(graph, 12)
        ends = walk.ends(graph.outputs[0])
        assert ends[-1] - ends[-2] == case.layer.cycles(case.folding)

    run()


@pytest.mark.parametrize("kind", KINDS)
def test_costs_are_positive_and_finite(kind):
    @given(cases(kind))
    def run(case):
        used = case.layer.resources(case.folding, graphs.DEVICE)
        assert min(used.lut, used.ff) > 0
        assert min(used.dsp, used.bram18) >= 0
        assert all(type(value) is int for value in (used.lut, used.ff, used.dsp, used.bram18))

    run()


def test_work_and_parameters_of_an_mvau():
    layer = graphs.mvau(np.random.default_rng(0), 6, 4, graphs.INT4, pixels=(3, 2))
    assert layer.macs() == 6 * 6 * 4
    assert layer.weight_bits() == 6 * 4 * 4
    assert graphs.Argmax(4, graphs.INT4).macs() == graphs.Argmax(4, graphs.INT4).weight_bits() == 0


@given(st.integers(1, 500))
def test_divisors(number):
    assert divisors(number) == [d for d in range(1, number + 1) if number % d == 0]


def test_argmax_keeps_its_beats_narrow():
    layer = graphs.Argmax(48, graphs.INT4)
    assert [folding.pe for folding in layer.foldings()] == [1, 2, 3, 4, 6, 8, 12, 16]


def test_parameters_live_in_constants_only_where_they_are_all_used_at_once():
    layer = graphs.mvau(np.random.default_rng(0), 2, 2)
    in_luts = {folding for folding in layer.foldings() if not folding.dsp_pe}
    assert in_luts == {
        *(Folding(pe, simd, memory=m) for pe, simd in [(1, 1), (1, 2), (2, 1)] for m in ("lut", "block")),
        Folding(2, 2, memory="constant"),
    }
