"""Counting cells, and Yosys on a tiny design: the whole is its layers, and is not mapped twice."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levada.emit import sv
from levada.errors import LevadaError
from levada.layer import Folding, Resources
from levada.synth import families, yosys
from tests.require_tools import require
from tests.unit import graphs


@pytest.mark.parametrize(
    ("cells", "resources"),
    [
        ({}, Resources()),
        ({"LUT1": 1, "LUT6": 2, "INV": 3}, Resources(lut=6)),
        ({"FDRE": 5, "FDSE": 1, "FDCE": 2, "FDPE": 1}, Resources(ff=9)),
        ({"RAM32M": 2, "RAM64X1D": 1, "SRL16E": 3}, Resources(lut=13)),
        ({"RAMB18E1": 3, "RAMB36E1": 2}, Resources(bram18=7)),
        ({"DSP48E1": 4}, Resources(dsp=4)),
        ({"CARRY4": 8, "MUXF7": 2, "MUXF8": 1, "$scopeinfo": 9}, Resources()),
        ({"LUT2": 1, "FDRE": 1, "DSP48E1": 1, "RAMB18E1": 1}, Resources(1, 1, 1, 1)),
    ],
)
def test_count(cells, resources):
    assert families.of("xc7").count(cells) == resources


@given(st.lists(st.dictionaries(st.sampled_from(["LUT4", "FDRE", "RAM64M", "RAMB36E1"]), st.integers(0, 99))))
def test_counts_of_parts_add_up(parts):
    whole = {}
    for part in parts:
        for cell, number in part.items():
            whole[cell] = whole.get(cell, 0) + number
    assert families.of("xc7").count(whole) == sum(
        (families.of("xc7").count(part) for part in parts), Resources()
    )


def test_unknown_cells_are_refused():
    with pytest.raises(LevadaError) as error:
        families.of("xc7").count({"LUT6": 1, "$mem_v2": 1, "$_DFF_P_": 2})
    assert str(error.value) == "yosys left cells that are not primitives of the chip: $_DFF_P_, $mem_v2"


def test_a_family_that_is_not_counted_is_refused():
    text = "family 'ice40': cells of this family are not counted; use one of xc7, xcup, ecp5"
    with pytest.raises(LevadaError, match=text):
        families.of("ice40")


def tiny():
    random = np.random.default_rng(0)
    first = graphs.mvau(random, 4, 2, graphs.INT2, graphs.UINT2)
    second = graphs.thresholding(random, 2, first.result_type, graphs.UINT2)
    return graphs.connected(
        graphs.chain([first, second], [Folding(1, 2, memory="lut"), Folding(1, 1, memory="lut")])
    )


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    """The tiny design and its resources, in a cache of its own."""
    require("pyosys")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEVADA_CACHE", str(tmp_path_factory.mktemp("cache")))
        graph = tiny()
        yield graph, yosys.synthesize(graph)


def test_the_whole_is_the_sum_of_its_layers(mapped):
    graph, whole = mapped
    layers = yosys.synthesize_layers(graph.nodes)
    assert list(layers) == [node.name for node in sorted(graph.nodes, key=lambda n: -n.layer.macs())]
    assert all(layer.lut > 0 and layer.ff > 0 for layer in layers.values())
    assert whole == sum(layers.values(), Resources())


def test_a_layer_takes_the_same_alone_as_in_a_run_with_others(mapped, monkeypatch, tmp_path):
    graph, _ = mapped
    together = yosys.synthesize_layers(graph.nodes)
    monkeypatch.setenv("LEVADA_CACHE", str(tmp_path))
    node = max(graph.nodes, key=lambda node: together[node.name].lut)
    assert yosys.synthesize_layers([node]) == {node.name: together[node.name]}


def test_the_second_time_no_process_starts(mapped, monkeypatch):
    graph, whole = mapped

    def fail(*_args, **_options):
        pytest.fail("Yosys was started again")

    monkeypatch.setattr(yosys.plans, "run", fail)
    assert yosys.synthesize(graph) == whole
    other = graphs.alone(graph.nodes[0].layer, Folding(2, 2, memory="lut"))
    with pytest.raises(pytest.fail.Exception):
        yosys.synthesize(other)


def test_the_netlist_is_made_of_primitives(mapped):
    graph, _ = mapped
    netlist = yosys.netlist(graph)
    assert f"module {sv.TOP}(" in netlist
    assert " FDRE " in netlist
    assert netlist.count("\nmodule ") == 1


def test_estimates_are_of_the_right_size(mapped):
    graph, _ = mapped
    layers = yosys.synthesize_layers(graph.nodes)
    for node in graph.nodes:
        measured = layers[node.name]
        estimated = node.layer.resources(node.folding, graphs.DEVICE)
        assert abs(math.log2(estimated.lut / measured.lut)) < 2, (node.name, estimated, measured)


def test_a_failing_script_says_why(tmp_path):
    require("pyosys")
    with pytest.raises(LevadaError) as error:
        yosys.run(yosys.plan({}, ["read_verilog missing.v"]), tmp_path / "plan")
    assert str(error.value).startswith("yosys failed: ERROR: ")
    assert "missing.v" in str(error.value)
