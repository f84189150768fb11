"""A picture of points that can be reached one by one, in a plane that is as wide as the page.

Places along x are in percent and those along y in pixels, so that letters keep their size on a phone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from levada.report.svg import element, picture, text
from levada.report.text import THIN, grouped

_TOP, _PLANE, _BOTTOM = 26, 300, 40
# Percent of the width: the labels of the y axis lie left of the points.
_LEFT, _RIGHT = 13.0, 96.0
_TICKS = 6
# What ticks of powers of ten are multiplied by, from many to few.
_STEPS = (1, 1.5, 2, 3, 4, 5, 6, 8), (1, 2, 5), (1, 3), (1,)
# From this ratio of the largest to the smallest value on, an axis is in powers of ten.
_WIDE = 4.0
# Room at both ends, in parts of the range, and of the values where that is next to nothing.
_ROOM, _LEAST = 0.07, 1e-4


@dataclass(frozen=True)
class Axis:
    """Where values lie between 0 and 1, along an axis with a name."""

    name: str
    low: float
    high: float
    powers: bool = False

    def at(self, value: float) -> float:
        """The place of a value."""
        return (self._bent(value) - self._bent(self.low)) / (self._bent(self.high) - self._bent(self.low))

    def _bent(self, value: float) -> float:
        return math.log10(value) if self.powers else value

    @property
    def ticks(self) -> list[float]:
        """Round values on it."""
        if not self.powers:
            return _multiples(self.low, self.high)
        lowest, highest = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        apart = math.ceil((highest - lowest) / _TICKS)
        for steps in _STEPS:
            powers = range(lowest, highest + 1, apart)
            every = [step * 10.0**power for power in powers for step in steps]
            found = [value for value in every if self.low <= value <= self.high]
            if len(found) <= _TICKS:
                break
        return found


def axis(name: str, values: Sequence[float], *, powers: bool = False) -> Axis:
    """An axis with room for all values; in powers of ten, where that is allowed and they lie far apart."""
    low, high = min(values), max(values)
    if powers and low > 0 and high / low >= _WIDE:
        room = (high / low) ** _ROOM
        return Axis(name, low / room, high * room, powers=True)
    room = max(_ROOM * (high - low), abs(high) * _LEAST) or 1.0
    return Axis(name, low - room, high + room)


def _multiples(low: float, high: float) -> list[float]:
    power = 10.0 ** math.floor(math.log10((high - low) / _TICKS))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if (high - low) / (power * factor) <= _TICKS)
    return [step * count for count in range(math.ceil(low / step), math.floor(high / step) + 1)]


@dataclass(frozen=True)
class Point:
    """A point that links to more of it.

    Attributes:
        x, y: its values.
        link: where clicking leads.
        said: what to say of it, in lines.
        number: shown in it; such points are large, and joined in their order.
        style: further classes.
        expected: where on the x axis it was taken to be before.
    """

    x: float
    y: float
    link: str
    said: str
    number: int | None = None
    style: str = ""
    expected: float | None = None


def scatter(key: str, title: str, description: str, x: Axis, y: Axis, points: Sequence[Point]) -> Markup:
    """All points in one picture, those with a number above the others."""
    plane = _Plane(x, y)
    numbered = [point for point in points if point.number is not None]
    others = [point for point in points if point.number is None]
    children = [
        *_axes(plane),
        *(_ghost(plane, point) for point in points if point.expected is not None),
        _steps(plane, numbered),
        *(_dot(plane, point) for point in (*others, *numbered)),
    ]
    height = _TOP + _PLANE + _BOTTOM
    return picture(
        key, title, description, *children, role="group", class_="scatter", width="100%", height=height
    )


@dataclass(frozen=True)
class _Plane:
    horizontal: Axis
    vertical: Axis

    def x(self, value: float) -> str:
        return f"{_LEFT + self.horizontal.at(value) * (_RIGHT - _LEFT):.4g}%"

    def y(self, value: float) -> float:
        return _TOP + (1 - self.vertical.at(value)) * _PLANE


def _axes(plane: _Plane) -> list[Markup]:
    bottom = _TOP + _PLANE
    found = [text(plane.vertical.name, 0, 12, "name")]
    for value in plane.vertical.ticks:
        at = plane.y(value)
        found.append(element("line", x1=0, x2="100%", y1=at, y2=at, class_="grid"))
        found.append(text(_said(value), 0, at - 4, "muted"))
    found.append(element("line", x1=0, x2="100%", y1=bottom, y2=bottom, class_="axis"))
    for value in plane.horizontal.ticks:
        x = plane.x(value)
        found.append(element("line", x1=x, x2=x, y1=bottom, y2=bottom + 5, class_="axis"))
        found.append(text(_said(value), x, bottom + 18, "muted", text_anchor="middle"))
    found.append(text(plane.horizontal.name, "100%", bottom + 35, "name", text_anchor="end"))
    return found


def _said(value: float) -> str:
    return grouped(round(value), THIN) if abs(value) >= 1000 else f"{round(value, 6):g}"


def _steps(plane: _Plane, points: Sequence[Point]) -> Markup:
    """What is reached up to each value of x: from a point straight to the y of the next, then to it."""
    lines = []
    for one, other in itertools.pairwise(points):
        x1, x2, y1, y2 = plane.x(one.x), plane.x(other.x), plane.y(one.y), plane.y(other.y)
        lines += [element("line", x1=x1, x2=x1, y1=y1, y2=y2), element("line", x1=x1, x2=x2, y1=y2, y2=y2)]
    return element("g", *lines, class_="steps")


def _ghost(plane: _Plane, point: Point) -> Markup:
    assert point.expected is not None
    at, y = plane.x(point.expected), plane.y(point.y)
    line = element("line", x1=at, x2=plane.x(point.x), y1=y, y2=y)
    return element("g", line, element("circle", cx=at, cy=y, r=3.5), class_="ghost", aria_hidden="true")


def _dot(plane: _Plane, point: Point) -> Markup:
    place: dict[str, str | float] = {"cx": plane.x(point.x), "cy": plane.y(point.y)}
    large = point.number is not None
    parts = [
        element("title", point.said),
        element("circle", r=13, class_="ring", **place),
        element("circle", r=9 if large else 5, class_=f"dot {'front' if large else point.style}", **place),
    ]
    if large:
        parts.append(text(str(point.number), plane.x(point.x), plane.y(point.y) + 4, text_anchor="middle"))
    return element("a", *parts, href=point.link)
