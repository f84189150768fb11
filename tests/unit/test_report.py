"""The report: its file, its page, its summary; golden page, random reports, honest gaps."""

from __future__ import annotations

import io
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from levada import report as reporting
from levada.errors import LevadaError
from levada.layer import Resources
from levada.report import LEVELS, Cycles, LayerReport, Level, LongestPath, Partition, Report, ResourceReport
from levada.report.text import printable
from tests.unit.markup import Page

GOLDEN = Path(__file__).parent / "golden" / "report.html"


def layer(name, kind="mvu", cycles=64, **values):
    known = {"pe": 1, "simd": 1, "memory": "none", "estimated": Resources(lut=100, ff=80)}
    return LayerReport(name=name, kind=kind, cycles=cycles, **{**known, **values})


def depth(start, end, lut=0, carry=0, fanout=9, **others):
    """What is known of a layer's longest path and its widest net."""
    path = {"lut": lut, "carry": carry, "mux": 0, "memory": 0, "dsp": 0, **others}
    longest = LongestPath(start=start, end=end, **path)
    return {"longest_path": longest, "fanout": fanout, "widest_net": f"behind {start}"}


def example(**values):
    """A small network with all there can be."""
    mvu = {"memory": "constant", "fifo_depth": 2, "ff": 900, "dsp": 0, "bram18": 0}
    layers = (
        layer("fc0", cycles=64, pe=16, simd=49, lut=12_345, estimated=Resources(13_000, 1000), **mvu),
        layer("act0", "thresholding", 64, pe=16, fifo_depth=2, lut=410, ff=120, dsp=0, bram18=0),
        layer("fork0", "fork", 64, pe=16, lut=20, ff=4, dsp=0, bram18=0, **depth("valid_q", "valid_q")),
        layer("fc1", cycles=128, pe=8, simd=8, lut=2110, estimated=Resources(2000, 700, 0, 4), **mvu),
        layer("fifo0", "fifo", 64, reads=("fork0",), estimated=Resources(30, 40, 0, 1)),
        layer(
            "add0",
            "add",
            64,
            reads=("fc1", "fifo0"),
            lut=64,
            ff=33,
            dsp=0,
            bram18=0,
            **depth("count_q[0]", "total_q[7] (enable)", 4, 2, memory=1, fanout=1_340),
        ),
        layer("a.long.name.of.a.layer.that.never.ends", "mvu", 100, dsp_pe=4, mmv=2, memory="block"),
        layer("top", "topk", 10, lut=50, ff=20, dsp=0, bram18=0),
    )
    data = {
        "model": "tfc-w2a2",
        "board": "pynq-z2",
        "part": "xc7z020clg400-1",
        "clock_mhz": 100.0,
        "levels": {
            "rtlsim": Level(samples=64, mismatches=0),
            "qonnx": Level(samples=10_000, mismatches=0, ties=3),
            "graph": Level(samples=1000, mismatches=0),
            "cppsim": Level(samples=10_000, mismatches=0),
        },
        "cycles": Cycles(predicted=128, simulated=130, bottleneck="fc1"),
        "latency_cycles": 412,
        "latency_predicted": 400,
        "fps": 100e6 / 130,
        "macs": 59_008,
        "weight_bits": 118_016,
        "accuracy": 97.31,
        "accuracy_data": "mnist test set, 10000 images",
        "layers": layers,
        "resources": ResourceReport(
            estimated=Resources(15_840, 2900, 4, 5),
            synthesized=Resources(15_100, 2500, 4, 300),
            budget=Resources(53_200, 106_400, 220, 280),
        ),
        "partition": Partition(objective="most frames per second", gap=0.0, seconds=0.25),
        "seconds": {"streamline": 1.25, "fold": 0.25, "cppsim": 20.5, "rtlsim": 75.0, "synthesize": 3801.0},
        "versions": {"levada": "0.1.0", "yosys": "0.70", "verilator": "5.048"},
        "notes": ("no data: verified on generated samples.",),
    }
    return Report(**{**data, **values})


def bare():
    """What the shortest flow knows: nothing is simulated, nothing synthesized."""
    return example(
        levels={},
        cycles=Cycles(predicted=128, bottleneck="fc1"),
        latency_cycles=None,
        fps=None,
        accuracy=None,
        accuracy_data=None,
        layers=(layer("fc1"),),
        resources=ResourceReport(estimated=Resources(1, 2), budget=Resources(10, 10, 10, 10)),
        partition=Partition(objective="fewest LUTs", seconds=0.0),
        seconds={},
        versions={},
        notes=(),
    )


