"""The result of a search: its file, its table for the terminal, its page without a browser."""

from __future__ import annotations

import copy
import io
import json
import math
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from levada.cli import main
from levada.errors import LevadaError
from levada.report import searching
from levada.report.scatter import axis
from levada.report.text import THIN
from tests.unit import search_values as searches
from tests.unit.markup import Page

WHERE = Path("out/search.json")


def report(data):
    return searching.checked(json.loads(json.dumps(data)), WHERE)


def shown(data):
    """The page's text, parsed, after all checks that hold for every page."""
    text = searching.page(report(data))
    assert text == searching.page(report(copy.deepcopy(data)))
    assert searches.NASTY not in text
    assert not re.search(r"https?:|src=|@import|url\(", text)
    assert not re.search(r'="[^"]*(nan|inf)\b', text.lower())
    page = Page(text)
    assert page.tags.count("script") == 1
    assert set(page.links) == {f"#design-{number}" for number in range(1, len(data["designs"]) + 1)}
    for picture in re.findall(r"<svg id=.*?</svg>(?=\n|</figure>)", text):
        ET.fromstring(picture)
    return text, page


def picture(text):
    return ET.fromstring(re.search(r'<svg id="front".*?</svg>', text, re.DOTALL)[0])


def percents(element, name):
    return float(element.get(name).removesuffix("%"))


def printed(data, width=140):
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(searching.terminal(report(data)))
    return console.file.getvalue()


def test_the_page_has_all_designs_and_all_that_is_known_of_the_search():
    data = searches.result()
    text, page = shown(data)
    said = "".join(page.text)
    for number, design in enumerate(data["designs"], 1):
        assert f'id="design-{number}"' in text
        assert design["candidate"] in page.text
        if design["front"]:
            assert design["build"] in page.text
            assert "my &lt;b&gt;&amp;net&lt;/b&gt;" in text
    for words in (
        f"net {searches.NASTY}: bit widths",
        "the most frames per second",
        f"8{THIN}000 LUT, 16{THIN}000 FF, 33 DSP, 42 BRAM18",
        "✓ complete",
        "seed 7",
        f"32{THIN}768",
        f"weights of mvau_0: not 1 bits: {searches.NASTY}",
        "2 min 46 s",
        "weights of mvau_0, mvau_1",
    ):
        assert words in said, words
    assert said.count("not on the front") == said.count("keeps no files") - 1 == 1
    assert "2 epochs" in page.text
    assert "from the weights of the widest one, 2 for that" in shown(searches.result(finetune=1))[1].text


def test_notes_of_strategies_are_shown_where_they_are_single_values():
    text, _ = shown(searches.result())
    rows = re.findall(r'<tr><th scope="row">([\w: ]+)</th><td>(.*?)</td></tr>', text)
    assert ("rounds", "3") in rows
    assert ("temperature", "0.125") in rows
    assert ("sampler: crossover", "0.9") in rows
    assert ("teacher", "&lt;script&gt;alert(1)&lt;/script&gt;") in rows
    assert not {"curve", "sampler: generations", "sampler"} & {name for name, _ in rows}


def test_points_lie_where_their_figures_are():
    text, _ = shown(searches.result())
    points = picture(text).findall("a")
    links = [point.get("href") for point in points]
    assert links == [f"#design-{number}" for number in (4, 5, 1, 2, 3)]  # those of the front above
    styles = [point.findall("circle")[1].get("class").split()[1:] for point in points]
    assert styles == [[], ["over"], ["front"], ["front"], ["front"]]
    x = {link: percents(point.find("circle"), "cx") for link, point in zip(links, points, strict=True)}
    y = {link: float(point.find("circle").get("cy")) for link, point in zip(links, points, strict=True)}
    assert sorted(x, key=x.get) == [f"#design-{number}" for number in (1, 5, 2, 4, 3)]
    assert sorted(y, key=y.get) == [f"#design-{number}" for number in (5, 1, 2, 3, 4)]
    # A factor of 8 and one of 5, by powers.
    ratio = (x["#design-2"] - x["#design-1"]) / (x["#design-3"] - x["#design-2"])
    assert ratio == pytest.approx(math.log(8) / math.log(5), rel=1e-3)
    (ghost,) = picture(text).findall("g[@class='ghost']")
    assert x["#design-2"] < percents(ghost.find("circle"), "cx") < x["#design-4"]
    steps = picture(text).findall("g[@class='steps']/line")
    assert len(steps) == 4
    assert (percents(steps[0], "x1"), percents(steps[0], "x2")) == (x["#design-1"],) * 2


