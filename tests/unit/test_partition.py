"""Folding for a board: against trying everything, and a partition.toml that users edit."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levada import cost, partition, timing
from levada.errors import LevadaError
from levada.layer import Device, Folding, Resources
from tests.unit import graphs

CLOCK = 100.0
small = graphs.chains(max_layers=2, max_width=6)
FIELDS = ("lut", "ff", "dsp", "bram18")


def everything(graph):
    """(interval, price, resources) of every way to fold a graph."""
    ways = [list(node.layer.foldings()) for node in graph.nodes]
    for foldings in product(*ways):
        pairs = [(node.layer, folding) for node, folding in zip(graph.nodes, foldings, strict=True)]
        used = sum((layer.resources(f, graphs.DEVICE) for layer, f in pairs), Resources())
        yield max(layer.cycles(f) for layer, f in pairs), used.share(graphs.DEVICE), used


def price(graph, device=graphs.DEVICE):
    return cost.total(graph, device).share(device)


def fps(interval):
    """A rate that leaves just `interval` cycles a frame."""
    return CLOCK * 1e6 / (interval + 0.5)


def shrunk(device, factor):
    return replace(device, **{field: int(getattr(device, field) * factor) for field in FIELDS})


@given(small, st.data())
def test_a_target_is_met_at_least_cost(graph, data):
    ways = list(everything(graph))
    interval = data.draw(st.sampled_from(sorted({cycles for cycles, _, _ in ways})))
    found = partition.fold(graph, graphs.DEVICE, CLOCK, fps(interval))
    assert timing.interval(found.graph) <= interval
    assert price(found.graph) == pytest.approx(min(p for cycles, p, _ in ways if cycles <= interval))
    assert found.objective == f"at least {fps(interval):,.0f} FPS at least cost"


@given(small)
def test_with_room_for_all_the_fastest_is_found(graph):
    ways = list(everything(graph))
    found = partition.fold(graph, graphs.DEVICE, CLOCK, None)
    fastest = min(cycles for cycles, _, _ in ways)
    assert timing.interval(found.graph) == fastest
    assert price(found.graph) == pytest.approx(min(p for cycles, p, _ in ways if cycles == fastest))
    assert found.objective == "as fast as the board allows"


@given(small, st.floats(0.001, 0.02))
def test_the_fastest_that_fits_a_small_device(graph, share):
    """Of the cheapest networks of each interval, as large a one as fits; none faster would."""
    device = shrunk(graphs.DEVICE, share)
    device = replace(device, bram18=graphs.DEVICE.bram18)
    ways = [way for way in everything(graph) if not cost.excess(way[2], device)]
    if not ways:
        with pytest.raises(LevadaError, match=r"^net: does not fit the board \("):
            partition.fold(graph, device, CLOCK, None)
        return
    found = partition.fold(graph, device, CLOCK, None)
    assert not cost.excess(cost.total(found.graph, device), device)
    assert timing.interval(found.graph) == min(cycles for cycles, _, _ in ways)


@given(small)
def test_offers_are_the_pareto_front(graph):
    for node in graph.nodes:
        ways = []
        for folding in node.layer.foldings():
            used = node.layer.resources(folding, graphs.DEVICE)
            ways.append((node.layer.cycles(folding), used.share(graphs.DEVICE)))
        front = {way for way in ways if not any(o[0] <= way[0] and o[1] <= way[1] and o != way for o in ways)}
        offers = partition.offers(node.layer, graphs.DEVICE)
        assert [(offer.cycles, offer.price) for offer in offers] == sorted(front)
        for offer in offers:
            assert offer.cycles == node.layer.cycles(offer.folding)
            assert offer.resources == node.layer.resources(offer.folding, graphs.DEVICE)


@given(small)
def test_a_higher_target_never_costs_less(graph):
    intervals = sorted({cycles for cycles, _, _ in everything(graph)})
    prices = [price(partition.fold(graph, graphs.DEVICE, CLOCK, fps(t)).graph) for t in intervals]
    assert prices == sorted(prices, reverse=True)


def test_a_target_out_of_reach_names_the_slowest_layer_and_what_is_possible():
    layers = [graphs.thresholding(np.random.default_rng(0), 48, graphs.INT4, graphs.UINT2)]
    layers.append(graphs.Argmax(48, graphs.UINT2))
    with pytest.raises(LevadaError) as error:
        partition.fold(graphs.chain(layers), graphs.DEVICE, CLOCK, 50e6)
    assert str(error.value) == (
        "argmax_0: takes at least 3 cycles a frame, 5e+07 FPS at 100 MHz leave 2; "
        "choose --target-fps 33333333 or less, or a higher --clock-mhz"
    )
    fine = partition.fold(graphs.chain(layers), graphs.DEVICE, CLOCK, 33333333)
    assert timing.interval(fine.graph) == 3


def test_what_does_not_fit_says_what_is_short():
    graph = graphs.chain([graphs.mvau(np.random.default_rng(0), 8, 4)])
    device = Device("xc7", lut=10, ff=100000, dsp=0, bram18=10)
    least = partition.fold(graph, graphs.DEVICE, CLOCK, 1.0)
    used = cost.total(least.graph, device)
    for target in (1.0, None):
        with pytest.raises(LevadaError) as error:
            partition.fold(graph, device, CLOCK, target)
        assert str(error.value).startswith("net: does not fit the board (lut: ")
        text = str(error.value)
        assert re.search(r" of 10\), \w+ takes most of it \(lut \d+", text), text
        assert text.endswith("; lower --target-fps or its bits")
    assert cost.excess(used, device) == [f"lut: {used.lut} of 10"]


def test_excess_names_each_resource_that_is_short():
    device = Device("xc7", lut=10, ff=20, dsp=0, bram18=4)
    assert cost.excess(Resources(10, 20, 0, 4), device) == []
    assert cost.excess(Resources(11, 20, 1, 5), device) == ["lut: 11 of 10", "dsp: 1 of 0", "bram18: 5 of 4"]


@given(graph=graphs.chains())
def test_a_partition_toml_is_read_back(graph, tmp_path_factory):
    path = tmp_path_factory.mktemp("toml") / "partition.toml"
    path.write_text(partition.to_toml(graph))
    foldings = partition.from_toml(path)
    assert foldings == {node.name: node.folding for node in graph.nodes}
    unfolded = graph.with_nodes(tuple(replace(node, folding=Folding()) for node in graph.nodes))
    again = partition.with_foldings(unfolded, foldings)
    assert [node.folding for node in again.nodes] == [node.folding for node in graph.nodes]


def folded_mvau():
    layer = graphs.mvau(np.random.default_rng(0), 128, 64)
    return graphs.chain([layer], [Folding(8, 16, memory="lut")])


def test_partition_toml_is_readable():
    lines = partition.to_toml(folded_mvau()).splitlines()
    said = [line for line in lines if line.startswith("# ")]
    assert said[0] == "# How the layers of net are folded. Edit and give back with --partition FILE."
    assert "\n".join(lines[len(said) :]) == (
        '\n[mvau_0]  # mvau, 64 cycles a frame\npe = 8\nsimd = 16\nmmv = 1\ndsp_pe = 0\nmemory = "lut"'
    )


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("simd = 16", "simd = 12", "mvau_0: SIMD=12 does not divide MW=128; legal near it: 8, 16"),
        ('"lut"', '"dram"', "mvau_0: memory=dram is not possible; legal near it: block, constant, lut"),
        ("[mvau_0]", "[mvau_1]", "mvau_1: no such layer in net; it has mvau_0"),
        ("pe = 8", "pe = 0", "{path}: [mvau_0] pe = 0; write a whole number"),
        ("pe = 8", "pe = -8", "{path}: [mvau_0] pe = -8; write a whole number"),
        ("dsp_pe = 0", "dsp_pe = -1", "{path}: [mvau_0] dsp_pe = -1; write a whole number"),
        ("pe = 8", "pe = 8.0", "{path}: [mvau_0] pe = 8.0; write a whole number"),
        ("pe = 8", "pe = true", "{path}: [mvau_0] pe = True; write a whole number"),
        ('memory = "lut"', "memory = 1", "{path}: [mvau_0] memory = 1; write text"),
        ("simd", "SIMD", "{path}: [mvau_0] has 'SIMD'; use pe, simd, mmv, dsp_pe, memory"),
        ("[mvau_0]", "x = 1\n[mvau_0]", "{path}: x is 1; write a table [x] with pe, simd, ..."),
    ],
)
def test_edited_values_are_checked(tmp_path, old, new, text):
    path = tmp_path / "partition.toml"
    lines = [line for line in partition.to_toml(folded_mvau()).splitlines() if not line.startswith("#")]
    assert old in "\n".join(lines)
    path.write_text("\n".join(lines).replace(old, new, 1))
    with pytest.raises(LevadaError) as error:
        partition.with_foldings(folded_mvau(), partition.from_toml(path))
    assert str(error.value) == text.format(path=path)


def test_edited_values_are_used(tmp_path):
    path = tmp_path / "partition.toml"
    path.write_text('[mvau_0]\npe = 4\nsimd = 32\nmemory = "block"\n')
    graph = partition.with_foldings(folded_mvau(), partition.from_toml(path))
    assert graph.nodes[0].folding == Folding(4, 32, memory="block")
    assert timing.interval(graph) == 64
    path.write_text("")
    same = partition.with_foldings(folded_mvau(), partition.from_toml(path))
    assert same.nodes[0].folding == Folding(8, 16, memory="lut")


def test_a_file_that_cannot_be_read(tmp_path):
    path = tmp_path / "partition.toml"
    with pytest.raises(LevadaError) as error:
        partition.from_toml(path)
    assert str(error.value) == f"{path}: there is no such file; a build writes one as partition.toml"
    for data in (b"[mvau_0", b"\xff\xfe"):
        path.write_bytes(data)
        with pytest.raises(LevadaError, match=r"partition\.toml: cannot be read as TOML \("):
            partition.from_toml(path)


@pytest.mark.xfail(reason="the cheapest choice of each layer ignores which resource runs out")
@pytest.mark.parametrize("target", [None, fps(2048)])
def test_what_fits_only_with_some_layers_in_lut_memory_fits(target):
    layer = graphs.mvau(np.random.default_rng(0), 512, 512, otype=graphs.UINT2)
    graph = graphs.chain([layer] * 9)
    # Eight layers in block RAM, one in LUT memory: it can be done.
    foldings = [Folding(4, 32, memory="block")] * 8 + [Folding(4, 32, memory="lut")]
    possible = graphs.chain([layer] * 9, foldings)
    assert timing.interval(possible) == 2048
    assert not cost.excess(cost.total(possible, graphs.DEVICE), graphs.DEVICE)
    assert timing.interval(partition.fold(graph, graphs.DEVICE, CLOCK, target).graph) <= 2048
