"""The result of a build: report.json for programs, report.html for people, a summary for the terminal."""

from __future__ import annotations

from pathlib import Path

from levada.content import write_whole
from levada.errors import LevadaError
from levada.report.html import html
from levada.report.reading import Form, read
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
    "FILE",
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

FILE = "report.json"


def save(report: Report, folder: Path) -> None:
    """Writes report.json and report.html into `folder`."""
    files = {"report.html": html(report), FILE: report.model_dump_json(indent=2) + "\n"}
    for name, text in files.items():
        try:
            write_whole(folder / name, text)
        except OSError as error:
            raise LevadaError(
                f"{folder / name}: cannot write ({error.strerror}); choose another --out"
            ) from error


def load(folder: Path) -> Report:
    """The report of a build folder; LevadaError if it is missing, broken or of another schema version."""
    return read(folder / FILE, Report, Form("schema_version", SCHEMA_VERSION, "build"))
