"""A search for people and programs: what search.json holds, a table for the terminal, and a page.

The words of the page are in search.html.j2, what moves on it in search.js, its pictures in scatter.py.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup
from rich.table import Table
from rich.text import Text

from levada.report import charts
from levada.report.charts import Bar
from levada.report.html import environment
from levada.report.reading import Form, read, validated
from levada.report.scatter import Point, axis, scatter
from levada.report.search_schema import SEARCH_SCHEMA, WHATS, Cost, Design, SearchReport
from levada.report.terminal import airy, captioned
from levada.report.text import LABELS, THIN, grouped, over, percent, printable, share
from levada.report.widths import Stage, choices, chosen_losses, in_words, losses, shape_in_words, stages

FILE, PAGE = "search.json", "search.html"
_FORM = Form("schema", SEARCH_SCHEMA, "search")


def load(folder: Path) -> SearchReport:
    """The result in a search's folder; LevadaError if it is missing, broken or of another schema version."""
    return read(folder / FILE, SearchReport, _FORM)


def checked(data: object, path: Path) -> SearchReport:
    """The result that a JSON value is; LevadaError, which names the file `path`, if it is none."""
    return validated(data, path, SearchReport, _FORM)


def as_json(report: SearchReport) -> Any:  # noqa: ANN401 - a JSON value
    """What search.json holds, as JSON values."""
    return json.loads(report.model_dump_json(by_alias=True, exclude_unset=True))


def terminal(report: SearchReport) -> Table:
    """The front, best quality first; print it with rich."""
    report = printable(report)
    table = airy(1)
    for header in ("", "Quality", "Tested", "FPS", *LABELS.values()):
        table.add_column(header, justify="right", no_wrap=True)
    for title in (*(["Shape"] if report.dims else []), *(f"{what.capitalize()}s" for what in WHATS)):
        table.add_column(title)
    for design in report.front:
        quality = Text(f"{design.quality:.2f} {report.unit}")
        tested = "-" if design.tested is None else f"{design.tested:.2f} %"
        counts = (grouped(round(getattr(design.cost, name)), ",") for name in ("fps", *LABELS))
        chosen = [*([shape_in_words(design)] if report.dims else []), *(in_words(design, w) for w in WHATS)]
        table.add_row(str(design.front), quality, tested, *counts, *chosen)
    ended = "bits in the order of the layers"
    return captioned(table, ended if report.complete else f"{ended}; the time was over before the end")


def page(report: SearchReport) -> str:
    """The whole page; the same search gives the same text."""
    report = printable(report)
    widths, rows = losses(report)
    return (
        environment()
        .get_template("search.html.j2")
        .render(
            report=report,
            goal=_goal(report),
            trained=_epochs(report.finetune or report.epochs),
            picture=_picture(report),
            designs=[_shown(report, design, number) for number, design in enumerate(report.designs, 1)],
            labels=LABELS,
            by_share=report.target_fps is not None,
            widths=widths,
            losses=rows,
            choices=choices(report),
            file=FILE,
        )
    )


@dataclass(frozen=True)
class _Shown:
    """A design as the page shows it."""

    number: int
    design: Design
    quality: str
    tested: str | None
    stages: list[Stage]
    shape: str
    chosen: str
    resources: Markup


def _shown(report: SearchReport, design: Design, number: int) -> _Shown:
    return _Shown(
        number,
        design,
        _quality(report, design.quality),
        None if design.tested is None else f"{design.tested:.2f}{THIN}%",
        stages(report, design),
        shape_in_words(design),
        chosen_losses(report, design),
        _resources(report, design, number),
    )


def _goal(report: SearchReport) -> str:
    if report.target_fps is None:
        return "the most frames per second"
    fps = report.target_fps
    return f"{grouped(fps if fps % 1 else int(fps), THIN)} frames per second for the least of the budget"


def _epochs(count: int) -> str:
    return f"{count} epoch" if count == 1 else f"{count} epochs"


def _quality(report: SearchReport, value: float) -> str:
    return f"{value:.2f}{THIN}{report.unit}".rstrip(THIN)


def _picture(report: SearchReport) -> Markup:
    """Quality against the rate, or where that is given, against what of the budget designs take."""
    by_share = report.target_fps is not None
    points = [_point(report, design, number) for number, design in enumerate(report.designs, 1)]
    against = "share of the budget" if by_share else "frames per second"
    places = [x for point in points for x in (point.x, point.expected) if x is not None]
    return scatter(
        "front",
        f"Quality against {against}",
        f"{len(points)} trained designs, {len(report.front)} of them on the front.",
        axis("Share of the budget, %" if by_share else "FPS", places, powers=not by_share),
        axis(f"Quality, {report.unit}" if report.unit else "Quality", [point.y for point in points]),
        points,
    )


def _point(report: SearchReport, design: Design, number: int) -> Point:
    expected = _effort(report, design.predicted)
    at = _effort(report, design.cost)
    return Point(
        at,
        design.quality,
        f"#design-{number}",
        _words(report, design, number),
        design.front,
        "" if design.cost.fits else "over",
        expected if expected != at else None,
    )


def _effort(report: SearchReport, cost: Cost) -> float:
    return cost.fps if report.target_fps is None else 100 * cost.share


def _words(report: SearchReport, design: Design, number: int) -> str:
    state = "on the front" if design.front is not None else "trained" if design.cost.fits else "does not fit"
    counts = (f"{grouped(getattr(design.cost, name), THIN)} {label}" for name, label in LABELS.items())
    lines = [
        f"Design {number}, {state}",
        f"{_quality(report, design.quality)}, {grouped(round(design.cost.fps), THIN)} FPS",
        f"{percent(design.cost.share)} of the budget: {', '.join(counts)}",
        *(f"bits of {what}s: {in_words(design, what)}" for what in WHATS),
    ]
    return "\n".join(lines)


def _resources(report: SearchReport, design: Design, number: int) -> Markup:
    """What a design takes of the budget, and what it had been predicted to take."""
    bars = []
    for name, label in LABELS.items():
        used, available = getattr(design.cost, name), getattr(report.budget, name)
        fraction = share(used, available)
        value = f"{grouped(used, THIN)} of {grouped(available, THIN)} · {percent(fraction)}"
        before = getattr(design.predicted, name)
        value += f" · {grouped(before, THIN)} predicted" if before != used else ""
        length = 1.0 if fraction is None else min(1.0, fraction * charts.FULL)
        bars.append(Bar(label, length, value, "over" if over(fraction) else ""))
    title, said = f"Resources of design {number}", f"{percent(design.cost.share)} of the budget."
    return charts.chart(f"resources-{number}", title, said, bars, charts.FULL)
