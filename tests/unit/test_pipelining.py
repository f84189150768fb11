"""Which clock asks for which registers, and what layers are with them."""

from __future__ import annotations

import pytest
from levada_driver.datatype import IntType

from levada import boards
from levada.emit import sv
from levada.layer import Folding, Tensor, window
from levada.pipelining import COMPARED_LEVELS, DELAYS, SLOW, Pipelining, choose
from levada.synth import yosys
from levada.window import Window
from tests.require_tools import require
from tests.unit import graphs

UINT4 = IntType(4, signed=False)
FAST = Pipelining(ahead=True)
SAME = Window((3, 3), pads=(1, 1, 1, 1))
SERIAL, PARALLEL = Folding(2, 2, memory="lut"), Folding(36, 36, memory="lut")


def unit(pipelining=SLOW, geometry=SAME, channels=4):
    return window()(Tensor("x", (16, 16, channels), UINT4), geometry, 0, pipelining=pipelining)


@pytest.mark.parametrize("name", boards.names())
def test_boards_of_amd_need_nothing_at_their_own_clock(name):
    board = boards.load(name)
    found = choose(board.device.family, board.clock_mhz)
    assert found == (FAST if board.device.family == "ecp5" else SLOW)


@pytest.mark.parametrize("family", DELAYS)
def test_a_clock_asks_for_more_from_where_the_longest_path_does_not_fit(family):
    fits = 1000 / (DELAYS[family].register + COMPARED_LEVELS * DELAYS[family].level)
    assert choose(family, fits * 0.999) == SLOW
    assert choose(family, fits * 1.001) == FAST


def test_known_families_have_delays():
    assert DELAYS.keys() == {boards.load(name).device.family for name in boards.names()}


def test_what_is_not_asked_for_changes_no_text():
    for folding in (SERIAL, PARALLEL):
        assert unit().sv(folding) == unit(SLOW).sv(folding)
        assert unit().sv(folding).params["AHEAD"] == 0


@pytest.mark.parametrize(
    ("geometry", "channels", "folding", "ahead"),
    [
        (SAME, 4, SERIAL, 1),
        (Window((1, 3)), 1, Folding(1, 1, memory="lut"), 1),
        # Windows of one and of two beats, and whole windows a cycle.
        (Window((1, 1), (2, 2)), 2, Folding(2, 2, memory="lut"), 0),
        (Window((1, 2), (2, 2)), 2, Folding(2, 2, memory="lut"), 0),
        (SAME, 4, PARALLEL, 0),
    ],
)
def test_fast_window_units_are_ahead_where_windows_last_long_enough(geometry, channels, folding, ahead):
    layer = unit(FAST, geometry, channels)
    assert folding in layer.foldings()
    assert layer.sv(folding).params["AHEAD"] == ahead
    slow = unit(SLOW, geometry, channels)
    assert (layer.terms(folding) != slow.terms(folding)) == ahead


def test_registers_change_no_step():
    fast, slow = unit(FAST).schedule(SERIAL), unit().schedule(SERIAL)
    assert (fast.latency, fast.slots, fast.steps) == (slow.latency, slow.slots, slow.steps)


def test_a_graph_hands_them_to_all_its_layers():
    graph = graphs.alone(unit(), SERIAL)
    assert graph.on("xc7").nodes[0].layer.pipelining == SLOW
    (node,) = graph.on("xcup", FAST).nodes
    assert (node.layer.family, node.layer.pipelining) == ("xcup", FAST)
    assert ".AHEAD(1)" in sv.layer_sources(node)[f"{node.name}.sv"]


def test_a_unit_that_is_ahead_is_shallower_and_as_large_as_estimated():
    require("pyosys")
    nodes = {name: graphs.alone(unit(own), SERIAL).nodes[0] for name, own in (("s", SLOW), ("f", FAST))}
    depths = {name: yosys.depths([node])[node.name] for name, node in nodes.items()}
    assert depths["f"].lut <= depths["s"].lut - 2
    counted = {name: yosys.synthesize_layers([node])[node.name] for name, node in nodes.items()}
    stated = {name: node.layer.terms(SERIAL) for name, node in nodes.items()}
    more = stated["f"].ff["swu_ahead"]
    assert abs(counted["f"].ff - counted["s"].ff - more) <= more * 0.1
    assert abs(counted["f"].lut - counted["s"].lut - stated["f"].lut["swu_ahead"]) <= 0.1 * counted["s"].lut
