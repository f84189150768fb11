"""Flows: what a build does, one TOML a flow in build_flows/."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from levada import content
from levada.errors import LevadaError


@dataclass(frozen=True)
class Flow:
    """A flow: stages in order, each a group of steps that may run side by side."""

    name: str
    description: str
    stages: tuple[tuple[str, ...], ...]


def names() -> list[str]:
    """All flows that come with levada."""
    return sorted(path.stem for path in content.root("build_flows").glob("*.toml"))


def load(name: str, known_steps: frozenset[str]) -> Flow:
    """The flow `name`, or that of a TOML file at the path `name`; LevadaError where it breaks a rule."""
    path = content.root("build_flows") / f"{name}.toml" if name in names() else Path(name)
    if not path.is_file():
        raise LevadaError(f"flow {name!r} is unknown; known: {', '.join(names())}; or give a .toml file")
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LevadaError(f"{path}: cannot be read as TOML ({error})") from error
    stages = table.get("steps")
    if not isinstance(stages, list) or not stages:
        raise LevadaError(f"{path}: has no steps; write steps = [...] of {', '.join(sorted(known_steps))}")
    groups = tuple(tuple(stage) if isinstance(stage, list) else (stage,) for stage in stages)
    for step in (step for group in groups for step in group):
        if step not in known_steps:
            raise LevadaError(f"{path}: step {step!r} is unknown; use {', '.join(sorted(known_steps))}")
    return Flow(path.stem, str(table.get("description", "")), groups)
