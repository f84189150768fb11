"""Finds what levada is made of on disk (hls/, boards/, models/, build_flows/) and writes results whole.

In a checkout these folders stand beside the package; in a wheel they are under `levada/_content`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import platformdirs

from levada.errors import LevadaError

_PACKAGE = Path(__file__).resolve().parent


def root(kind: str) -> Path:
    """The folder `kind` ("hls", "boards", "models", "build_flows") of this installation."""
    checkout = _PACKAGE.parent / kind
    return checkout if checkout.is_dir() else _PACKAGE / "_content" / kind


def package(folder: Path) -> Path:
    """The deploy package at a folder, which is that of a build or the package itself."""
    inside = folder / "deploy"
    return inside if inside.is_dir() else folder


def cache_dir(kind: str) -> Path:
    """A folder for results that can be made again: `$LEVADA_CACHE` or the user's cache directory."""
    base = os.environ.get("LEVADA_CACHE") or platformdirs.user_cache_dir("levada")
    path = Path(base) / kind
    path.mkdir(parents=True, exist_ok=True)
    return path


def digest(*parts: str | bytes) -> str:
    """SHA-256 over the parts, each with its length, as 64 hex digits."""
    state = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        state.update(len(data).to_bytes(8, "little"))
        state.update(data)
    return state.hexdigest()


def write_whole(path: Path, data: str | bytes) -> None:
    """Writes a file under a temporary name and renames it, so that no reader sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def folder_made_whole(target: Path) -> Iterator[Path]:
    """Yields a temporary sibling of `target` that takes its place only if the block ends well.

    An interrupted or failed block leaves an earlier `target` as it was and nothing else behind.
    """
    if target.exists() and not target.is_dir():
        raise LevadaError(f"{target}: is no folder; choose another --out")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    except OSError as error:
        raise LevadaError(f"{target}: cannot write there ({error.strerror}); choose another --out") from error
    work.chmod(0o755)
    try:
        yield work
        _take_place(work, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _take_place(work: Path, target: Path) -> None:
    """Renames `work` to `target`, which is kept where that fails or is interrupted."""
    if not target.exists():
        work.rename(target)
        return
    kept = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.old.")) / target.name
    try:
        target.rename(kept)
        work.rename(target)
    except BaseException:
        if kept.exists() and not target.exists():
            kept.rename(target)
        raise
    finally:
        shutil.rmtree(kept.parent, ignore_errors=True)
