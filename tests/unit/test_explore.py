"""Frame rate against LUTs: every point the best of its kind, and the page that shows them."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from rich.console import Console

from levada import boards, cost, solver
from levada.explore import explore
from levada.problem import problem
from levada.report import exploration
from tests.unit import graphs

BOARD = boards.load("pynq-z2")


@pytest.fixture(scope="module")
def graph():
    random = np.random.default_rng(5)
    sizes = [(64, 64), (64, 32), (32, 16)]
    layers = [graphs.mvau(random, *size, graphs.INT4, graphs.UINT4, graphs.UINT4) for size in sizes]
    return graphs.chain(layers)


@pytest.fixture(scope="module")
def found(graph):
    # Small enough that the fastest designs do not fit.
    return explore(graph, replace(BOARD, usable=replace(BOARD.usable, lut=6000, dsp=40)), 100.0)


def test_each_kind_of_lanes_and_number_of_dsps_has_a_curve(found):
    assert [(curve.name, curve.dsp) for curve in found.curves] == [
        ("LUT only", 0),
        ("DSP only", 40),
        ("mixed", 10),
        ("mixed", 20),
        ("mixed", 40),
    ]
    assert all(curve.points for curve in found.curves)


def test_points_fit_and_fall_in_rate_and_luts(found):
    for curve in found.curves:
        for point in curve.points:
            assert not cost.excess(point.used, replace(found.budget, dsp=curve.dsp))
            assert point.fps == 1e8 / point.interval
            assert point.proven
        rates, luts = ([p.fps for p in curve.points], [p.used.lut for p in curve.points])
        assert rates == sorted(set(rates), reverse=True)
        assert luts == sorted(set(luts), reverse=True)


def test_lut_only_takes_no_dsps_and_more_dsps_are_never_slower(found):
    assert all(point.used.dsp == 0 for point in found.curves[0].points)
    fastest = [curve.points[0].fps for curve in found.curves if curve.name != "DSP only"]
    assert fastest == sorted(fastest)
    assert fastest[-1] > fastest[0]
    assert fastest[-1] >= found.curves[1].points[0].fps


def test_a_point_has_the_fewest_luts_of_its_interval(graph, found):
    curve = found.curves[-1]
    only_luts = np.array([1, 0, 0, 0])
    for point in curve.points[::4]:
        whole = problem(graph, found.budget).within(point.interval)
        answer = solver.cheapest(whole, cost.budget(found.budget), only_luts)
        assert point.used.lut == answer.value == answer.bound


def test_page_and_table_show_every_point(found):
    page = exploration.page(found)
    svg = page[page.index("<svg") : page.index("</svg>") + 6]
    dots = ElementTree.fromstring(svg).iter("circle")
    points = sum(len(curve.points) for curve in found.curves)
    assert len(list(dots)) == points
    assert page.count('<tr><th scope="row">') == points
    console = Console(width=110, record=True, file=None, quiet=False)
    with console.capture() as capture:
        console.print(exploration.terminal(found))
    assert capture.get().count("\n") >= points
    for point in found.curves[0].points:
        assert f"{point.interval:,}" in capture.get()


def test_json_holds_the_curves(found):
    data = json.loads(json.dumps(exploration.as_json(found)))
    assert [len(curve["points"]) for curve in data["curves"]] == [len(c.points) for c in found.curves]
    assert data["curves"][0]["points"][0]["used"].keys() == set(cost.FIELDS)


def test_a_curve_of_which_nothing_fits_is_said_to_be_empty(graph):
    tiny = replace(BOARD, usable=replace(BOARD.usable, lut=10))
    found = explore(graph, tiny, 100.0)
    assert not any(curve.points for curve in found.curves)
    assert "(fits nowhere)" in exploration.page(found)
