"""Folding for a board: against trying everything, and a partition.toml that users edit."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from levada import cost, fifo, latency, partition, timing
from levada.errors import LevadaError
from levada.layer import Device, Folding, Resources
from tests.unit import graphs

CLOCK = 100.0
small = graphs.chains(max_layers=2, max_width=6)
FIELDS = ("lut", "ff", "dsp", "bram18")


def everything(graph):
    """(interval, graph with its width converters) of every way to fold a graph."""
    for foldings in product(*(list(node.layer.foldings()) for node in graph.nodes)):
        named = {node.name: folding for node, folding in zip(graph.nodes, foldings, strict=True)}
        folded = partition.with_foldings(graph, named)
        yield timing.interval(folded), fifo.convert_widths(folded)


def price(graph, device=graphs.DEVICE):
    return cost.price(cost.total(fifo.convert_widths(graph), device), device)


def fps(interval):
    """A rate that leaves just `interval` cycles a frame."""
    return CLOCK * 1e6 / (interval + 0.5)


def shrunk(device, factor):
    return replace(device, **{field: int(getattr(device, field) * factor) for field in FIELDS})


@given(small, st.data())
def test_a_target_is_met_at_least_cost(graph, data):
    ways = list(everything(graph))
    interval = data.draw(st.sampled_from(sorted({cycles for cycles, _ in ways})))
    found = partition.fold(graph, graphs.DEVICE, CLOCK, fps(interval))
    assert timing.interval(found.graph) <= interval
    assert price(found.graph) == min(price(way) for cycles, way in ways if cycles <= interval)
    assert (found.objective, found.gap) == (f"at least {fps(interval):,.0f} FPS at least cost", 0)


@given(small)
def test_with_room_for_all_the_fastest_is_found(graph):
    ways = list(everything(graph))
    found = partition.fold(graph, graphs.DEVICE, CLOCK, None)
    fastest = min(cycles for cycles, _ in ways)
    assert timing.interval(found.graph) == fastest
    assert price(found.graph) == min(price(way) for cycles, way in ways if cycles == fastest)
    assert (found.objective, found.gap) == ("as fast as the board allows", 0)


@given(small, st.sampled_from([None, 1.0]))
def test_the_least_latency_is_found_at_a_rate_or_at_any(graph, target):
    found = partition.fold(graph, graphs.DEVICE, CLOCK, target, "latency")
    assert latency.estimate(found.graph) == min(latency.estimate(way) for _, way in unjoined(graph))
    rate = "at least 1 FPS at " if target else ""
    assert (found.objective, found.gap) == (f"{rate}least latency", 0)


def unjoined(graph):
    for foldings in product(*(list(node.layer.foldings()) for node in graph.nodes)):
        named = {node.name: folding for node, folding in zip(graph.nodes, foldings, strict=True)}
        yield named, partition.with_foldings(graph, named)


@given(small, st.floats(0.001, 0.02))
def test_what_is_found_fits_with_its_fifos_and_no_faster_way_fits_without(graph, share):
    device = shrunk(graphs.DEVICE, share)
    device = replace(device, bram18=graphs.DEVICE.bram18)
    ways = [cycles for cycles, way in everything(graph) if not cost.excess(cost.total(way, device), device)]
    if not ways:
        with pytest.raises(LevadaError, match=r"^net: does not fit the board at its smallest \("):
            partition.fold(graph, device, CLOCK, None)
        return
    try:
        found = partition.fold(graph, device, CLOCK, None)
    except LevadaError as error:
        if "with its FIFOs" in str(error):
            return
        raise
    assert not cost.excess(cost.total(fifo.connect(found.graph), device), device)
    assert cost.total(found.connected, device) == cost.total(fifo.connect(found.graph), device)
    interval = timing.interval(found.graph)
    assert interval >= min(ways)
    assert 1 - min(ways) / interval <= found.gap + 1e-9


@given(small)
def test_a_higher_target_never_costs_less(graph):
    intervals = sorted({cycles for cycles, _ in everything(graph)})
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


def test_what_does_not_fit_says_what_is_missing_and_which_two_changes_help_most():
    random = np.random.default_rng(0)
    layers = [
        graphs.mvau(random, 8, 8, graphs.INT4, graphs.UINT4),
        graphs.mvau(random, 8, 4, graphs.INT2, None),
    ]
    layers[1] = replace(layers[1], atype=layers[0].result_type)
    graph = graphs.chain(layers)
    device = Device("xc7", lut=50, ff=100000, dsp=0, bram18=100)
    for target in (1.0, None):
        with pytest.raises(LevadaError) as error:
            partition.fold(graph, device, CLOCK, target)
        text = str(error.value)
        form = (
            r"net: does not fit the board at its smallest \(lut: (\d+) of 50, (\d+) missing\); "
            r"most would help: (mvau_\d) with (.*) \(saves lut (\d+)\), "
            r"(mvau_\d) with (.*) \(saves lut (\d+)\)"
        )
        used, missing, first, change, saved, second, _, less = re.fullmatch(form, text).groups()
        assert int(used) - 50 == int(missing)
        assert {first, second} == {"mvau_0", "mvau_1"}
        assert int(saved) >= int(less)
        layer = graph.node(first).layer.slimmer()[change]
        smallest = [
            min(other.resources(f, device).lut for f in other.foldings())
            for other in (layer, graph.node(first).layer)
        ]
        assert smallest[1] - smallest[0] <= int(saved)


def test_a_layer_without_advice_is_named_by_its_share():
    graph = graphs.chain([graphs.Argmax(48, graphs.UINT8)])
    with pytest.raises(LevadaError) as error:
        partition.fold(graph, Device("xc7", lut=1, ff=10**6, dsp=0, bram18=0), CLOCK, None)
    assert str(error.value).endswith("; most of it is in argmax_0 (100 %); use fewer bits or channels there")


def test_a_rate_that_does_not_fit_is_answered_with_one_that_does():
    graph = graphs.chain([graphs.mvau(np.random.default_rng(0), 64, 64, graphs.INT4, graphs.UINT4)])
    device = replace(graphs.DEVICE, lut=1000)
    with pytest.raises(LevadaError) as error:
        partition.fold(graph, device, CLOCK, 50e6)
    form = r"net: does not fit the board at 5e\+07 FPS; (\d+) FPS do, so choose --target-fps \1 or less"
    rate = int(re.fullmatch(form, str(error.value))[1])
    fastest = timing.interval(partition.fold(graph, device, CLOCK, None).graph)
    assert rate == int(CLOCK * 1e6 / fastest)
    assert timing.interval(partition.fold(graph, device, CLOCK, rate).graph) == fastest


@pytest.mark.parametrize(
    ("objective", "target", "text"),
    [
        ("cost", None, "--objective cost: needs a rate to reach; give --target-fps"),
        (
            "throughput",
            1.0,
            "--objective throughput: goes for the highest rate there is; leave out --target-fps",
        ),
    ],
)
def test_objectives_that_contradict_the_target_are_refused(objective, target, text):
    with pytest.raises(LevadaError) as error:
        partition.fold(folded_mvau(), graphs.DEVICE, CLOCK, target, objective)
    assert str(error.value) == text


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
        "\n[mvau_0]  # mvau, 64 cycles a frame\npe = 8\nsimd = 16\nmmv = 1\ndsp_pe = 0\n"
        'memory = "lut"\nthresholds = "lut"'
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
        ("simd", "SIMD", "{path}: [mvau_0] has 'SIMD'; use pe, simd, mmv, dsp_pe, memory, thresholds"),
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
