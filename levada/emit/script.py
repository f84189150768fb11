"""The shell script that runs a plan of tools on any machine."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from levada.templates import environment

NAME = "run.sh"


@dataclass(frozen=True)
class Call:
    """A command line, the files that it writes, and the one for what it says."""

    arguments: Sequence[str]
    writes: Sequence[str]
    log: str


def text(purpose: str, digest: str, calls: Sequence[Call]) -> str:
    """A script for any POSIX shell that runs all calls in order and stops at the first that fails."""
    templates = environment(Path(__file__).parent)
    templates.filters["quoted"] = shlex.join
    programs = sorted({call.arguments[0] for call in calls})
    return templates.get_template(f"{NAME}.j2").render(
        purpose=purpose, digest=digest, calls=calls, programs=programs
    )
