"""Bar charts: balance of the layers, use of the board, time of the steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from levada.report.schema import RESOURCES, Report
from levada.report.svg import element, picture, text
from levada.report.text import LABELS, THIN, duration, grouped, over, percent, share, shortened

_ROW = 22
# Columns in percent of the width: the chart grows with the page while its letters keep their size.
_LABEL, _LEFT, _BARS, _VALUE = 24, 25, 45, 71


@dataclass(frozen=True)
class Bar:
    """One line of a chart; `length` is a fraction of the longest bar there can be, from 0 to 1."""

    label: str
    length: float
    value: str
    style: str = ""
    gap: bool = False


def balance(report: Report) -> Markup:
    """Cycles of each layer against the slowest."""
    slowest = max([layer.cycles for layer in report.layers], default=0) or 1
    bars = [
        Bar(
            layer.name,
            layer.cycles / slowest,
            f"{grouped(layer.cycles, THIN)} · {percent(layer.cycles / slowest)}",
            "hot" if layer.name == report.cycles.bottleneck else "",
        )
        for layer in report.layers
    ]
    return _chart(
        "balance", "Cycles per layer", f"Slowest layer: {report.cycles.bottleneck}.", bars, (0.5, 1.0)
    )


def budget(report: Report) -> Markup:
    """Each resource as known by estimate, synthesis and routing, in percent of the budget."""
    full = 0.8  # the place of 100 %, which leaves room to show that a bar goes beyond it
    bars = []
    for name in RESOURCES:
        available = getattr(report.resources.budget, name)
        for source, counts in report.resources.known.items():
            used = getattr(counts, name)
            fraction = share(used, available)
            length = 1.0 if fraction is None else min(1.0, fraction * full)
            value = f"{grouped(used, THIN)} of {grouped(available, THIN)} · {percent(fraction)}"
            value += " ▲ over budget" if over(fraction) and fraction is not None else ""
            style = "over" if over(fraction) else "soft" if source == "estimated" else ""
            bars.append(Bar(f"{LABELS[name]} {source}", length, value, style, source == "estimated"))
    beyond = sorted({bar.label for bar in bars if bar.style == "over"})
    description = f"Over budget: {', '.join(beyond)}." if beyond else "Everything is within the budget."
    return _chart("budget", "Resources against the budget", description, bars, (full / 2, full))


def time(report: Report) -> Markup:
    """Wall time of each step."""
    longest = max(report.seconds.values(), default=0) or 1
    bars = [Bar(name, value / longest, duration(value)) for name, value in report.seconds.items()]
    return _chart("time", "Time per step", f"{duration(report.total_seconds)} altogether.", bars, ())


def _chart(key: str, title: str, description: str, bars: Sequence[Bar], marks: Sequence[float]) -> Markup:
    children: list[Markup] = []
    y = 0
    for index, bar in enumerate(bars):
        y += 8 if bar.gap and index else 0
        children.append(_bar(bar, y))
        y += _ROW
    lines = [
        element(
            "line", x1=_at(mark), x2=_at(mark), y1=0, y2=y, class_="limit" if mark == marks[-1] else "grid"
        )
        for mark in marks
    ]
    return picture(key, title, description, *children, *lines, class_="chart", width="100%", height=max(y, 1))


def _at(length: float) -> str:
    return f"{_LEFT + length * _BARS:g}%"


def _bar(bar: Bar, y: int) -> Markup:
    label = text(shortened(bar.label, 38), 0, 15, f"small {'hot' if bar.style == 'hot' else ''}".strip())
    width = max(bar.length * _BARS, 0.2 if bar.length else 0)
    return element(
        "g",
        element("title", f"{bar.label}: {bar.value}"),
        # The nested svg clips a label that is longer than its column on a narrow page.
        element("svg", label, x=0, y=y, width=f"{_LABEL}%", height=_ROW),
        element("rect", x=f"{_LEFT}%", y=y + 4, width=f"{_BARS}%", height=14, rx=3, class_="track"),
        element(
            "rect",
            x=f"{_LEFT}%",
            y=y + 4,
            width=f"{width:.4g}%",
            height=14,
            rx=3,
            class_=f"bar {bar.style}".strip(),
        ),
        text(bar.value, f"{_VALUE}%", y + 15, f"small {'over' if bar.style == 'over' else ''}".strip()),
    )
