"""The page of a search in a browser: designs are chosen, with and without JavaScript, commands are copied."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from levada.report import searching
from tests import browser
from tests.unit import search_values as searches

DATA = json.loads(json.dumps(searches.result()))


@pytest.fixture(scope="module")
def chromium():
    with browser.chromium() as found:
        yield found


@pytest.fixture
def open_page(chromium, tmp_path):
    """Opens the page of a search's result; nothing may go wrong on it, and it may ask for nothing else."""
    contexts, wrong, asked = [], [], []
    file = tmp_path / searching.PAGE
    file.write_text(searching.page(searching.checked(DATA, Path("search.json"))))

    def open_(fragment="", **options):
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(file.as_uri() + fragment)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert {url.partition("#")[0] for url in asked} == {file.as_uri()}
    assert wrong == []


def point(page, number):
    return page.locator(f'.scatter a[href="#design-{number}"]')


def only(page, number):
    """That design is shown and no other."""
    expect(page.locator(f"#design-{number}")).to_be_visible()
    expect(page.locator(".design:visible")).to_have_count(1)


def test_a_point_is_chosen_by_a_click(open_page):
    page = open_page()
    only(page, 1)
    expect(point(page, 1)).to_have_attribute("aria-current", "true")
    framed = page.locator(".heat td.chosen")
    assert framed.evaluate_all("cells => cells.map(cell => cell.dataset.loss)") == ["0-8", "1-8", "2-8"]
    page.evaluate("window.scrollTo(0, 60)")
    point(page, 4).click()
    only(page, 4)
    assert page.evaluate("window.scrollY") == 60
    expect(point(page, 1)).to_have_attribute("aria-current", "false")
    assert framed.evaluate_all("cells => cells.map(cell => cell.dataset.loss)") == ["0-4", "1-2", "2-2"]
    expect(page.locator("#design-4")).to_contain_text("keeps no files")
    expect(page.locator("tr.chosen th")).to_have_text("4")
    page.locator('.sortable a[href="#design-2"]').click()
    only(page, 2)
    expect(page.locator("#design-2")).to_be_in_viewport()


def test_a_point_is_chosen_by_keys_and_says_what_it_is(open_page):
    page = open_page()
    tip = page.locator(".tip")
    expect(tip).to_be_hidden()
    point(page, 4).focus()
    expect(tip).to_contain_text("Design 4, trained\n93.00")
    expect(tip).to_contain_text("bits of weights: 2 4 4\nbits of activations: 4 2 2")
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    page.keyboard.press("Tab")
    expect(point(page, 5)).to_be_focused()
    page.keyboard.press("Enter")
    only(page, 5)
    point(page, 1).hover()
    expect(tip).to_contain_text("Design 1, on the front")


def test_without_javascript_links_choose(open_page):
    page = open_page(java_script_enabled=False)
    only(page, 1)
    expect(page.locator("#design-1 .command")).to_contain_text(DATA["designs"][0]["build"])
    expect(page.locator("button:visible")).to_have_count(0)
    point(page, 3).click()
    only(page, 3)
    only(open_page("#design-2", java_script_enabled=False), 2)


def test_a_command_is_copied(open_page):
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    point(page, 2).click()
    button = page.locator("#design-2 .command button")
    button.click()
    expect(button).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == DATA["designs"][1]["build"]


def test_what_cannot_be_copied_is_selected(open_page):
    page = open_page()
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(); }")
    page.locator("#design-1 .command button").click()
    expect(page.locator("#design-1 .command button")).to_have_text("Selected")
    assert page.evaluate("String(window.getSelection())") == DATA["designs"][0]["build"]


def test_the_table_is_sorted(open_page):
    page = open_page()
    numbers = page.locator(".sortable tbody tr th a")
    fps = page.locator(".sortable thead th", has_text="FPS")
    for order, state in (("15243", "ascending"), ("34251", "descending")):
        fps.locator("button").click()
        assert "".join(numbers.all_inner_texts()) == order
        assert fps.get_attribute("aria-sort") == state
    page.get_by_role("button", name="Bits").click(click_count=2)
    assert "".join(numbers.all_inner_texts()) == "15243"
    assert fps.get_attribute("aria-sort") is None


@pytest.mark.parametrize("width", [400, 1200])
def test_the_page_fits(open_page, width):
    page = open_page("#design-2", viewport={"width": width, "height": 800}, color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 22, 28)"
    labels = page.locator(".scatter text").evaluate_all(
        "texts => texts.map(t => t.getBoundingClientRect().right)"
    )
    assert max(labels) < width


def test_paper_has_the_chosen_design_and_no_buttons(open_page):
    page = open_page()
    point(page, 2).click()
    page.emulate_media(media="print")
    only(page, 2)
    expect(page.locator("#design-2 .command button")).to_be_hidden()
    expect(page.locator(".tip")).to_be_hidden()
