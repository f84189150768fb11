"""Flows: what a build does, one TOML a flow in build_flows/."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path

from levada import content, tables
from levada.errors import LevadaError

# The step that a back end is for.
_BITSTREAM = "bitstream"
#: The step for Vitis HLS.
HLS = "hls"
#: What must have run before a step; steps side by side do not see each other's results.
_NEEDS = {
    "streamline": ("load",),
    "lower": ("streamline",),
    "partition": ("lower",),
    "connect": ("partition",),
    "emit": ("connect",),
    "cppsim": ("connect",),
    "rtlsim": ("connect",),
    "rtlsim_layers": ("connect",),
    "synthesize": ("connect",),
    "deploy": ("cppsim", "rtlsim"),
    _BITSTREAM: ("emit",),
    HLS: ("connect",),
}
_LEAST = "partition"


@dataclass(frozen=True)
class Flow:
    """A flow: stages in order, each a group of steps that may run side by side.

    `back_end` makes the bitstream; None where there is none.
    """

    name: str
    description: str
    stages: tuple[tuple[str, ...], ...]
    back_end: str | None = None

    @property
    def hls(self) -> bool:
        """Whether layers go through Vitis HLS."""
        return any(HLS in stage for stage in self.stages)


def names() -> list[str]:
    """All flows that come with levada."""
    return sorted(path.stem for path in content.root("build_flows").glob("*.toml"))


def load(name: str, known_steps: Set[str], known_back_ends: Set[str]) -> Flow:
    """The flow `name`, or that of a TOML file at the path `name`; LevadaError where it breaks a rule."""
    path = content.root("build_flows") / f"{name}.toml" if name in names() else Path(name)
    if not path.is_file():
        raise LevadaError(f"flow {name!r} is unknown; known: {', '.join(names())}; or give a .toml file")
    table = tables.read(path)
    tables.check_keys(path, "", table, (), ("description", "steps", "back_end"))
    stages = table.get("steps")
    if not isinstance(stages, list) or not stages:
        raise LevadaError(f"{path}: has no steps; write steps = [...] of {', '.join(sorted(known_steps))}")
    groups = tuple(tuple(stage) if isinstance(stage, list) else (stage,) for stage in stages)
    _check_steps(path, groups, known_steps)
    back_end = table.get("back_end")
    if (back_end is not None) != any(_BITSTREAM in group for group in groups):
        raise LevadaError(
            f"{path}: back_end and the step {_BITSTREAM!r} need each other; write both, or none"
        )
    if back_end is not None and back_end not in known_back_ends:
        raise LevadaError(
            f"{path}: back_end is {back_end!r}; use one of {', '.join(sorted(known_back_ends))}"
        )
    return Flow(path.stem, str(table.get("description", "")), groups, back_end)


def _check_steps(path: Path, groups: tuple[tuple[object, ...], ...], known: Set[str]) -> None:
    done: set[object] = set()
    for group in groups:
        for step in group:
            if not isinstance(step, str) or step not in known:
                raise LevadaError(f"{path}: step {step!r} is unknown; use {', '.join(sorted(known))}")
            if step in done or group.count(step) > 1:
                raise LevadaError(f"{path}: step {step!r} stands there twice; leave one out")
            for needed in _NEEDS.get(step, ()):
                if needed not in done:
                    raise LevadaError(f"{path}: step {step!r} needs {needed!r} before it; add that")
        done.update(group)
    if _LEAST not in done:
        raise LevadaError(f"{path}: has no step {_LEAST!r}, and no report without it; add that")
