"""The result of a build: report.json for programs, report.html for people, a summary for the terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from levada.content import write_whole
from levada.errors import LevadaError
from levada.report.html import html
from levada.report.schema import (
    LEVELS,
    SCHEMA_VERSION,
    Cycles,
    Implementation,
    LayerReport,
    Level,
    LevelName,
    LongestPath,
    Partition,
    Report,
    ResourceReport,
)
from levada.report.terminal import terminal

__all__ = [
    "LEVELS",
    "SCHEMA_VERSION",
    "Cycles",
    "Implementation",
    "LayerReport",
    "Level",
    "LevelName",
    "LongestPath",
    "Partition",
    "Report",
    "ResourceReport",
    "html",
    "load",
    "save",
    "terminal",
]


def save(report: Report, folder: Path) -> None:
    """Writes report.json and report.html into `folder`."""
    files = {"report.html": html(report), "report.json": report.model_dump_json(indent=2) + "\n"}
    for name, text in files.items():
        try:
            write_whole(folder / name, text)
        except OSError as error:
            raise LevadaError(
                f"{folder / name}: cannot write ({error.strerror}); choose another --out"
            ) from error


def load(folder: Path) -> Report:
    """The report of a build folder; LevadaError if it is missing, broken or of another schema version."""
    path = folder / "report.json"
    data = _read(path)
    version = data.get("schema_version") if isinstance(data, dict) else None
    if version is not None and version != SCHEMA_VERSION:
        raise LevadaError(
            f"{path}: schema version {version!r}, this levada reads {SCHEMA_VERSION}; "
            "build again, or read it with the levada that wrote it"
        )
    try:
        return Report.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise LevadaError(f"{path}: not a report: {where}: {first['msg']}; build again") from error


def _read(path: Path) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise LevadaError(f"{path}: no such file; `levada build` writes one into its build folder") from error
    except OSError as error:
        raise LevadaError(f"{path}: cannot read ({error.strerror}); name a build folder") from error
    except ValueError as error:
        raise LevadaError(f"{path}: not JSON ({error}); build again") from error
