"""What nextpnr says of a design in its log: what it takes, how fast it is, and the path that makes it slow.

Form of the log: nextpnr-xilinx 0.8 (common/timing.cc). Paths and frequencies are said twice, by estimate
after placement and for good after routing, so the last word counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from levada.errors import LevadaError
from levada.layer import Resources

# What is counted of the device's utilisation. A LUT is a cell of its own, in whichever half of a site; some
# releases call hard blocks after their site, too: DSP48E1_DSP48E1.
_LUT, _FF, _DSP, _BRAM18, _BRAM36 = _COUNTED = ("SLICE_LUTX", "SLICE_FFX", "DSP48E1", "RAMB18E1", "RAMB36E1")


@dataclass(frozen=True)
class Clock:
    """A clock after routing: the fastest one that nextpnr found possible, and the one asked for, in MHz."""

    name: str
    possible: float
    wanted: float


def utilization(log: str) -> Resources | None:
    """What the placed design takes; None where the log does not say it of all that is counted."""
    rows = re.findall(r"^Info:\s+(\w+?)(?:_\1)?:\s+(\d+)/\s*\d+\s+\d+%", log, re.MULTILINE)
    used = {name: int(number) for name, number in rows}
    if not used.keys() >= set(_COUNTED):
        return None
    return Resources(used[_LUT], used[_FF], used[_DSP], used[_BRAM18] + 2 * used[_BRAM36])


def slowest_clock(log: str) -> Clock | None:
    """The clock that is the furthest from what was asked for; None where the log tells of none."""
    form = r"^\w+: Max frequency for clock\s+'(.+)': ([\d.]+) MHz \(\w+ at ([\d.]+) MHz\)"
    last = {name: (possible, wanted) for name, possible, wanted in re.findall(form, log, re.MULTILINE)}
    clocks = [Clock(name, float(possible), float(wanted)) for name, (possible, wanted) in last.items()]
    return min(clocks, key=lambda clock: clock.possible / clock.wanted, default=None)


def worst_path(log: str, clock: str) -> tuple[str, str]:
    """The pins at both ends of a clock's slowest path; LevadaError where the log has it in another form."""
    _, found, report = log.rpartition(f"Critical path report for clock '{clock}'")
    report = re.split(r"\n(?!Info: )", report, maxsplit=1)[0]
    ends = re.findall(r"^Info:.*\b(?:Source|Sink|Setup) (\S+)$", report, re.MULTILINE)
    if not found or not ends:
        raise LevadaError(f"nextpnr's log: has no critical path of {clock!r}; its form is another one")
    return ends[0], ends[-1]
