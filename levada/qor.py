"""Quality of results: what a build takes and how fast it is, against what was kept of an earlier one.

A change for the better is a change, too: it is kept with --update, so that it does not get lost again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from levada import content, report
from levada.errors import LevadaError
from levada.report.schema import RESOURCES, Report

#: Where baselines are kept unless the user says where: those of levada's own models.
FOLDER = Path("tests") / "baselines"
# Percent by which a figure may differ: none where it is exact. LUTs and flip-flops depend on names and order.
_TOLERANCES = {"lut": 1.0, "ff": 1.0, "fmax_mhz": 5.0}
# All others are better when they fall.
_BETTER_HIGH = frozenset({"fmax_mhz"})


@dataclass(frozen=True)
class Change:
    """A figure of a model, before and now."""

    model: str
    figure: str
    before: float
    now: float

    @property
    def percent(self) -> float:
        """How much more it is now."""
        return 100 * (self.now - self.before) / self.before if self.before else 100.0 * bool(self.now)

    @property
    def verdict(self) -> str:
        """Whether it is as it was, within the figure's tolerance, or better, or worse."""
        if abs(self.percent) <= _TOLERANCES.get(self.figure, 0.0):
            return "as before"
        return "better" if (self.now > self.before) == (self.figure in _BETTER_HIGH) else "worse"


def figures(found: Report, folder: Path) -> tuple[str, dict[str, float]]:
    """The tool that has the last word on a build, with its version, and the figures of the build.

    LevadaError where nothing has counted it.
    """
    made, counts = found.implementation, found.resources
    if made is not None and counts.routed is not None:
        tool, used = made.tool.replace(" ", "-").lower(), counts.routed
    elif counts.synthesized is not None:
        tool, used = f"yosys-{found.versions['pyosys']}", counts.synthesized
    else:
        raise LevadaError(f"{folder}: its resources are estimates; build it with a flow that synthesizes")
    values: dict[str, float] = {"cycles": found.cycles.simulated or found.cycles.predicted}
    values |= {name: getattr(used, name) for name in RESOURCES}
    if made is not None and made.fmax_mhz is not None:
        values["fmax_mhz"] = round(made.fmax_mhz, 1)
    return tool, values


def compare(folders: Sequence[Path], baselines: Path, update: bool = False) -> list[Change]:
    """The figures of builds beside their baselines; with `update` those that changed are kept anew.

    LevadaError for a build without a baseline, unless it is made now.
    """
    changes = []
    for folder in folders:
        found = report.load(folder)
        tool, now = figures(found, folder)
        path = baselines / found.board / tool / f"{found.model}.json"
        before = _read(path, folder) if path.is_file() or not update else now
        own = [Change(found.model, name, before.get(name, 0), value) for name, value in now.items()]
        changes += own
        if update and (changed(own) or not path.is_file()):
            path.parent.mkdir(parents=True, exist_ok=True)
            content.write_whole(path, json.dumps(now, indent=1) + "\n")
    return changes


def changed(changes: Sequence[Change]) -> list[Change]:
    """Those that are more than their tolerance."""
    return [change for change in changes if change.verdict != "as before"]


def table(changes: Sequence[Change]) -> Table:
    """For a terminal, a row a figure."""
    shown = Table("model", "figure", "baseline", "now", "change", "", box=None)
    styles = {"better": "green", "worse": "red"}
    for change in changes:
        cells = f"{change.before:,g}", f"{change.now:,g}", f"{change.percent:+.1f} %", change.verdict
        shown.add_row(change.model, change.figure, *cells, style=styles.get(change.verdict))
    return shown


def _read(path: Path, folder: Path) -> Mapping[str, float]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise LevadaError(f"{folder}: has no baseline {path}; make it with --update") from error
    except (OSError, ValueError) as error:
        raise LevadaError(f"{path}: cannot be read ({error}); make it again with --update") from error
    if not isinstance(data, dict) or not all(isinstance(value, (int, float)) for value in data.values()):
        raise LevadaError(f"{path}: is no baseline; make it again with --update")
    return data
