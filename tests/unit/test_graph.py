"""The dataflow graph: what each stage promises, broken once and named; and what it computes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levada.errors import LevadaError
from levada.graph import Node, check_folding, execute, verify
from levada.layer import Folding, Tensor
from tests.unit import graphs


def two_layers():
    """x -> mvau_0 -> thresholding_0, 4 elements all along, equal beats between the two."""
    random = np.random.default_rng(0)
    first = graphs.mvau(random, 4, 4)
    second = graphs.thresholding(random, 4, first.result_type, graphs.UINT2)
    return graphs.chain([first, second], [Folding(2, 2, memory="lut")] * 2)


def changed(graph, index, **values):
    nodes = list(graph.nodes)
    nodes[index] = replace(nodes[index], **values)
    return graph.with_nodes(tuple(nodes))


def test_what_keeps_its_promises_is_given_back():
    graph = two_layers()
    for stage in ("lowered", "folded", "connected"):
        assert verify(graph, stage) is graph


@pytest.mark.parametrize("stage", ["lowered", "folded", "connected"])
@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (lambda g: g.with_nodes(g.nodes[::-1]), "thresholding_0 reads mvau_0_out before it is written"),
        (lambda g: changed(g, 0, inputs=("y",)), "mvau_0 reads y before it is written"),
        (lambda g: changed(g, 1, outputs=("mvau_0_out",)), "mvau_0_out is written twice"),
        (lambda g: changed(g, 1, outputs=("x",)), "x is written twice"),
        (lambda g: g.with_nodes(g.nodes[:1]), "mvau_0_out is read 0 times"),
        (lambda g: replace(g, outputs=("mvau_0_out",)), "mvau_0_out is read 1 times"),
        (
            lambda g: g.with_nodes((*g.nodes, replace(g.nodes[1], name="twin", outputs=("twin_out",)))),
            "mvau_0_out is read 2 times",
        ),
        (
            lambda g: replace(g, tensors={**g.tensors, "x": Tensor("x", (5,), graphs.UINT2)}),
            "mvau_0.x is UINT2(4,), x is not",
        ),
        (
            lambda g: replace(g, tensors={**g.tensors, "mvau_0_out": Tensor("t", (4,), graphs.UINT2)}),
            "mvau_0.y is INT6(4,), mvau_0_out is not",
        ),
    ],
)
def test_each_broken_promise_is_named(stage, broken, problem):
    with pytest.raises(AssertionError) as error:
        verify(broken(two_layers()), stage)
    assert str(error.value) == f"graph 'net' after {stage}: {problem}"


def test_lowered_does_not_promise_foldings_yet():
    graph = changed(two_layers(), 0, folding=Folding(3, 3))
    assert verify(graph, "lowered") is graph
    with pytest.raises(LevadaError) as error:
        verify(graph, "folded")
    assert str(error.value) == "mvau_0: PE=3 does not divide MH=4; legal near it: 2, 4"


def test_folded_does_not_promise_equal_beats_yet():
    graph = changed(two_layers(), 1, folding=Folding(1, 1, memory="lut"))
    assert verify(graph, "folded") is graph
    carried, read = (
        f"Stream(dtype={graph.tensors['mvau_0_out'].dtype!r}, elements={n}, beats={4 // n})" for n in (2, 1)
    )
    with pytest.raises(AssertionError) as error:
        verify(graph, "connected")
    assert str(error.value) == (
        f"graph 'net' after connected: thresholding_0 reads {read} from mvau_0_out, which carries {carried}"
    )


@pytest.mark.parametrize(
    ("folding", "text"),
    [
        (Folding(8, 12, memory="lut"), "SIMD=12 does not divide MW=128; legal near it: 8, 16"),
        (Folding(8, 256, memory="lut"), "SIMD=256 does not divide MW=128; legal near it: 128"),
        (Folding(7, 12, memory="lut"), "PE=7 does not divide MH=64; legal near it: 4, 8"),
        (Folding(0, 8, memory="lut"), "PE=0 does not divide MH=64; legal near it: 1"),
        (Folding(8, -4, memory="lut"), "SIMD=-4 does not divide MW=128; legal near it: 1"),
        (Folding(8, 8, mmv=2, memory="lut"), "MMV=2 does not divide pixels=1; legal near it: 1"),
        (Folding(8, 8, dsp_pe=7, memory="lut"), "dsp_pe=7 is not possible; legal near it: 6, 8"),
        (Folding(8, 8), "memory=none is not possible; legal near it: block, constant, lut"),
        (
            Folding(8, 8, memory="constant"),
            "pe=8 simd=8 does not go with memory=constant dsp_pe=0 mmv=1; legal with it: "
            "memory=block dsp_pe=0 mmv=1, memory=block dsp_pe=5 mmv=1, memory=block dsp_pe=8 mmv=1, "
            "memory=lut dsp_pe=0 mmv=1, memory=lut dsp_pe=5 mmv=1, memory=lut dsp_pe=8 mmv=1",
        ),
        (
            Folding(64, 128, memory="block"),
            "pe=64 simd=128 does not go with memory=block dsp_pe=0 mmv=1; legal with it: "
            "memory=constant dsp_pe=0 mmv=1",
        ),
    ],
)
def test_an_illegal_folding_is_answered_with_the_rule_and_what_is_near(folding, text):
    layer = graphs.mvau(np.random.default_rng(0), 128, 64)
    with pytest.raises(LevadaError) as error:
        check_folding("mvau_0", layer, folding)
    assert str(error.value) == f"mvau_0: {text}"


def test_values_that_do_not_go_together():
    layer = graphs.Argmax(12, graphs.INT4)
    with pytest.raises(LevadaError) as error:
        check_folding("argmax_0", layer, Folding(3, 4))
    assert str(error.value) == (
        "argmax_0: pe=3 simd=4 does not go with memory=none dsp_pe=0 mmv=1; legal with it: nothing"
    )


@given(graphs.chains())
def test_every_folding_that_a_layer_offers_is_legal(graph):
    for node in graph.nodes:
        for folding in node.layer.foldings():
            check_folding(node.name, node.layer, folding)


@given(graphs.chains(), st.integers(0, 2**32 - 1))
def test_execute_is_one_layer_after_the_other(graph, seed):
    (x,) = graphs.frames(graph, np.random.default_rng(seed), 3)
    values = execute(graph, x.reshape(3, -1))
    (want,) = (x,)
    for node in graph.nodes:
        (want,) = node.layer.golden(want.reshape(3, *node.layer.inputs[0].shape))
        assert np.array_equal(values[node.outputs[0]], want)
    assert values.keys() == graph.tensors.keys()


def test_neighbours_of_a_tensor():
    graph = two_layers()
    first, second = graph.nodes
    assert graph.producer("x") is None
    assert graph.consumer("x") == (first, 0)
    assert graph.producer("mvau_0_out") == (first, 0)
    assert graph.consumer("mvau_0_out") == (second, 0)
    assert graph.consumer("thresholding_0_out") is None
    assert graph.node("mvau_0") is first
    with pytest.raises(KeyError):
        graph.node("mvau_1")
    assert graph.stream("x") == first.streams[0][0]
    assert graph.stream("mvau_0_out") == first.streams[1][0]
    assert Node("a", first.layer, (), ()).folding == Folding()
