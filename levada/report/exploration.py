"""An exploration for people and programs: a table for the terminal, JSON, and a page with the curves."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich import box
from rich.table import Table

from levada.explore import Curve, Exploration, Point
from levada.report.curves import Line, curves
from levada.report.html import environment
from levada.report.text import LABELS, THIN, duration, grouped


def as_json(exploration: Exploration) -> dict[str, Any]:
    """Everything, as JSON values."""
    return asdict(exploration)


def terminal(exploration: Exploration) -> Table:
    """A row for each design; print it with rich."""
    table = Table("Lanes", "DSP up to", "FPS", "Cycles", *LABELS.values(), "", box=box.SIMPLE_HEAD)
    for column in table.columns[1:-1]:
        column.justify = "right"
    for curve in exploration.curves:
        for point in curve.points:
            counts = (grouped(getattr(point.used, name), ",") for name in LABELS)
            first = point is curve.points[0]
            table.add_row(
                curve.name if first else "",
                grouped(curve.dsp, ",") if first else "",
                grouped(point.fps, ","),
                grouped(point.interval, ","),
                *counts,
                "" if point.proven else "not proven",
                end_section=point is curve.points[-1],
            )
    return table


def page(exploration: Exploration) -> str:
    """The whole page; the same exploration gives the same text, but for the time that it took."""
    lines = [
        Line(_label(curve), [(p.used.lut, p.fps, _words(curve, p)) for p in curve.points])
        for curve in exploration.curves
    ]
    picture = curves("Frame rate against LUTs", "LUT", "FPS", lines, exploration.budget.lut)
    return (
        environment()
        .get_template("explore.html.j2")
        .render(exploration=exploration, picture=picture, labels=LABELS, took=duration(exploration.seconds))
    )


def _label(curve: Curve) -> str:
    return f"{curve.name}, {grouped(curve.dsp, THIN)} DSP"


def _words(curve: Curve, point: Point) -> str:
    counts = ", ".join(
        f"{label} {grouped(getattr(point.used, name), THIN)}" for name, label in LABELS.items()
    )
    return f"{_label(curve)}: {grouped(point.fps, THIN)} FPS, {counts}"
