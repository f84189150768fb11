"""The shell script that runs a plan of tools on any machine."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from levada.templates import environment

NAME = "run.sh"
#: How an argument names a variable of the environment.
VARIABLE = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True)
class Call:
    """A command line, the files that it writes, and the one for what it says."""

    arguments: Sequence[str]
    writes: Sequence[str]
    log: str


def text(purpose: str, digest: str, calls: Sequence[Call], variables: Mapping[str, str]) -> str:
    """A script for any POSIX shell that runs all calls in order and stops at the first that fails.

    `variables`: what each variable of the environment is that the calls name, in words.
    """
    templates = environment(Path(__file__).parent)
    templates.filters["quoted"] = _quoted
    programs = sorted({call.arguments[0] for call in calls})
    return templates.get_template(f"{NAME}.j2").render(
        purpose=purpose, digest=digest, calls=calls, programs=programs, variables=variables
    )


def _quoted(words: Sequence[str]) -> str:
    """The words for a shell, which puts variables in their places and nothing else."""
    return " ".join(map(_word, words))


def _word(word: str) -> str:
    first, *rest = VARIABLE.split(word)  # a text, then a name and a text for each variable
    pairs = zip(rest[::2], rest[1::2], strict=True)
    variables = "".join(f'"${{{name}}}"{shlex.quote(text) if text else ""}' for name, text in pairs)
    return (shlex.quote(first) if first or not rest else "") + variables
