"""Bar charts: balance of the layers, use of the board, time of the steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from levada.report.schema import RESOURCES, Report
from levada.report.svg import element, picture, text
from levada.report.text import LABELS, THIN, duration, grouped, over, percent, share, shortened

# A line of text above each bar, so that both fit a phone; widths are in percent of the page's.
_ROW, _BAR_Y, _BAR_HEIGHT = 32, 18, 8
_LABEL = 55
#: The place of 100 % of a budget, which leaves room to show that a bar goes beyond it.
FULL = 0.8


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
    return chart("balance", "Cycles per layer", f"Slowest layer: {report.cycles.bottleneck}.", bars)


def budget(report: Report) -> Markup:
    """Each resource as known by estimate, synthesis and routing, in percent of the budget."""
    bars = []
    for name in RESOURCES:
        available = getattr(report.resources.budget, name)
        for source, counts in report.resources.known.items():
            used = getattr(counts, name)
            fraction = share(used, available)
            length = 1.0 if fraction is None else min(1.0, fraction * FULL)
            value = f"{grouped(used, THIN)} of {grouped(available, THIN)} · {percent(fraction)}"
            value += " ▲ over" if over(fraction) and fraction is not None else ""
            style = "over" if over(fraction) else "soft" if source == "estimated" else ""
            bars.append(Bar(f"{LABELS[name]} {source}", length, value, style, source == "estimated"))
    beyond = sorted({bar.label for bar in bars if bar.style == "over"})
    description = f"Over budget: {', '.join(beyond)}." if beyond else "Everything is within the budget."
    return chart("budget", "Resources against the budget", description, bars, FULL)


def time(report: Report) -> Markup:
    """Wall time of each step."""
    longest = max(report.seconds.values(), default=0) or 1
    bars = [Bar(name, value / longest, duration(value)) for name, value in report.seconds.items()]
    return chart("time", "Time per step", f"{duration(report.total_seconds)} altogether.", bars)


def chart(key: str, title: str, description: str, bars: Sequence[Bar], limit: float | None = None) -> Markup:
    """Bars below each other, with a mark on each at `limit`, a fraction of the picture's width."""
    children: list[Markup] = []
    y = 0
    for index, bar in enumerate(bars):
        y += 10 if bar.gap and index else 0
        children.append(_bar(bar, y, limit))
        y += _ROW
    return picture(key, title, description, *children, class_="chart", width="100%", height=max(y, 1))


def _bar(bar: Bar, y: int, limit: float | None) -> Markup:
    name = text(shortened(bar.label, 60), 0, 13, "hot" if bar.style == "hot" else "")
    width = f"{max(bar.length * 100, 0.3 if bar.length else 0):.4g}%"
    style = f"bar {bar.style}".strip()
    place: dict[str, str | float] = {"y": y + _BAR_Y, "height": _BAR_HEIGHT, "rx": 3}
    children = [
        element("title", f"{bar.label}: {bar.value}"),
        # The nested svg clips a label that would run into the value on a narrow page.
        element("svg", name, x=0, y=y, width=f"{_LABEL}%", height=_BAR_Y),
        text(bar.value, "100%", y + 13, "over" if bar.style == "over" else "", text_anchor="end"),
        element("rect", x=0, width="100%", class_="track", **place),
        element("rect", x=0, width=width, class_=style, **place),
    ]
    if limit is not None:
        at, top = f"{limit * 100:g}%", y + _BAR_Y - 1
        children.append(element("line", x1=at, x2=at, y1=top, y2=top + _BAR_HEIGHT + 5, class_="limit"))
    return element("g", *children)