def test_with_a_rate_the_picture_is_over_the_share_of_the_budget():
    text, page = shown(searches.wanted())
    said = "".join(page.text)
    assert "Share of the budget, %" in page.text
    assert f"50{THIN}000 frames per second for the least of the budget" in said
    x = [percents(point.find("circle"), "cx") for point in picture(text).findall("a")]
    assert x == sorted(x, reverse=True)
    assert len(picture(text).findall("g[@class='ghost']")) == 1


def test_widths_are_drawn_along_the_pipeline():
    text, _ = shown(searches.result())
    article = re.search(r'<article[^>]*id="design-2".*?</article>', text, re.DOTALL)[0]
    stages = re.findall(r'<li class="([^"]*)">(.*?)</li>', article, re.DOTALL)
    names = [re.search(r'class="layer">(\w+)<', stage)[1] for _, stage in stages]
    assert names == ["quant_0", "swu_0", "mvau_0", "mvau_1", "mvau_2"]
    assert [kind for kind, _ in stages] == ["chosen feeds", "plain feeds", *["chosen feeds"] * 2, "chosen"]
    widths = [re.findall(r"<span>(\w+)</span>.*?<b>(\d)<", stage) for _, stage in stages]
    assert widths == [
        [("activations", "4")],
        [],
        [("weights", "4"), ("activations", "4")],
        [("weights", "8"), ("activations", "4")],
        [("weights", "4")],
    ]
    filled = [line.count("M") for line in re.findall(r'<path d="([^"]*)" class="bar', article)]
    assert filled == [4, 4, 4, 8, 4, 4]
    assert [line.count("M") for line in re.findall(r'<path d="([^"]*)" class="track', article)] == [
        8 - count for count in filled
    ]
    assert article.count('title="not searched"') == 1  # mvau_2 has no knob


def test_layers_that_read_others_than_the_one_before_say_so():
    data = searches.result()
    data["layers"][4]["reads"] = ["mvau_1", "quant_0"]
    assert "reads mvau_1, quant_0" in "".join(shown(data)[1].text)
    data["layers"][4]["reads"] = ["quant_0"]
    assert shown(data)[0].count('"chosen feeds"') == 2 * len(data["designs"])
    assert "reads mvau_1" not in "".join(shown(searches.result())[1].text)


def test_sensitivities_are_darker_by_powers_and_the_chosen_ones_are_known():
    text, _ = shown(searches.result())
    cells = dict(re.findall(r'style="--shade: (\d+)%" data-loss="[\d-]+">([^<]+)<', text)[::-1])
    shades = re.findall(r'--shade: (\d+)%" data-loss="(\d+-\d)">([^<]+)<', text)
    assert [said for *_, said in shades] == ["0.01", "0.0005", "0", "0.1", "0.0005", "0", "1", "0.0005", "0"]
    by_loss = {said: int(shade) for shade, _, said in shades}
    assert (by_loss["0"], by_loss["0.0005"], by_loss["1"]) == (0, 5, 55)
    assert by_loss["1"] - by_loss["0.1"] == pytest.approx(by_loss["0.1"] - by_loss["0.01"], abs=1)
    assert len(cells) == len(by_loss)
    chosen = re.findall(r'data-losses="([^"]*)"', text)
    assert chosen[:2] == ["0-8 1-8 2-8", "0-4 1-4 2-4"]
    assert 'class="heat"' not in shown(searches.result(sensitivities=[]))[0]


@pytest.mark.parametrize("losses", [{"2": 0.0, "4": 0.0}, {"2": 0.5}])
def test_sensitivities_that_are_all_alike(losses):
    text, _ = shown(searches.result(sensitivities=[{"knob": "weights of mvau_0", "loss": losses}]))
    assert set(re.findall(r"--shade: (\d+)%", text)) == ({"55"} if losses["2"] else {"0"})


def test_a_search_that_ended_early_says_so():
    data = searches.result(complete=False, designs=searches.result()["designs"][:1])
    assert "the time was over" in "".join(shown(data)[1].text)
    assert "the time was over before the end" in printed(data)
    assert "the time was over" not in printed(searches.result())