def printed(report, width):
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(reporting.terminal(report))
    return console.file.getvalue()


def checked(page):
    """The parsed page, after all checks that hold for every report."""
    parsed = Page(page)
    pictures = re.findall(r"<svg id=.*?</svg>(?=</div>)", page)
    assert len(pictures) == 4 - ('id="h-time"' not in page)
    for picture in pictures:
        root = ET.fromstring(picture)
        assert root.find("title").text
        assert root.find("desc").text
    assert not {"script", "link", "img", "iframe"} & set(parsed.tags)
    assert parsed.links == []
    numbers = " ".join(re.findall(r'(?: (?:x|y|width|height|x1|x2|d|viewbox))="[^"]*"', page))
    assert "nan" not in numbers.lower()
    assert "inf" not in numbers.lower()
    return parsed


def test_golden(update):
    page = reporting.html(example())
    checked(page)
    if update:
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(page, encoding="utf-8")
    assert page == GOLDEN.read_text(encoding="utf-8")


def test_save_and_load(tmp_path):
    reporting.save(example(), tmp_path / "out")
    assert reporting.load(tmp_path / "out") == example()
    assert (tmp_path / "out" / "report.html").read_text(encoding="utf-8") == reporting.html(example())
    data = json.loads((tmp_path / "out" / "report.json").read_text())
    assert list(data["levels"]) == ["qonnx", "graph", "cppsim", "rtlsim"]
    assert list(data["seconds"]) == list(example().seconds)


def test_save_where_it_cannot(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LevadaError, match=r"report.html: cannot write \(.*\); choose another --out$"):
        reporting.save(example(), tmp_path / "file" / "out")


def edited(**values):
    return json.dumps({**example().model_dump(mode="json"), **values})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file; `levada build` writes one into its build folder"),
        (
            "{",
            "not JSON (Expecting property name enclosed in double quotes: line 1 column 2 (char 1)); "
            "build again",
        ),
        (
            "[]",
            "not a report: the file: Input should be a valid dictionary or instance of Report; build again",
        ),
        (
            edited(schema_version=2),
            "schema version 2, this levada reads 1; build again, or read it with the levada that wrote it",
        ),
        (edited(macs=-1), "not a report: macs: Input should be greater than or equal to 0; build again"),
        (edited(speed=1), "not a report: speed: Extra inputs are not permitted; build again"),
        (
            edited(resources={"estimated": {"lut": 1}, "budget": {"lut": 1, "ff": 1, "dsp": 1, "bram18": 1}}),
            "not a report: resources.estimated: Value error, needs exactly lut, ff, dsp, bram18; build again",
        ),
    ],
)
def test_load_errors(tmp_path, content, message):
    if content is not None:
        (tmp_path / "report.json").write_text(content)
    with pytest.raises(LevadaError) as caught:
        reporting.load(tmp_path)
    assert str(caught.value) == f"{tmp_path / 'report.json'}: {message}"


