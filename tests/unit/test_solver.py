"""The solver against trying every selection, on small chains whose layers may put lanes in DSP slices."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from levada import cost, elimination, fifo, latency, prices, solver, timing
from levada.layer import Resources, adapter
from levada.offers import offers, undominated
from levada.problem import problem
from tests.unit import graphs

WEIGHTS = cost.weights(graphs.DEVICE)
TINY = graphs.chains(max_layers=2, max_width=4)


def everything(graph):
    """(interval, resources, graph) of every way to fold a graph, width converters included."""
    for foldings in product(*(list(node.layer.foldings()) for node in graph.nodes)):
        pairs = zip(graph.nodes, foldings, strict=True)
        folded = graph.with_nodes(tuple(replace(node, folding=folding) for node, folding in pairs))
        used = cost.total(folded, graphs.DEVICE)
        for node in folded.nodes:
            for name, taken in zip(node.inputs, node.streams[0], strict=True):
                given_ = folded.stream(name).elements
                if name not in graph.inputs and given_ != taken.elements:
                    layer = adapter()(graph.tensors[name], given_, taken.elements)
                    used += layer.resources(next(layer.foldings()), graphs.DEVICE)
        yield timing.interval(folded), used, folded


def price(used):
    return cost.price(used, graphs.DEVICE)


def budgets(ways):
    """Budgets between the least and the most that some way takes of each resource."""
    counts = np.array([cost.vector(used) for _, used, _ in ways])
    return st.tuples(
        *(st.integers(int(low), int(high)) for low, high in zip(counts.min(0), counts.max(0), strict=True))
    ).map(np.array)


def fitting(ways, budget):
    return [way for way in ways if (cost.vector(way[1]) <= budget).all()]


@given(TINY, st.data())
def test_the_cheapest_within_a_budget_is_found(graph, data):
    ways = list(everything(graph))
    budget = data.draw(budgets(ways))
    interval = data.draw(st.sampled_from(sorted({way[0] for way in ways})))
    possible = [price(way[1]) for way in fitting(ways, budget) if way[0] <= interval]
    found = solver.cheapest(problem(graph, graphs.DEVICE).within(interval), budget, WEIGHTS)
    assert (found.picks is None) == found.impossible == (not possible)
    if possible:
        assert found.value == found.bound == min(possible)


@settings(max_examples=30)
@given(graphs.chains(max_width=24), st.data())
def test_eliminating_layers_finds_what_integer_programming_does(graph, data):
    whole = problem(graph, graphs.DEVICE)
    allowed = whole.within(data.draw(st.sampled_from(whole.intervals)))
    places = elimination.cheapest(allowed, WEIGHTS)
    picks = allowed.stack.picks(places)
    np.testing.assert_array_equal(allowed.stack.used(places), allowed.used(picks))
    np.testing.assert_array_equal(allowed.stack.places(picks), places)
    model = solver._Model(allowed.reduced(), None)
    model.model.minimize(model.price(WEIGHTS))
    found = model.solve()
    assert found.value == found.bound == int(allowed.used(picks) @ WEIGHTS)


def total(tables, scopes, values):
    """The sum of tables, each over the variables of its scope."""
    pairs = zip(tables, scopes, strict=True)
    return sum(int(table[tuple(values[at] for at in scope)]) for table, scope in pairs)


@given(st.lists(st.integers(1, 3), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_any_tables_can_be_eliminated(sizes, random):
    """Not only those of chains: all pairs may have one, and a single variable several."""
    drawn = np.random.default_rng(random.randrange(1 << 30))
    layers = range(len(sizes))
    scopes = [(layer,) for layer in layers]
    scopes += [pair for pair in combinations(layers, 2) for _ in range(random.randrange(3))]
    tables = [drawn.integers(0, 9, [sizes[layer] for layer in scope]) for scope in scopes]
    steps = elimination._steps(tuple(sizes), tuple(scopes))
    values = elimination._least([*tables], steps, len(sizes))
    assert all(0 <= value < size for value, size in zip(values, sizes, strict=True))
    every = product(*map(range, sizes))
    assert total(tables, scopes, values) == min(total(tables, scopes, these) for these in every)


@given(TINY, st.data())
def test_prices_never_say_what_is_wrong(graph, data):
    """What they find fits, what they rule out is not there, and nothing costs less than their bound."""
    ways = list(everything(graph))
    budget = data.draw(budgets(ways))
    here, possible = problem(graph, graphs.DEVICE), [price(way[1]) for way in fitting(ways, budget)]
    any_one = prices.possible(here, budget, WEIGHTS)
    if any_one is not None:
        assert (any_one.picks is None) == any_one.impossible == (not possible)
    known = solver.possible(here, budget)
    for start in (None, known.picks):
        found = prices.cheapest(here, budget, WEIGHTS, start)
        assert found.picks is not None or start is None
        assert all(found.bound <= cost for cost in possible)
        if found.picks is not None:
            used = here.used(found.picks)
            assert (used <= budget).all()
            assert int(used @ WEIGHTS) == found.value
            assert found.value in possible
            assert start is None or found.value <= int(here.used(start) @ WEIGHTS)


def test_what_would_take_too_large_a_table_is_left_to_others(monkeypatch):
    whole = problem(graphs.mlp(), graphs.DEVICE)
    budget = cost.budget(graphs.DEVICE)
    value = solver.cheapest(whole, budget, WEIGHTS).value
    monkeypatch.setattr(elimination, "_ENTRIES", 1)
    elimination._steps.cache_clear()
    assert elimination.cheapest(whole, WEIGHTS) is None
    assert solver.cheapest(whole, budget, WEIGHTS).value == value
    elimination._steps.cache_clear()


@given(TINY, st.data())
def test_the_fastest_within_a_budget_is_found(graph, data):
    ways = list(everything(graph))
    budget = data.draw(budgets(ways))
    possible = [way[0] for way in fitting(ways, budget)]
    found, least = solver.fastest(problem(graph, graphs.DEVICE), budget)
    assert (found.picks is None) == found.impossible == (not possible)
    if possible:
        assert found.interval == least == min(possible)


@given(TINY, st.data())
def test_the_least_latency_within_a_budget_is_found(graph, data):
    ways = list(everything(graph))
    budget = data.draw(budgets(ways))
    possible = [(latency.estimate(folded), price(used)) for _, used, folded in fitting(ways, budget)]
    first, second = solver.quickest(problem(graph, graphs.DEVICE), budget, WEIGHTS)
    assert (first.picks is None) == (not possible)
    if possible:
        assert (first.value, second.value) == (first.bound, second.bound) == min(possible)


@given(TINY, st.data())
def test_the_smallest_is_the_one_that_lacks_least(graph, data):
    ways = list(everything(graph))
    budget = data.draw(budgets(ways))
    lacking = [int(np.maximum(0, cost.vector(used) - budget) @ WEIGHTS) for _, used, _ in ways]
    assert solver.smallest(problem(graph, graphs.DEVICE), budget, WEIGHTS).value == min(lacking)


@given(graphs.chains(), st.data())
def test_a_selection_costs_what_the_joined_graph_does(graph, data):
    whole = problem(graph, graphs.DEVICE)
    picks = [data.draw(st.sampled_from(choices)) for choices in whole.choices]
    joined = fifo.convert_widths(whole.folded(picks))
    assert (whole.used(picks) == cost.vector(cost.total(joined, graphs.DEVICE))).all()
    # A converter passes a beat of its narrower side a cycle, so it is no slower than the layer there.
    assert timing.interval(joined) == max(pick.cycles for pick in picks)


@given(graphs.chains(max_width=6))
def test_offers_are_the_pareto_front_of_each_pair_of_streams(graph):
    for node in graph.nodes:
        ways = set()
        for folding in node.layer.foldings():
            used = cost.vector(node.layer.resources(folding, graphs.DEVICE))
            ways.add((node.layer.streams(folding), node.layer.cycles(folding), *used.tolist()))

        def beaten(way, ways=ways):
            alike = (other for other in ways if other[0] == way[0] and other != way)
            return any(all(a <= b for a, b in zip(other[1:], way[1:], strict=True)) for other in alike)

        found = offers(node.layer, graphs.DEVICE)
        shown = [
            (node.layer.streams(offer.folding), offer.cycles, *cost.vector(offer.resources).tolist())
            for offer in found
        ]
        assert len(shown) == len(set(shown))
        assert set(shown) == {way for way in ways if not beaten(way)}
        assert [offer.cycles for offer in found] == sorted(offer.cycles for offer in found)


def test_of_equal_rows_the_first_stays_and_kinds_are_compared_with_what_they_cost_elsewhere():
    columns = np.array([[2, 2], [1, 1], [1, 1], [9, 0]])
    alike = np.zeros(4, np.int64)
    assert undominated(columns, alike, np.zeros((1, 1, 2), np.int64)) == [1, 3]
    # Row 1 in place of row 0 costs 2 of the second column elsewhere.
    kinds = np.array([1, 0, 0, 0])
    extra = np.array([[[0, 0], [0, 2]], [[0, 0], [0, 0]]])
    assert undominated(columns, kinds, extra) == [0, 1, 3]


def test_the_same_problem_has_the_same_answer():
    random = np.random.default_rng(3)
    layers = [graphs.mvau(random, 48, 48, otype=graphs.UINT2) for _ in range(6)]
    graph = graphs.chain(layers)
    budget = cost.vector(Resources(6000, 9000, 40, 20))
    answers = [solver.fastest(problem(graph, graphs.DEVICE), budget) for _ in range(2)]
    assert answers[0] == answers[1]


@given(graph=graphs.chains(max_width=24))
def test_the_estimate_of_latency_is_near_the_schedules(graph):
    exact = timing.latency(fifo.convert_widths(graph))
    assert 0.5 * exact <= latency.estimate(graph) <= 1.1 * exact


@pytest.mark.parametrize("interval", [64, 784])
def test_latency_of_dense_layers_adds_up(interval):
    random = np.random.default_rng(0)
    layers = [graphs.mvau(random, 64, 64, otype=graphs.UINT2) for _ in range(4)]
    graph = problem(graphs.chain(layers), graphs.DEVICE).within(interval)
    folded = graph.folded([choices[-1] for choices in graph.choices])
    exact = timing.latency(fifo.convert_widths(folded))
    assert latency.estimate(folded) == pytest.approx(exact, rel=0.1)
    assert latency.estimate(folded) > 2.5 * timing.interval(folded)


@pytest.mark.deep
def test_a_chain_as_large_as_resnet50_is_solved():
    whole = problem(graphs.loose_chain(graphs.bottlenecks()), graphs.LARGE)
    device, budget = graphs.LARGE, cost.budget(graphs.LARGE)
    found, least = solver.fastest(whole, budget)
    assert found.interval == least
    cheapest = solver.cheapest(whole.within(least), budget, cost.weights(device))
    assert cheapest.value - cheapest.bound <= 0.001 * cheapest.value
