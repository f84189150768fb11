"""What `python -m tests.qbench` writes: docs/quantization.json, and of that alone its tables and plots."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from levada import content
from tests.method_effects import interval
from tests.once import Entry
from tests.results import between_marks

DOCS = Path(__file__).resolve().parent.parent / "docs"
FILE, PAGE = "quantization.json", "quantization.md"
BASELINE = "baseline"
COUNTS = ("lut", "ff", "dsp", "bram18")
HEADS = ("bits", "method", "seeds", "quality", "gain", "LUT", "to baseline's", "FF", "DSP", "BRAM18")
HEADS = (*HEADS, "frames/s", "verified")
_MARKERS = "osD^v<>PXhd*"
#: Without dates, and with the same names of clips and markers in each file.
_STYLE = {"svg.hashsalt": "levada", "svg.fonttype": "none", "font.size": 9}

#: docs/quantization.json: board, lanes, for each network its model and how it is built, for each way to train
#: the names of its methods, and all cells.
Results = dict[str, Any]


def measured(docs: Path = DOCS) -> Results | None:
    """What is written down; None before the first run."""
    path = docs / FILE
    return json.loads(path.read_text()) if path.is_file() else None


def write(found: Results, docs: Path = DOCS) -> None:
    """The numbers, the plots, and what stands between the marks of the page."""
    content.write_whole(docs / FILE, text(found))
    for network in found["networks"]:
        content.write_whole(docs / plot_name(network), plot(found, network))
    page = docs / PAGE
    content.write_whole(page, between_marks(page.read_text(), tables(found)))


def text(found: Results) -> str:
    """JSON with a line a cell."""
    rest = json.dumps({name: value for name, value in found.items() if name != "cells"}, indent=1)
    cells = ",\n  ".join(map(json.dumps, found["cells"]))
    return f'{rest[:-2]},\n "cells": [\n  {cells}\n ]\n}}\n'


def plot_name(network: str) -> str:
    """The file of a network's plot."""
    return f"quantization-{network}.svg"


def tables(found: Results) -> dict[str, list[str]]:
    """What stands in the page, by mark: for each network a plot, all cells at a glance, and their figures."""
    return {
        f"{network}: python -m tests.qbench": [
            *head(found, network),
            "",
            *at_a_glance(cells_of(found, network), found["methods"]),
            "",
            *figures(cells_of(found, network)),
        ]
        for network in found["networks"]
    }


def cells_of(found: Results, network: str) -> list[Entry]:
    """All cells of a network, done or not."""
    return [cell for cell in found["cells"] if cell["network"] == network]


def head(found: Results, network: str) -> list[str]:
    """How the network was trained and built, and its plot."""
    how = found["networks"][network]
    epochs = max((cell["epochs"] for cell in cells_of(found, network)), default=0)
    return [
        f"{epochs} epochs; {found['board']}, at least {how['fps']:,} frames/s, `--lanes {found['lanes']}`; "
        f"verified on {how['samples']:,} frames, {how['rtl_frames']:,} of them in RTL.",
        "",
        f"![Quality of {network} against LUTs, a curve a method]({plot_name(network)})",
    ]


def at_a_glance(cells: Sequence[Entry], ways: Iterable[str]) -> list[str]:
    """Quality and LUTs by way to train and bits; then why a cell is not there."""
    pairs = sorted({tuple(cell["bits"]) for cell in cells})
    by_place = _by_place(cells)
    notes: list[str] = []
    rows = []
    there = {cell["way"] for cell in cells}
    for way in (way for way in ways if way in there):
        shown = [_glance(by_place.get((pair, way), []), notes) for pair in pairs]
        rows.append(_line([way.replace("_", " "), *shown]))
    lines = [_line(["", *(f"{w}/{a}" for w, a in pairs)]), "|---|" + "--:|" * len(pairs), *rows]
    if notes:
        lines += ["", "| note | |", "|--:|---|"]
        lines += [_line([str(number), note]) for number, note in enumerate(notes, 1)]
    return lines


def _glance(cells: Sequence[Entry], notes: list[str]) -> str:
    """Of all seeds of a cell; its notes are added to the others."""
    done = [cell for cell in cells if "quality" in cell]
    shown = [f"{_mean(done, 'quality'):.2f} {done[0]['unit']}, {_mean(done, 'lut'):,.0f} LUT"] if done else []
    for cell in cells:
        for kind, sign in (("missing", "-"), ("failed", "failed")):
            if kind in cell:
                note = cell[kind].replace("|", "\\|")
                if note not in notes:
                    notes.append(note)
                shown.append(f"{sign} ({notes.index(note) + 1})")
    return "; ".join(dict.fromkeys(shown))


def figures(cells: Sequence[Entry]) -> list[str]:
    """All figures of the cells that are done: by bits, with the gain over the baseline of the same bits."""
    by_place = _by_place(cell for cell in cells if "quality" in cell)
    rows = [
        _line(_figures(pair, way, done, by_place.get((pair, BASELINE), [])))
        for (pair, way), done in sorted(by_place.items(), key=lambda item: item[0][0])
    ]
    return [_line(HEADS), "|---|---|" + "--:|" * 9 + "---|", *rows]