def test_load_broken_bytes(tmp_path):
    (tmp_path / "report.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(LevadaError, match="not JSON"):
        reporting.load(tmp_path)


def test_fps_is_never_an_estimate():
    with pytest.raises(pydantic.ValidationError, match="an estimate is no frame rate"):
        example(cycles=Cycles(predicted=128, bottleneck="fc1"))


def test_gaps_are_named():
    page = "".join(checked(reporting.html(bare())).text)
    summary = printed(bare(), 100)
    for text in (page, summary):
        assert text.count("not run") == len(LEVELS)
        assert "not verified" in text
        assert "not simulated" in text
        assert "no data" in text
        assert "nothing proven" in text
    assert "FPS not simulated" in summary
    assert "not synthesized: the counts are estimates" in summary


def test_mismatches_are_loud():
    report = example(
        levels={"qonnx": Level(samples=8, mismatches=0), "cppsim": Level(samples=8, mismatches=5)}
    )
    assert report.failed == ("cppsim",)
    page = "".join(checked(reporting.html(report)).text)
    for text in (page, printed(report, 80)):
        assert "mismatches at cppsim" in text
        assert text.count("✗ differs") == 1
        assert text.count("✓ agrees") == 1


def test_over_budget_is_marked():
    page = reporting.html(example())
    assert "300 of 280 · 107.1 % ▲ over" in page
    assert page.count("▲ over</text>") == 1
    assert "107.1 %" in printed(example(), 80)
    barely = ResourceReport(estimated=Resources(100_001), budget=Resources(100_000))
    assert "100.001 %" in printed(example(resources=barely), 80)


@pytest.mark.parametrize("width", [80, 100, 110])
@pytest.mark.parametrize("count", [0, 8, 120])
def test_terminal_fits(width, count):
    names = [f"features.{n}.convolution" for n in range(count)]
    layers = tuple(layer(name, "swu", 1_234_567 + n, lut=999_999) for n, name in enumerate(names))
    report = example(layers=layers if count != 8 else example().layers)
    lines = printed(report, width).splitlines()
    assert max(len(line) for line in lines) <= width
    text = "\n".join(lines)
    for item in ("tfc-w2a2 on pynq-z2", "769,231 FPS", "4.12 µs", "97.31 %", "4 of 6 levels agree"):
        assert item in text
    assert "…" not in re.sub(r"[\w.]+…[\w.]+", "", text), "a column was cut off"


def test_terminal_ignores_markup():
    report = example(layers=(layer("[red]fc[/red]"),), notes=("\x1b[31m[bold]x",))
    assert "[red]fc[/red]" in printed(report, 100)
    assert "\x1b" not in printed(report, 100)


def test_page_for_many_layers():
    layers = tuple(layer(f"layer{n}", cycles=n) for n in range(120))
    page = reporting.html(
        example(layers=layers, cycles=Cycles(predicted=119, simulated=119, bottleneck="layer119"))
    )
    assert {f"layer{n}" for n in range(120)} <= set(checked(page).text)


NAMES = st.text(min_size=1, max_size=40) | st.sampled_from(
    [
        "</svg><script>alert(1)</script>",
        '"><b onclick="x">',
        "a&amp;b",
        "<title>",
        "{{ 7*7 }}",
        "'",
        "-->",
        "]]>",
    ]
)
COUNTS = st.integers(0, 10**9)
USAGE = st.builds(Resources, COUNTS, COUNTS, COUNTS, COUNTS)
SECONDS = st.floats(0, 1e7, allow_nan=False)
LAYERS = st.builds(
    LayerReport,
    name=NAMES,
    kind=NAMES,
    pe=st.integers(1, 4096),
    simd=st.integers(1, 4096),
    mmv=st.integers(1, 64),
    memory=st.sampled_from(["none", "constant", "lut", "block"]),
    cycles=COUNTS,
    fifo_depth=COUNTS,
    reads=st.none() | st.lists(NAMES, max_size=3).map(tuple),
    lut=st.none() | COUNTS,
    ff=st.none() | COUNTS,
    dsp=st.none() | COUNTS,
    bram18=st.none() | COUNTS,
    estimated=USAGE,
)
REPORTS = st.builds(
    lambda cycles, fps, **values: example(cycles=cycles, fps=fps if cycles.simulated else None, **values),
    model=NAMES,
    board=NAMES,
    clock_mhz=st.floats(0.001, 1000),
    levels=st.dictionaries(
        st.sampled_from(LEVELS), st.builds(Level, samples=COUNTS, mismatches=COUNTS, ties=COUNTS)
    ),
    cycles=st.builds(
        Cycles, predicted=st.integers(1), simulated=st.none() | st.integers(1), bottleneck=NAMES
    ),
    fps=st.none() | st.floats(1e-6, 1e9),
    latency_cycles=st.none() | st.integers(1, 10**12),
    accuracy=st.none() | st.floats(0, 100),
    accuracy_data=st.none() | NAMES,
    layers=st.lists(LAYERS, max_size=15).map(tuple),
    resources=st.builds(
        ResourceReport, estimated=USAGE, synthesized=st.none() | USAGE, routed=st.none() | USAGE, budget=USAGE
    ),
    partition=st.builds(Partition, objective=NAMES, gap=st.none() | st.floats(0, 10), seconds=SECONDS),
    seconds=st.dictionaries(NAMES, SECONDS, max_size=5),
    versions=st.dictionaries(NAMES, NAMES, max_size=5),
    notes=st.lists(NAMES, max_size=3).map(tuple),
)


@given(REPORTS)
def test_random_reports(report):
    assert Report.model_validate_json(report.model_dump_json()) == report
    page = reporting.html(report)
    assert page == reporting.html(report)
    texts = set(checked(page).text)
    for shown in (item.name for item in printable(report).layers):
        assert shown in texts
    for width in (80, 110):
        printed(report, width)
