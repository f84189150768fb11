"""Spaces of bit widths, graphs at other widths, and what candidates cost: as a build would fold them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from levada_driver.datatype import BIPOLAR, IntType

from levada import cost, partition, solver, timing
from levada.errors import LevadaError
from levada.graph import Graph, Node, verify, with_forks
from levada.layer import Tensor, registered, window
from levada.precision import Precision
from levada.problem import problem
from levada.search.hardware import Evaluator
from levada.search.requantize import requantized
from levada.search.space import Candidate, space
from levada.window import Window
from tests.unit import graphs

CLOCK = 100.0
UINT4 = graphs.UINT4
WIDTHS = (1, 2, 3, 4, 6, 8)


def assembled(layers, inputs, output):
    """A lowered graph: {name: (layer, tensors that it reads)}; a layer writes the tensor of its own name."""
    tensors = dict(inputs)
    nodes = []
    for name, (layer, reads) in layers.items():
        port = layer.outputs[0]
        tensors[name] = Tensor(name, port.shape, port.dtype)
        nodes.append(Node(name, layer, reads, (name,)))
    graph = Graph("net", tuple(nodes), tensors, tuple(inputs), (output,))
    return verify(with_forks(graph), "lowered")


def residual(size=4, channels=4):
    """A quantizer, a padded convolution, two branches that meet in an addition, and a strided convolution."""
    random = np.random.default_rng(7)
    image = Tensor("x", (size, size, channels), graphs.UINT8)
    pixels = (size, size)
    around = Window((3, 3), pads=(1, 1, 1, 1))
    first = graphs.thresholding(random, channels, graphs.UINT8, UINT4, pixels)
    conv = graphs.mvau(random, 9 * channels, channels, graphs.INT4, UINT4, UINT4, pixels)
    main = graphs.mvau(random, channels, channels, graphs.INT4, UINT4, graphs.INT4, pixels)
    side = graphs.thresholding(random, channels, UINT4, graphs.INT4, pixels)
    branch = Tensor("a", (*pixels, channels), graphs.INT4)
    table = graphs.table(random, channels, UINT4, -16, 14)
    add = registered()["add"](branch, branch, table, 0, UINT4)
    pool_windows = window()(Tensor("p", (*pixels, channels), UINT4), Window((2, 2), (2, 2)), 0)
    last = graphs.mvau(random, 4 * channels, 5, graphs.INT4, UINT4, None, (size // 2, size // 2))
    cut = window()(Tensor("q", (*pixels, channels), UINT4), around, 0)
    layers = {
        "quant": (first, ("x",)),
        "cut": (cut, ("quant",)),
        "conv": (conv, ("cut",)),
        "main": (main, ("conv",)),
        "side": (side, ("conv",)),
        "add": (add, ("main", "side")),
        "tiles": (pool_windows, ("add",)),
        "last": (last, ("tiles",)),
    }
    return assembled(layers, {"x": image}, "last")


def chain(depth=3, width=8, wtype=graphs.INT4):
    random = np.random.default_rng(3)
    layers = [graphs.mvau(random, width, width, wtype, UINT4, UINT4) for _ in range(depth)]
    layers.append(graphs.mvau(random, width, 5, wtype, UINT4))
    return graphs.chain(layers)


NETWORKS = {"chain": chain(), "residual": residual(), "mlp": graphs.mlp()}


def sites(candidate):
    return {site: str(precision) for site, precision in candidate.choices}


def test_a_space_has_a_knob_for_each_width_and_one_for_widths_that_meet():
    found = space(NETWORKS["residual"], (2, 4), (2, 4, 8))
    assert sites(found.own) == {
        "quant": "a4",
        "conv": "w4a4",
        "main": "w4a4",
        "side": "a4",
        "add": "a4",
        "last": "w4",
    }
    assert [str(knob) for knob in found.knobs] == [
        "activations of conv",
        "weights of main",
        "activations of main and side",
        "activations of add",
    ]
    assert (found.size, found.refused) == (3 * 2 * 3 * 3, ())
    everything = space(NETWORKS["residual"], (2, 4), (2, 4, 8), keep_ends=False)
    assert [str(knob) for knob in everything.knobs[:2]] == ["activations of quant", "weights of conv"]
    assert str(everything.knobs[-1]) == "weights of last"
    kept = space(NETWORKS["residual"], (2, 4), (2, 4, 8), keep=("side", "add"))
    assert [str(knob) for knob in kept.knobs] == ["activations of conv", "weights of main"]


def test_a_width_that_the_hardware_refuses_is_left_out_and_told():
    # The window unit pads with 0, which a bipolar image does not have.
    random = np.random.default_rng(0)
    image = Tensor("image", (4, 4, 2), graphs.INT4)
    signed = graphs.thresholding(random, 2, graphs.INT8, graphs.INT4, (4, 4))
    cut = window()(image, Window((3, 3), pads=(1, 1, 1, 1)), 0)
    layers = {
        "quant": (signed, ("x",)),
        "cut": (cut, ("quant",)),
        "conv": (graphs.mvau(random, 18, 2, graphs.INT4, graphs.INT4, None, (4, 4)), ("cut",)),
    }
    graph = assembled(layers, {"x": Tensor("x", (4, 4, 2), graphs.INT8)}, "conv")
    found = space(graph, (4,), WIDTHS, keep_ends=False)
    assert found.knobs[0].values == (2, 3, 4, 6, 8)
    why = (
        "activations of quant: not 1 bits: cut: cannot take BIPOLAR: image: a bipolar input has no zero to "
        "pad with; quantize it to 2 bits or more"
    )
    assert found.refused == (why,)
    bad = found.own.turned(found.knobs[0], 1)
    with pytest.raises(LevadaError, match=r"^cut: cannot take BIPOLAR: image: a bipolar input has"):
        Evaluator(graph, graphs.DEVICE, CLOCK).evaluate(bad)
    with pytest.raises(LevadaError) as error:
        space(graph, (4,), (1,), keep=("conv",), keep_ends=False)
    assert str(error.value) == f"net: there is no bit width to choose: {why}"


@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(NETWORKS)))
def test_candidates_are_drawn_read_back_and_have_near_ones(seed, name):
    found = space(NETWORKS[name], WIDTHS, WIDTHS, keep_ends=False)
    drawn = found.draw(np.random.default_rng(seed))
    assert drawn == found.draw(np.random.default_rng(seed))
    assert found.parse(str(drawn)) == drawn
    backwards = ", ".join(reversed(str(drawn).split(",")))
    assert found.parse(backwards) == drawn
    for near in found.neighbours(drawn):
        assert sum(near.value(knob) != drawn.value(knob) for knob in found.knobs) == 1
        assert drawn in list(found.neighbours(near))


def test_near_ones_of_a_width_that_is_not_in_the_space_are_in_it():
    found = space(NETWORKS["chain"], (4,), (2, 3, 8), keep=("mvau_1", "mvau_2"))
    assert [str(near) for near in found.neighbours(found.own)] == [
        "mvau_0=w4a3,mvau_1=w4a4,mvau_2=w4a4,mvau_3=w4",
        "mvau_0=w4a8,mvau_1=w4a4,mvau_2=w4a4,mvau_3=w4",
    ]


def test_draws_reach_the_whole_space():
    found = space(NETWORKS["chain"], (2, 4), (2, 4), keep=("mvau_2",))
    random = np.random.default_rng(0)
    assert len({found.draw(random) for _ in range(400)}) == found.size == 8


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("conv=w4a9", "conv=w4a9: the activations of conv have 2, 4, 8 bits, not 9"),
        ("conv=w2", "conv=w2: conv is not searched and stays w4a4, not w2"),
        ("cut=a4", "cut: no such site in net; it has quant, conv, main, side, add, last"),
        ("conv=", "'conv=' is no choice of widths; write SITE=w4a2, SITE=w4 or SITE=a2"),
        ("conv:4", "'conv:4' is no choice of widths; write SITE=w4a2, SITE=w4 or SITE=a2"),
        (
            "main=a4,side=a2",
            "main=a4,side=a2: the activations of main and side meet in one layer; give them one width",
        ),
        ("add=w4", "add=w4: add is not searched and stays a4, not w4"),
    ],
)
def test_a_text_that_is_no_candidate_says_why(text, error):
    found = space(NETWORKS["residual"], (2, 4), (2, 4, 8))
    with pytest.raises(LevadaError) as raised:
        found.parse(text)
    assert str(raised.value) == error


def test_a_text_may_leave_sites_out():
    found = space(NETWORKS["residual"], (2, 4), (2, 4, 8))
    assert found.parse("") == found.own
    assert sites(found.parse("side=a8, main=w2"))["main"] == "w2a8"


@pytest.mark.parametrize(
    ("widths", "keep", "error"),
    [
        (((0,), (4,)), (), "weights of 0 bits cannot be searched; choose 1 to 8"),
        (((4,), (9,)), (), "activations of 9 bits cannot be searched; choose 1 to 8"),
        (((4,), (4,)), ("conv2",), "conv2: no such site in net; it has mvau_0, mvau_1"),
        (
            ((4,), (4,)),
            ("mvau_0", "mvau_1"),
            "net: there is no bit width to choose: its sites are mvau_0=w4a4,mvau_1=w4, and all of them are "
            "kept",
        ),
    ],
)
def test_a_space_without_choices_is_refused(widths, keep, error):
    with pytest.raises(LevadaError) as raised:
        space(chain(1), *widths, keep=keep)
    assert str(raised.value) == error


def test_a_network_without_sites_is_refused():
    with pytest.raises(LevadaError) as raised:
        space(graphs.chain([graphs.Argmax(4, UINT4)]), (4,), (4,))
    assert str(raised.value) == (
        "net: there is no bit width to choose: it has neither trained weights nor quantizers"
    )


def test_types_move_on_through_forks_windows_and_sums():
    graph = NETWORKS["residual"]
    found = space(graph, WIDTHS, WIDTHS, keep_ends=False)
    candidate = found.parse("quant=a2,conv=w3a6,main=w1a3,add=a8,last=w2")
    made = requantized(graph, candidate.precisions)
    types = {name: tensor.dtype.name for name, tensor in made.tensors.items()}
    assert types["x"] == "UINT8"
    assert (types["quant"], types["cut"]) == ("UINT2", "UINT2")
    assert {types[name] for name in types if name.startswith("conv")} == {"UINT6"}
    assert (types["main"], types["side"], types["add"], types["tiles"]) == ("INT3", "INT3", "UINT8", "UINT8")
    assert made.node("main").layer.wtype == BIPOLAR
    low, high = made.node("last").layer.row_range
    assert made.tensors["last"].dtype == IntType.covering(int(low.min()), int(high.max()))
    assert requantized(graph, found.own.precisions).nodes[1].layer is graph.nodes[1].layer


@settings(max_examples=12)
@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(NETWORKS)), st.sampled_from([None, 0.3, 0.05]))
def test_a_cost_is_that_of_the_folding_of_a_build(seed, name, share):
    graph = NETWORKS[name]
    found = space(graph, WIDTHS, WIDTHS, keep_ends=False)
    evaluator = EVALUATORS[name]
    candidate = found.draw(np.random.default_rng(seed))
    made = requantized(graph, candidate.precisions)
    fastest = max(min(c.cycles for c in given) for given in problem(made, graphs.DEVICE).choices)
    target = None if share is None else share * CLOCK * 1e6 / fastest
    folded = partition.fold(made, graphs.DEVICE, CLOCK, target)
    got = evaluator.evaluate(candidate, target)
    used = cost.total(folded.connected, graphs.DEVICE)
    assert (got.lut, got.ff, got.dsp, got.bram18) == cost.counts(used)
    assert (got.cycles, got.fits, got.gap) == (timing.interval(folded.graph), True, folded.gap)
    assert got.fps == pytest.approx(CLOCK * 1e6 / got.cycles)
    known = evaluator.known
    assert evaluator.evaluate(candidate, target) == got
    assert evaluator.known == known


@settings(max_examples=8)
@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(NETWORKS)), st.sampled_from([0.15, 0.02, 0.01]))
def test_a_part_of_a_device_is_a_budget_at_several_rates(seed, name, part):
    graph = NETWORKS[name]
    counts = {key: int(part * getattr(graphs.DEVICE, key)) for key in cost.FIELDS}
    device = replace(graphs.DEVICE, **counts)
    candidate = space(graph, WIDTHS, WIDTHS, keep_ends=False).draw(np.random.default_rng(seed))
    made = requantized(graph, candidate.precisions)
    evaluator = Evaluator(graph, device, CLOCK, quick=False)
    quick = Evaluator(graph, device, CLOCK)
    for target in (1e5, None, 1e6, 1e5):
        got, sooner = evaluator.evaluate(candidate, target), quick.evaluate(candidate, target)
        assert got.fits == sooner.fits
        if not got.fits:
            with pytest.raises(LevadaError) as error:
                partition.fold(made, device, CLOCK, target)
            assert evaluator.misfit(candidate, target) == str(error.value)
            continue
        folded = partition.fold(made, device, CLOCK, target)
        used = cost.total(folded.connected, device)
        assert (got.lut, got.ff, got.dsp, got.bram18) == cost.counts(used)
        assert (got.cycles, got.fits, got.gap) == (timing.interval(folded.graph), True, folded.gap)
        for one in (got, sooner):
            assert all(getattr(one, key) <= most for key, most in counts.items())
        assert sooner.cycles <= (1e9 if target is None else CLOCK * 1e6 / target)
        if target is None:
            assert got.cycles * (1 - got.gap) <= sooner.cycles
            assert sooner.cycles * (1 - sooner.gap) <= got.cycles + 1e-6


def test_whether_a_candidate_fits_is_no_matter_of_prices(monkeypatch):
    """They may find nothing where there is something; then CP-SAT is asked."""
    graph = NETWORKS["chain"]
    own = space(graph, (8,), (8,), keep_ends=False).own
    large = Evaluator(graph, graphs.DEVICE, CLOCK, quick=False).evaluate(own)
    device = replace(graphs.DEVICE, lut=int(0.9 * large.lut))
    proven = Evaluator(graph, device, CLOCK, quick=False).evaluate(own)
    monkeypatch.setattr(solver.prices, "possible", lambda *_: None)
    monkeypatch.setattr(solver, "_known", lambda *_: None)
    quick = Evaluator(graph, device, CLOCK).evaluate(own)
    assert proven.fits
    assert (quick.fits, quick.cycles) == (True, proven.cycles)


EVALUATORS = {name: Evaluator(graph, graphs.DEVICE, CLOCK) for name, graph in NETWORKS.items()}


def test_what_does_not_fit_says_so_and_how_much_is_missing():
    graph = NETWORKS["chain"]
    small = replace(graphs.DEVICE, lut=300, dsp=0)
    evaluator = Evaluator(graph, small, CLOCK)
    found = space(graph, (1, 8), (2, 8), keep_ends=False)
    wide = found.own
    for knob in found.knobs:
        wide = wide.turned(knob, 8)
    got = evaluator.evaluate(wide)
    assert not got.fits
    assert got.lut > 300
    with pytest.raises(LevadaError) as error:
        partition.fold(requantized(graph, wide.precisions), small, CLOCK, None)
    assert evaluator.misfit(wide) == str(error.value)
    assert f"(lut: {got.lut} of 300, {got.lut - 300} missing)" in evaluator.misfit(wide)
    assert "most would help: mvau_" in evaluator.misfit(wide)
    # A rate beyond the fastest folding: what is closest to fitting at any rate.
    large = Evaluator(graph, graphs.DEVICE, CLOCK)
    unreachable = large.evaluate(wide, 200e6)
    assert (unreachable.fits, unreachable.fps < 200e6) == (False, True)
    assert large.misfit(wide, 200e6).startswith("mvau_0: takes at least 1 cycles a frame, 2e+08 FPS")
    assert large.misfit(wide, 1e5) == ""


def test_narrow_candidates_cost_less():
    graph = NETWORKS["residual"]
    found = space(graph, WIDTHS, WIDTHS[1:], keep_ends=False)
    costs = []
    for bits in WIDTHS[1:]:
        candidate = found.own
        for knob in found.knobs:
            candidate = candidate.turned(knob, bits)
        costs.append(EVALUATORS["residual"].evaluate(candidate, 1e5).lut)
    assert costs == sorted(costs)


def test_the_example_of_the_page_runs(capsys):
    page = (Path(__file__).resolve().parents[2] / "docs" / "search.md").read_text()
    (example,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    exec(compile(example, "search.md", "exec"), {})
    assert re.match(r"\d+ Cost\(cycles=.*fits=True, gap=0.0\)", capsys.readouterr().out)


def test_equal_choices_are_one_candidate():
    one = Candidate((("a", Precision(4, 2)), ("b", Precision(8))))
    assert str(one) == "a=w4a2,b=w8"
    assert {one, Candidate((("a", Precision(4, 2)), ("b", Precision(8))))} == {one}