def _figures(pair: tuple[int, int], way: str, done: Sequence[Entry], baseline: Sequence[Entry]) -> list[str]:
    unit = done[0]["unit"]
    before = {cell["seed"]: cell for cell in baseline}
    common = [(before[cell["seed"]], cell) for cell in done if cell["seed"] in before and way != BASELINE]
    gains = [cell["quality"] - base["quality"] for base, cell in common]
    ratios = [cell["lut"] / base["lut"] for base, cell in common]
    return [
        f"{pair[0]}/{pair[1]}",
        way.replace("_", " "),
        str(len(done)),
        f"{_spread([cell['quality'] for cell in done])} {unit}",
        _spread(gains, sign="+") if gains else "",
        f"{_mean(done, 'lut'):,.0f}",
        f"{_spread(ratios)} x" if ratios else "",
        *(f"{_mean(done, count):,.0f}" for count in COUNTS[1:]),
        f"{_mean(done, 'fps'):,.0f}",
        verdict(done),
    ]


def verdict(cells: Iterable[Entry]) -> str:
    """What was not equal of any seed, or "exact".

    Compared are frames at all levels, cycles with their prediction, and the accuracy of the C++ with that of
    the exported file.
    """
    wrong = []
    for cell in cells:
        wrong += [f"{count} of {level}" for level, (_, count) in cell["levels"].items() if count]
        if cell["cycles"] != cell["predicted_cycles"]:
            wrong.append(f"{cell['predicted_cycles']:,} cycles predicted, {cell['cycles']:,} simulated")
        if cell["accuracy"] is not None and not math.isclose(cell["accuracy"], cell["quality"]):
            wrong.append(f"C++ {cell['accuracy']:.2f} %")
    return "; ".join(wrong) or "exact"


def plot(found: Results, network: str) -> bytes:
    """Quality against LUTs, and against frames/s a LUT: a curve a method, a point a pair of bits; SVG."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(10, 4.6), layout="constrained")
        FigureCanvasSVG(figure)
        done = [cell for cell in cells_of(found, network) if "quality" in cell]
        _draw(figure, done, found["methods"])
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def _draw(figure: Figure, cells: Sequence[Entry], ways: Iterable[str]) -> None:
    """A way to train has the same marker and colour in all plots."""
    left, right = figure.subplots(1, 2, sharey=True)
    by_way: dict[str, list[tuple[tuple[int, int], list[Entry]]]] = {}
    for (pair, way), done in sorted(_by_place(cells).items(), key=lambda item: item[0][0]):
        by_way.setdefault(way, []).append((pair, done))
    for number, way in enumerate(ways):
        if way in by_way:
            style = {"marker": _MARKERS[number % len(_MARKERS)], "color": f"C{number}"}
            _curve((left, right), by_way[way], way, style)
    percent = any(cell["unit"] == "%" for cell in cells)
    left.set_ylabel("test images classified wrongly, %" if percent else "PSNR of the test photographs, dB")
    if percent:
        left.set_yscale("log")
        left.invert_yaxis()  # better is higher in both plots
        _plain(left.yaxis)
    for axes, label in ((left, "LUT"), (right, "frames/s a LUT")):
        axes.set_xlabel(label)
        axes.set_xscale("log")
        _plain(axes.xaxis)
        axes.grid(visible=True, linewidth=0.3)
    if cells:
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)


def _curve(
    plots: tuple[Axes, Axes],
    points: Sequence[tuple[tuple[int, int], Sequence[Entry]]],
    way: str,
    style: dict[str, str],
) -> None:
    """Quality against LUTs in the first plot, against frames/s a LUT in the second."""
    luts = [_mean(done, "lut") for _, done in points]
    rates = [_mean(done, "fps") / lut for (_, done), lut in zip(points, luts, strict=True)]
    heights = [_height(done) for _, done in points]
    wide = 2.0 if way == BASELINE else 0.9
    for axes, places in zip(plots, (luts, rates), strict=True):
        axes.plot(places, heights, markersize=5, linewidth=wide, label=way.replace("_", " "), **style)
        if way == BASELINE:
            for (pair, _), x, y in zip(points, places, heights, strict=True):
                axes.annotate(f"{pair[0]}/{pair[1]}", (x, y), (4, -10), textcoords="offset points")


def _plain(axis: Axis) -> None:
    """Numbers along a logarithmic axis as they are, some in each decade."""
    axis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    axis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axis.set_minor_locator(NullLocator())


def _height(done: Sequence[Entry]) -> float:
    """What a point shows: percent wrong, or dB."""
    quality = _mean(done, "quality")
    return 100 - quality if done[0]["unit"] == "%" else quality


def _by_place(cells: Iterable[Entry]) -> dict[tuple[tuple[int, int], str], list[Entry]]:
    """All seeds of a cell, in the order in which cells come."""
    found: dict[tuple[tuple[int, int], str], list[Entry]] = {}
    for cell in cells:
        found.setdefault((tuple(cell["bits"]), cell["way"]), []).append(cell)
    return found


def _mean(cells: Sequence[Entry], name: str) -> float:
    return float(np.mean([cell[name] for cell in cells]))


def _spread(values: Sequence[float], sign: str = "") -> str:
    """The mean; of several also half the width of its 95 % interval."""
    if len(values) < 2:
        return f"{np.mean(values):{sign}.2f}"
    mean, half = interval(values)
    return f"{mean:{sign}.2f} ± {half:.2f}"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
