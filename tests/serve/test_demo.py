"""The demo page in a browser: each kind of result, the camera, the pipeline, and what it may load."""

from __future__ import annotations

import importlib
import io
import json
import re
import shutil
import subprocess
from urllib import parse

import numpy as np
import pytest
from levada_driver import Accelerator
from levada_driver.serve import settings
from PIL import Image
from playwright.sync_api import expect

from levada import models
from tests import browser
from tests.serve import servers
from tests.unit import packages

host = importlib.import_module("levada.models.lpyolo.host")
TOKEN = "a-token-of-some-length"
# A camera that shows a moving picture, and leave to use it.
CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]


@pytest.fixture(scope="module")
def chromium():
    with browser.chromium(*CAMERA) as found:
        yield found


@pytest.fixture
def open_page(chromium):
    """Opens the page of a server; nothing may go wrong on it, and it may ask nobody else."""
    contexts, wrong, asked, servers_ = [], [], set(), set()

    def open_(server, **options):
        context = chromium.new_context(permissions=["camera"], **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("request", lambda request: asked.add(parse.urlsplit(request.url).netloc))
        address = f"127.0.0.1:{server.port}"
        servers_.add(address)
        page.goto(f"http://{address}/demo")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert asked == servers_
    assert [text for text in wrong if "401 (Unauthorized)" not in text] == []


def choose(page, pixels):
    """Gives the page a picture: uint8 [height, width] or [height, width, 3]."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    page.set_input_files("#file", {"name": "picture.png", "mimeType": "image/png", "buffer": file.getvalue()})


PICTURE = np.array([[0, 255], [170, 85]], np.uint8)  # 0, 15, 10 and 5 as UINT4


def test_classes_are_bars_with_the_largest_first(deploy, tmp_path, open_page):
    folder = shutil.copytree(deploy, tmp_path / "deploy")
    (folder / "demo.json").write_text(json.dumps({"labels": ["ant", "bee", "cat"]}))
    (expected,) = servers.expected(folder, np.array([[[0, 15], [10, 5]]]))
    with servers.running(folder, "--demo") as server:
        page = open_page(server)
        page.wait_for_selector("#source:not([hidden])")
        choose(page, PICTURE)
        page.wait_for_selector("#results li")
        rows = page.locator("#results li").all_inner_texts()
    order = np.argsort(-expected[0], kind="stable")
    assert [row.split() for row in rows] == [
        [["ant", "bee", "cat"][number], f"{expected[0, number]:.3f}"] for number in order
    ]


def test_a_larger_picture_is_compared_by_keyboard(tmp_path, open_page):
    folder = tmp_path / "deploy"
    packages.write_upscaling(folder)
    with servers.running(folder, "--demo") as server:
        page = open_page(server, color_scheme="dark")
        page.wait_for_selector("#source:not([hidden])")
        choose(page, PICTURE)
        slider = page.get_by_role("slider", name="Before and after")
        slider.focus()
        before = page.locator(".compare canvas").nth(1).evaluate("canvas => canvas.style.clipPath")
        page.keyboard.press("ArrowRight")
        after = page.locator(".compare canvas").nth(1).evaluate("canvas => canvas.style.clipPath")
        assert (before, after) == ("inset(0px 0px 0px 50%)", "inset(0px 0px 0px 51%)")
        assert re.fullmatch("2 . 2, and 4 . 4", page.locator("figcaption").inner_text())
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 25, 28)"


def test_the_camera_and_the_pipeline(deploy, open_page):
    with servers.running(deploy, "--demo", backend="rtlsim") as server:
        page = open_page(server)
        camera = page.get_by_role("button", name="Camera")
        camera.focus()
        page.keyboard.press("Enter")
        expect(page.locator("#rate")).to_have_text(re.compile(r"\d"))
        page.wait_for_selector("#results li")
        camera.click()
        expect(camera).to_have_attribute("aria-pressed", "false")
        page.get_by_role("button", name="Watch the pipeline").click()
        page.wait_for_selector("#pipeline tbody tr")
        expect(page.locator("#watched")).to_have_text("8 frames at 100 MHz")
        assert page.locator("#pipeline tbody tr").first.inner_text().count("%") == 3


def test_no_cycles_and_no_pictures(tmp_path, open_page):
    folder = tmp_path / "deploy"
    packages.write(folder, shape=(4,))
    with servers.running(folder, "--demo") as server:
        page = open_page(server)
        page.get_by_role("button", name="Watch the pipeline").click()
        expect(page.locator("#watched")).to_have_text("This back end counts no cycles; pynq and rtlsim do.")
        expect(page.locator("#message")).to_have_text("This network takes no pictures; a client can ask it.")
        assert page.locator("#source").is_hidden()


def test_a_token_is_asked_for(deploy, open_page):
    with servers.running(deploy, "--demo", LEVADA_TOKEN=TOKEN) as server:
        page = open_page(server)
        page.get_by_label("Token of this server").fill(TOKEN)
        page.keyboard.press("Enter")
        page.wait_for_selector("#source:not([hidden])")
        choose(page, PICTURE)
        page.wait_for_selector("#results li")
        assert page.locator("#access").is_hidden()


def test_a_file_that_is_no_picture(deploy, open_page):
    with servers.running(deploy, "--demo") as server:
        page = open_page(server)
        page.wait_for_selector("#source:not([hidden])")
        page.set_input_files("#file", {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"text"})
        expect(page.locator("#message")).to_have_text("notes.txt is no picture that this browser can read.")


def test_boxes_are_those_of_the_host(deploy, open_page):
    """The page's detection against that of models/lpyolo, on random maps and with its demo.json."""
    lpyolo = json.loads((servers.ROOT / "models" / "lpyolo" / "demo.json").read_text())
    assert lpyolo["detection"]["anchors"] == [host.ANCHORS.tolist()]
    script = """async ([data, settings]) => {
      const { detect } = await import("/demo/detection.js");
      const output = { shape: [18, 13, 13], data: Float32Array.from(data) };
      const boxes = detect([output], settings, { width: 416, height: 416 });
      return boxes.map(({ left, top, right, bottom, score }) => [left, top, right, bottom, score]);
    }"""
    random = np.random.default_rng(0)
    with servers.running(deploy, "--demo") as server:
        page = open_page(server)
        for _ in range(5):
            output = random.uniform(-1, 0.6, (18, 13, 13)).astype(np.float32)
            boxes, scores = host.detect(output)
            got = np.array(page.evaluate(script, [output.reshape(-1).tolist(), lpyolo["detection"]]))
            assert len(boxes) > 3
            np.testing.assert_allclose(got, np.column_stack([boxes, scores]), rtol=1e-6, atol=1e-4)


def test_a_models_settings_go_into_its_package(tmp_path):
    packages.write(tmp_path / "deploy", demo=models.find("tfc-w1a1").demo)
    with Accelerator(tmp_path / "deploy", "cppsim") as accelerator:
        assert settings.read(accelerator)["labels"] == [str(digit) for digit in range(10)]
    assert models.find("espcn-x2-w8a8").demo is None


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("{", "cannot be read (Expecting"),
        ("[]", "must be an object with labels, detection, or both; mend it"),
        ('{"name": "x"}', "must be an object with labels, detection, or both; mend it"),
        ('{"labels": [1]}', "labels must be a list of names; mend it"),
        ('{"detection": {}}', "the activation of detection must be one of hardtanh, sigmoid; mend it"),
        (
            '{"detection": {"activation": "sigmoid", "anchors": [[1, 2]]}}',
            "the anchors of detection must be a list of [width, height] for each of 1 outputs; mend it",
        ),
    ],
)
def test_settings_that_are_no_good(deploy, tmp_path, content, text):
    folder = shutil.copytree(deploy, tmp_path / "deploy")
    (folder / "demo.json").write_text(content)
    done = subprocess.run(servers.command(folder, "--demo"), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    assert done.stderr.startswith(f"levada-run: {folder / 'demo.json'}: {text}")
