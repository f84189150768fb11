"""How templates are read, of generated sources as of reports."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def environment(folder: Path, html: bool = False) -> Environment:
    """The templates of a folder; a name that is not given is an error. Values are escaped in `html`."""
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=html,  # noqa: S701 - sources are no HTML
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
