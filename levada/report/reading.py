"""Reads what is kept as JSON, and says in a line what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from levada.errors import LevadaError

Kept = TypeVar("Kept", bound=BaseModel)


class Form(NamedTuple):
    """A kind of file: the key and the number of its version, and the command of levada that writes it."""

    key: str
    version: int
    command: str


def read(path: Path, model: type[Kept], form: Form) -> Kept:
    """The content of a file; LevadaError if it is missing, broken or of another version."""
    data = _json(path, form)
    version = data.get(form.key) if isinstance(data, dict) else None
    if version is not None and version != form.version:
        raise LevadaError(
            f"{path}: schema version {version!r}, this levada reads {form.version}; "
            f"{form.command} again, or read it with the levada that wrote it"
        )
    return validated(data, path, model, form)


def validated(data: object, path: Path, model: type[Kept], form: Form) -> Kept:
    """What a value holds that is or will be in a file; LevadaError if it is not as it should be."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise LevadaError(f"{path}: not a report: {where}: {first['msg']}; {form.command} again") from error


def _json(path: Path, form: Form) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise LevadaError(
            f"{path}: no such file; `levada {form.command}` writes one into its {form.command} folder"
        ) from error
    except OSError as error:
        raise LevadaError(f"{path}: cannot read ({error.strerror}); name a {form.command} folder") from error
    except ValueError as error:
        raise LevadaError(f"{path}: not JSON ({error}); {form.command} again") from error