@given(
    st.lists(st.floats(1e-3, 1e9), min_size=1, max_size=8),
    st.booleans(),
)
def test_axes_hold_their_values_and_have_round_ticks(values, powers):
    found = axis("x", values, powers=powers)
    places = [found.at(value) for value in sorted(values)]
    assert places == sorted(places)
    assert places[0] > 0
    assert places[-1] < 1
    assert 1 <= len(found.ticks) <= 7
    assert all(found.low <= tick <= found.high for tick in found.ticks)
    for tick in found.ticks:
        assert float(f"{tick:.6g}") == pytest.approx(tick, rel=1e-5)


def test_the_table_shows_the_front_and_no_markup():
    data = searches.result(unit="[red]dB[/red]")
    text = printed(data, 200)
    assert "98.78 [red]dB[/red]" in text
    rows = [line.split() for line in printed(searches.result(), 80).splitlines()]
    assert rows[0][-2:] == ["Weights", "Activations"]
    assert rows[2:5] == [
        ["1", "98.78", "%", "98.28", "%", "10,000", "7,900", "15,800", "3", "0", *"884888"],
        ["2", "98.10", "%", "97.60", "%", "80,000", "7,000", "14,000", "3", "0", *"484444"],
        ["3", "94.32", "%", "93.82", "%", "400,000", "5,000", "10,000", "3", "0", *"224222"],
    ]
    untested = searches.result()
    untested["designs"][0]["tested"] = None
    assert re.search(r"1 +98\.78 % +- +10,000 ", printed(untested, 80))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / searching.FILE).write_text(json.dumps(searches.result()))
    return tmp_path


def test_levada_report_shows_a_search(folder, capsys):
    assert main(["report", str(folder)]) == 0
    assert "98.78" in capsys.readouterr().out
    assert main(["report", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == searches.result()


def test_a_folder_with_neither_report_nor_search(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 1
    assert capsys.readouterr().err == (
        f"levada: {tmp_path}: neither report.json nor search.json is there; `levada build` writes the one "
        "into its folder, `levada search` the other\n"
    )


def without(data, name):
    return {key: value for key, value in data.items() if key != name}


GOOD = searches.result()
BROKEN = {
    "{}}": "not JSON (Extra data: line 1 column 3 (char 2)); search again",
    "[]": (
        "not a report: the file: Input should be a valid dictionary or instance of SearchReport; search again"
    ),
    json.dumps(searches.result(schema=2)): (
        "schema version 2, this levada reads 1; search again, or read it with the levada that wrote it"
    ),
    json.dumps(without(GOOD, "board")): "not a report: board: Field required; search again",
    json.dumps(searches.result(designs=[])): (
        "not a report: designs: Tuple should have at least 1 item after validation, not 0; search again"
    ),
    json.dumps(searches.result(designs=GOOD["designs"][1:])): (
        "not a report: the file: Value error, the designs of the front are not the first ones, numbered "
        "from 1; search again"
    ),
    json.dumps(searches.result(layers=GOOD["layers"][1:])): (
        "not a report: the file: Value error, quant_0 is none of the layers; search again"
    ),
    json.dumps(searches.result(sensitivities=[{"knob": "x", "loss": {"2": -1}}])): (
        "not a report: sensitivities.0.loss.2: Input should be greater than or equal to 0; search again"
    ),
}


@pytest.mark.parametrize(("content", "message"), BROKEN.items())
def test_a_file_that_is_no_search(folder, content, message):
    (folder / searching.FILE).write_text(content)
    with pytest.raises(LevadaError) as caught:
        searching.load(folder)
    assert str(caught.value) == f"{folder / 'search.json'}: {message}"


def test_no_file(tmp_path):
    with pytest.raises(LevadaError) as caught:
        searching.load(tmp_path)
    said = "no such file; `levada search` writes one into its search folder"
    assert str(caught.value) == f"{tmp_path / 'search.json'}: {said}"


def test_control_characters_are_replaced():
    text, _ = shown(searches.result(model="a\x1b[31mb", note={"x\x07": "y\x00"}))
    assert "a�[31mb" in text
    assert "\x1b" not in printed(searches.result(unit="\x1b"))
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", text)
