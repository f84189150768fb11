"""What Vivado's reports say, as far as levada reports it: tables, read by the names of rows and columns."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence

from levada.errors import LevadaError
from levada.layer import Resources
from levada.synth.backend import Power, Slack

# Names in reports of 7-series and of UltraScale+ chips.
_LUTS, _FFS = ("Slice LUTs", "CLB LUTs"), ("Slice Registers", "CLB Registers")


def utilization(text: str) -> Resources:
    """What the whole design takes, by `report_utilization`."""
    rows = {cells[0].rstrip("*"): cells[1] for cells in _rows(text) if len(cells) > 1}

    def used(*names: str) -> float:
        return _number(
            "report_utilization", names, next((rows[name] for name in names if name in rows), None)
        )

    # A tile is a block RAM of 36 Kbit, or half of one.
    tiles = used("Block RAM Tile")
    return Resources(int(used(*_LUTS)), int(used(*_FFS)), int(used("DSPs")), int(2 * tiles))


def layers(text: str, names: Iterable[str]) -> dict[str, Resources]:
    """What each of some layers takes, by `report_utilization -hierarchical`; not those that vanished."""
    wanted = {f"u_{name}": name for name in names}
    table = [cells for cells in _rows(text) if len(cells) > 2]
    if not table:
        raise _unknown("report_utilization -hierarchical", "table of instances")
    columns = table[0]
    places = [_column(columns, name) for name in ("Total LUTs", "FFs", "DSP", "RAMB18", "RAMB36")]
    found = {}
    for cells in table[1:]:
        name = wanted.get(cells[0])
        if name is not None and name not in found and len(cells) == len(columns):
            lut, ff, dsp, small, large = (int(cells[place]) for place in places)
            found[name] = Resources(lut, ff, dsp, small + 2 * large)
    return found


def slack(text: str) -> Slack:
    """The worst slacks of the whole design, by `report_timing_summary`."""
    found = re.search(r"^ *(WNS\(ns\).*)\n[ -]+\n(.*)$", text, re.MULTILINE)
    if found is None:
        raise _unknown("report_timing_summary", "Design Timing Summary")
    names = re.split(r" {2,}", found[1].strip())
    values = dict(zip(names, found[2].split(), strict=False))
    worst = (
        _number("report_timing_summary", [name], values.get(name))
        for name in ("WNS(ns)", "WHS(ns)", "WPWS(ns)")
    )
    return Slack(*worst)


def power(text: str) -> Power:
    """The summary of `report_power`."""
    rows = {cells[0]: cells[1] for cells in _rows(text) if len(cells) == 2}
    names = ("Total On-Chip Power (W)", "Dynamic (W)", "Device Static (W)")
    return Power(*(_number("report_power", [name], rows.get(name)) for name in names))


def _rows(text: str) -> Iterator[list[str]]:
    """The cells of every line of a table, without the blanks around them."""
    for line in text.splitlines():
        if line.startswith("|"):
            yield [cell.strip() for cell in line.strip().strip("|").split("|")]


def _column(columns: Sequence[str], name: str) -> int:
    """Where a column is whose name begins so: slices were called DSP48 Blocks, and are DSP Blocks."""
    place = next((index for index, column in enumerate(columns) if column.startswith(name)), None)
    if place is None:
        raise _unknown("report_utilization -hierarchical", f"column {name}")
    return place


def _number(report: str, names: Sequence[str], value: str | None) -> float:
    try:
        number = float(value or "")
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise _unknown(report, " or ".join(names))
    return number


def _unknown(report: str, what: str) -> LevadaError:
    return LevadaError(f"{report}: has no number for {what}; levada does not know reports of this form")
