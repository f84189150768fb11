"""Constant weights as a graph of additions: exact, within the ranges that it states, shared, and in time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from levada_driver.datatype import BIPOLAR, IntType

from levada.adder_graph import AdderGraph, Addition, Sum
from levada.subexpressions import adder_graph, latency, signed_digits
from levada.unrolled import Unrolled, cost

SEED = 5


@st.composite
def matrices(draw):
    """Weights [rows, inputs] of few values, so that much can be shared, or of many; zeros and equal rows."""
    rows, inputs = draw(st.integers(1, 6)), draw(st.integers(1, 12))
    values = draw(
        st.sampled_from(
            [
                st.integers(-1, 1),
                st.integers(-8, 7),
                st.integers(-128, 127),
                st.integers(-9, -1),
                st.sampled_from([0, 0, 0, 5]),
                st.sampled_from([sign << shift for shift in range(8) for sign in (1, -1)]),
            ]
        )
    )
    row = st.lists(values, min_size=inputs, max_size=inputs)
    table = draw(st.lists(row, min_size=rows, max_size=rows))
    copies = draw(st.lists(st.sampled_from(table), max_size=2))
    return np.array(table + copies, np.int64)


ranges = st.sampled_from([(0, 1), (0, 3), (0, 255), (-2, 1), (-128, 127)])


def drawn(graph, count=50):
    """Random inputs, half of them at the ends of their range."""
    random = np.random.default_rng(SEED)
    shape = (count, graph.inputs)
    ends = random.choice([graph.low, graph.high], shape)
    return np.concatenate([random.integers(graph.low, graph.high + 1, shape), ends])


@given(matrices(), ranges)
def test_sums_are_weights_times_inputs(weights, ends):
    graph = adder_graph(weights, *ends)
    x = drawn(graph)
    assert np.array_equal(graph.evaluate(x), x @ weights.T)


@given(matrices(), ranges)
def test_no_node_leaves_its_range_and_both_ends_occur(weights, ends):
    graph = adder_graph(weights, *ends)
    forms = graph.nodes(np.eye(graph.inputs, dtype=np.int64))
    low, high = graph.ranges
    nodes = graph.nodes(drawn(graph))
    assert np.all(nodes >= low[:, None])
    assert np.all(nodes <= high[:, None])
    least = graph.nodes(np.where(forms > 0, ends[0], ends[1]))
    most = graph.nodes(np.where(forms > 0, ends[1], ends[0]))
    assert np.array_equal(np.diagonal(least), low)
    assert np.array_equal(np.diagonal(most), high)
    for dtype, smallest, largest in zip(graph.types, low, high, strict=True):
        assert dtype.min <= smallest <= largest <= dtype.max


@given(matrices())
def test_no_row_is_later_than_the_longest_must_be(weights):
    assert adder_graph(weights, 0, 3).latency == latency(weights)


@given(matrices())
def test_registers_read_the_stage_before_and_sums_the_last_one(weights):
    graph = adder_graph(weights, 0, 3)
    there = set(range(graph.inputs))
    for registers in graph.pipeline:
        for register in registers:
            add = register.addition
            assert ({register.node} if add is None else {add.a, add.b}) <= there
        there = {register.node for register in registers}
    assert {row.node for row in graph.sums if row is not None} <= there


@given(st.lists(st.integers(-(2**15), 2**15), min_size=1))
def test_digits_are_the_weights_and_no_two_neighbours_are_set(numbers):
    digits = signed_digits(np.array(numbers))
    assert np.array_equal(digits @ (1 << np.arange(digits.shape[-1])), numbers)
    assert not np.any((digits[:, 1:] != 0) & (digits[:, :-1] != 0))


def test_equal_rows_cost_one():
    row = np.random.default_rng(SEED).integers(-8, 8, (1, 16))
    one, two = (adder_graph(np.repeat(row, rows, axis=0), 0, 15) for rows in (1, 2))
    assert two.sums[0] == two.sums[1]
    assert cost(two).lut <= cost(one).lut


def test_a_multiple_of_a_row_costs_nothing_more():
    row = np.array([1, 3, -5, 7, 2])
    graph = adder_graph(np.stack([row, 4 * row]), 0, 15)
    assert graph.sums[1] == replace(graph.sums[0], shift=graph.sums[0].shift + 2)


def test_a_common_difference_is_subtracted_once():
    graph = adder_graph(np.array([[1, -1, 1, 0], [1, -1, 0, 1], [-1, 1, 1, 1]]), 0, 3)
    assert graph.additions.count(Addition(0, 1, 0, 0, subtract=True)) == 1
    assert len(graph.additions) == 5


def test_zeros_and_powers_of_two_are_wires():
    graph = adder_graph(np.array([[0, 0, 0], [0, 4, 0], [0, 0, -1]]), 0, 3)
    assert graph == AdderGraph(3, 0, 3, (), (None, Sum(1, 2), Sum(2, 0, negative=True)))
    assert cost(graph).ff == 0


def test_zero_weights_take_less():
    random = np.random.default_rng(SEED)
    weights = random.integers(-8, 8, (8, 32))
    sparse = np.where(random.random(weights.shape) < 0.8, 0, weights)
    full, thin = (cost(adder_graph(matrix, 0, 15)) for matrix in (weights, sparse))
    assert thin.lut < full.lut / 3


@pytest.mark.parametrize(("bits", "most"), [(2, 2.3), (4, 7.1)])
def test_random_weights_of_32_inputs_and_8_rows(bits, most):
    weights = np.random.default_rng(SEED).integers(-(1 << bits - 1), 1 << bits - 1, (8, 32))
    assert cost(adder_graph(weights, 0, (1 << bits) - 1)).lut <= most * weights.size


@settings(max_examples=30)
@given(matrices(), st.sampled_from([BIPOLAR, IntType(2, signed=False), IntType(3, signed=True)]))
def test_corrected_sums_are_the_true_ones(weights, atype):
    products = Unrolled(weights, IntType(8, signed=True), atype)
    random = np.random.default_rng(SEED)
    x = atype.min + atype.step * random.integers(0, 2, (20, weights.shape[1]))
    codes = (x + 1) // 2 if atype.bipolar else x
    shift, offset = products.correction
    assert np.array_equal((products.graph.evaluate(codes) << shift) + offset, x @ weights.T)


def test_a_large_graph_is_estimated_from_a_part():
    weights = np.random.default_rng(SEED).integers(-8, 8, (16, 64))
    products = Unrolled(weights, IntType(4, signed=True), IntType(4, signed=False))
    assert products._estimate != cost(products.graph)
    assert products._estimate.lut == pytest.approx(cost(products.graph).lut, rel=0.25)
    assert products._estimate.ff == pytest.approx(cost(products.graph).ff, rel=0.25)
