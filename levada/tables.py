"""Checks of what a TOML file of the user holds. Errors name the file, the key, the value and the way out."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from levada.errors import LevadaError


def read(path: Path) -> dict[str, Any]:
    """The table that a file is."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LevadaError(f"{path}: cannot be read as TOML ({error}); mend it") from error


def check_keys(
    path: Path, where: str, table: dict[str, Any], keys: Iterable[str], optional: Sequence[str] = ()
) -> None:
    """Exactly `keys` are there, and maybe those that are `optional`: a misspelt one must not pass."""
    keys = list(keys)
    for key in table:
        if key not in (*keys, *optional):
            known = ", ".join((*keys, *optional))
            raise LevadaError(f"{path}: key {where}{key} is unknown; use one of {known}")
    for key in keys:
        if key not in table:
            raise LevadaError(f"{path}: {where}{key} is missing; add it")


def table(path: Path, key: str, value: object) -> dict[str, Any]:
    """A table."""
    if not isinstance(value, dict):
        raise LevadaError(f"{path}: {key} is {value!r}; write a table [{key}]")
    return value


def text(path: Path, key: str, value: object) -> str:
    """A line of text."""
    if isinstance(value, str) and value and value.isprintable():
        return value
    raise LevadaError(f"{path}: {key} is {value!r}; write one line of text in quotes")


def whole(path: Path, key: str, value: object, low: int) -> int:
    """A whole number of at least `low`."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= low:
        return value
    raise LevadaError(f"{path}: {key} is {value!r}; write a whole number of at least {low}")


def share(path: Path, key: str, value: object) -> float:
    """A fraction of a whole."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1:
        return float(value)
    raise LevadaError(f"{path}: {key} is {value!r}; write a fraction above 0 and up to 1")


def megahertz(path: Path, key: str, value: object) -> float:
    """A frequency."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf:
        return float(value)
    raise LevadaError(f"{path}: {key} is {value!r}; write a number of MHz above 0")
