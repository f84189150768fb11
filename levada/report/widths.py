"""Bit widths to look at: those of a design along the pipeline, and what each costs in quality."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from levada.report.search_schema import WHATS, Design, SearchReport, SiteBits, What
from levada.report.svg import element, path

_SQUARE, _STEP = 8, 10
#: Squares of a width: the most that a search may choose.
_SQUARES = 8
# The share of a colour that the smallest and the largest loss get, in percent.
_FAINT, _FULL = 5, 55


@dataclass(frozen=True)
class Width:
    """A width of a layer, and whether it was chosen or is as it was."""

    label: str
    bits: int
    squares: Markup
    chosen: bool


@dataclass(frozen=True)
class Stage:
    """A layer in the pipeline.

    `reads` are the layers that it reads from, where that is not the one before; `feeds` is whether the next
    one reads from it.
    """

    name: str
    kind: str
    macs: int
    reads: str
    feeds: bool
    widths: tuple[Width, ...]


@dataclass(frozen=True)
class Loss:
    """What a knob costs at a width: as text, and as percent of a colour; `key` names both."""

    key: str
    said: str
    shade: int


def stages(report: SearchReport, design: Design) -> list[Stage]:
    """The layers of a design."""
    sites = {row.site: row for row in design.bits}
    found = []
    before: tuple[str, ...] = ()
    layers = design.layers or report.layers
    for layer, after in zip(layers, (*layers[1:], None), strict=True):
        reads = "" if layer.reads == before else ", ".join(layer.reads)
        feeds = after is not None and layer.name in after.reads
        widths = _widths(report, sites[layer.name]) if layer.name in sites else ()
        found.append(Stage(layer.name, layer.kind, layer.macs, reads, feeds, widths))
        before = (layer.name,)
    return found


def _widths(report: SearchReport, own: SiteBits) -> tuple[Width, ...]:
    found = []
    for what in WHATS:
        bits = getattr(own, what)
        if bits is not None:
            name = own.name or own.site
            chosen = any(what == knob.what and name in knob.sites for knob in report.knobs)
            found.append(Width(f"{what}s", bits, _squares(bits, chosen), chosen))
    return tuple(found)


def _squares(bits: int, chosen: bool) -> Markup:
    """So many of a row of squares are filled."""
    count = max(bits, _SQUARES)
    return element(
        "svg",
        path(_row(bits, count), "track"),
        path(_row(0, bits), "bar" if chosen else "bar soft"),
        width=count * _STEP - (_STEP - _SQUARE),
        height=_SQUARE,
        aria_hidden="true",
    )


def _row(start: int, end: int) -> str:
    side = _SQUARE
    return "".join(f"M{_STEP * place} 0h{side}v{side}h-{side}z" for place in range(start, end))


def shape_in_words(design: Design) -> str:
    """The numbers of its shape: "conv1=8 conv2=16"."""
    return " ".join(f"{name}={number}" for name, number in design.shape.items())


def in_words(design: Design, what: What) -> str:
    """All widths of a kind in the order of the layers: "8 4 4 2"."""
    widths = (getattr(row, what) for row in design.bits)
    return " ".join(str(bits) for bits in widths if bits is not None)


def choices(report: SearchReport) -> list[tuple[str, str]]:
    """What could be chosen, and for what: a row for all layers whose widths had the same choice."""
    rows: dict[tuple[What, tuple[int, ...]], list[str]] = {}
    for knob in report.knobs:
        rows.setdefault((knob.what, knob.bits), []).append(" and ".join(knob.sites))
    numbers = [(dim.name, ", ".join(map(str, dim.values))) for dim in report.dims]
    return numbers + [
        (f"{what}s of {', '.join(sites)}", f"{', '.join(map(str, bits))} bits")
        for (what, bits), sites in rows.items()
    ]


def chosen_losses(report: SearchReport, design: Design) -> str:
    """The keys of the losses at the widths that a design has."""
    rows = {row.knob: place for place, row in enumerate(report.sensitivities)}
    sites = {row.site: row for row in design.bits}
    keys = []
    for knob in report.knobs:
        own = sites.get(knob.sites[0]) if knob.sites else None
        if knob.name in rows and own is not None:
            keys.append(_key(rows[knob.name], getattr(own, knob.what)))
    return " ".join(keys)


def losses(report: SearchReport) -> tuple[list[int], list[tuple[str, list[Loss | None]]]]:
    """All widths, ascending, and a row for each knob: its name, and a loss for each width it may have."""
    widths = sorted({bits for row in report.sensitivities for bits in row.loss})
    every = [loss for row in report.sensitivities for loss in row.loss.values()]
    rows = []
    for place, row in enumerate(report.sensitivities):
        cells = [
            Loss(_key(place, bits), f"{row.loss[bits]:.2g}", _shade(row.loss[bits], every))
            if bits in row.loss
            else None
            for bits in widths
        ]
        rows.append((row.knob, cells))
    return widths, rows


def _key(row: int, bits: int) -> str:
    return f"{row}-{bits}"


def _shade(loss: float, every: Sequence[float]) -> int:
    """The place of a loss among all that are not 0, by its logarithm."""
    positive = [value for value in every if value > 0]
    if loss <= 0:
        return 0
    low, high = math.log(min(positive)), math.log(max(positive))
    share = (math.log(loss) - low) / (high - low) if high > low else 1.0
    return round(_FAINT + share * (_FULL - _FAINT))
