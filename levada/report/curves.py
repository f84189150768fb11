"""A picture of curves over one axis from 0 and one in powers of ten."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from levada.report.svg import element, path, picture, text
from levada.report.text import THIN, grouped

_WIDTH, _HEIGHT = 900, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 20, 14, 40
_LEGEND = 20
_TICKS = 5


@dataclass(frozen=True)
class Line:
    """A named curve: points (x, y > 0) with what to say of each."""

    name: str
    points: Sequence[tuple[float, float, str]]


@dataclass(frozen=True)
class _Plane:
    """Where values lie in the picture."""

    right: float
    low: int
    high: int

    def x(self, value: float) -> float:
        return _LEFT + value / self.right * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP)


def curves(title: str, x: str, y: str, lines: Sequence[Line], limit: float) -> Markup:
    """All curves in one picture; `limit` on the x axis is where the budget ends."""
    values = [value for line in lines for _, value, _ in line.points] or [1.0]
    low = math.floor(math.log10(min(values)))
    plane = _Plane(limit * 1.02, low, max(low + 1, math.ceil(math.log10(max(values)))))
    children = [*_axes(plane, x, y, limit)]
    for index, line in enumerate(lines):
        children.append(_curve(plane, line, f"line line{index}"))
        at = _HEIGHT + _LEGEND * (index + 1) - 6
        children.append(path(f"M{_LEFT} {at}h28", f"line line{index}"))
        children.append(text(line.name + ("" if line.points else " (fits nowhere)"), _LEFT + 36, at + 4))
    height = _HEIGHT + _LEGEND * len(lines) + 6
    return picture(
        "curves",
        title,
        f"{len(lines)} curves of {y} over {x}.",
        *children,
        viewBox=f"0 0 {_WIDTH} {height}",
        width="100%",
        class_="curves",
    )


def _curve(plane: _Plane, line: Line, style: str) -> Markup:
    places = [(plane.x(x), plane.y(y), said) for x, y, said in line.points]
    steps = "L".join(f"{round(x, 1):g} {round(y, 1):g}" for x, y, _ in places)
    dots = (
        element("circle", element("title", said), cx=x, cy=y, r=3.5, class_=style) for x, y, said in places
    )
    return element("g", path(f"M{steps}", style) if places else "", *dots)


def _axes(plane: _Plane, x: str, y: str, limit: float) -> list[Markup]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    found = []
    for power in range(plane.low, plane.high + 1):
        at = plane.y(10.0**power)
        found.append(element("line", x1=_LEFT, x2=right, y1=at, y2=at, class_="grid"))
        found.append(
            text(
                grouped(10**power if power >= 0 else 10.0**power, THIN), _LEFT - 8, at + 4, text_anchor="end"
            )
        )
    for tick in range(_TICKS + 1):
        value = limit * tick / _TICKS
        found.append(text(grouped(round(value), THIN), plane.x(value), bottom + 18, text_anchor="middle"))
    found.append(element("line", x1=plane.x(limit), x2=plane.x(limit), y1=_TOP, y2=bottom, class_="limit"))
    found.append(text(x, right, bottom + 34, "name", text_anchor="end"))
    found.append(text(y, _LEFT + 6, _TOP + 10, "name"))
    return found
