"""Where the files of a data set come from: the user's folder, the cache, then public sources.

Whatever the source, a file counts only with the published checksum. `LEVADA_OFFLINE=1` leaves the network
out, and what is large is fetched on demand alone: `python -m levada.models.data NAME`.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import os
import shutil
import tempfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from levada import content
from levada.errors import LevadaError

from .. import UnavailableError

TIMEOUT = 5.0  # seconds until a mirror has to answer; an unreachable one must not stall a build
_BLOCK = 1 << 20  # bytes at once
_TITLES = {"md5": "MD5", "sha256": "SHA-256"}


@dataclass(frozen=True)
class Published:
    """The files of a data set as their publisher offers them.

    Attributes:
        name: of the data set, and of its folder in $LEVADA_DATA and in the cache.
        title: what messages call it.
        files: each file's name and checksum, "md5:HEX" or "sha256:HEX".
        advice: what a user has to put into that folder.
        mirrors: addresses that a file's name is put behind.
        gzipped: whether files may be gzipped, with .gz behind their names; on mirrors they are. The checksum
            is that of the contents.
        any_one: whether a single one of the files is enough.
        megabytes: about how many they are to fetch, if so many that this is done on demand only.
    """

    name: str
    title: str
    files: Mapping[str, str]
    advice: str
    mirrors: tuple[str, ...] = ()
    gzipped: bool = False
    any_one: bool = False
    megabytes: int | None = None


#: Puts files into a folder, and says what it is called in messages; raises MissError where it has none.
Source = Callable[[Published, Path], str]


class MissError(Exception):
    """A source does not have the files; the text says why in a few words."""


class _WrongFileError(Exception):
    """A source has a file of the right name that is not the published one."""


def find(published: Published, *others: Source, demanded: bool = False) -> dict[str, Path]:
    """The files, checked, each plain or gzipped.

    Args:
        published: what they are.
        others: sources that are tried after the mirrors.
        demanded: fetch them even if they are large.

    Raises:
        UnavailableError: no source works; the text lists what was tried.
        LevadaError: a file is there but is not the published one.
    """
    tried = []
    for folder in (supplied(published.name), cache(published.name)):
        try:
            return _local(published, folder)
        except MissError as reason:
            tried.append(str(reason))
    remote = [*map(_mirror, published.mirrors), *others]
    advice = (
        f"put {published.advice} into a folder {published.name}/ and set LEVADA_DATA to the folder around it"
    )
    if remote and published.megabytes is not None and not demanded:
        command = f"python -m levada.models.data {published.name}"
        advice = f"`{command}` fetches about {published.megabytes:,} MB, or {advice}"
    elif remote and os.environ.get("LEVADA_OFFLINE") == "1":
        tried.append("the network is left out (LEVADA_OFFLINE=1)")
    elif (found := _fetched(published, remote, tried)) is not None:
        return found
    raise UnavailableError(f"{published.title} cannot be had: {'; '.join(tried)}; {advice}")


def cache(name: str) -> Path:
    """The folder for what was fetched for a data set, or made of it."""
    return content.cache_dir("data") / name


def supplied(name: str) -> Path | None:
    """The user's folder for a data set, if LEVADA_DATA is set."""
    base = os.environ.get("LEVADA_DATA")
    return Path(base) / name if base else None


def read(path: Path) -> bytes:
    """What is in a file that `find` found, decompressed if it is gzipped."""
    with _plain(path, True) as file:
        return file.read()


def _local(published: Published, folder: Path | None) -> dict[str, Path]:
    """The files in a folder that is not remote: a wrong one is an error, which another source would hide."""
    if folder is None:
        raise MissError("LEVADA_DATA is not set")
    try:
        return _checked(published, folder, str(folder))
    except _WrongFileError as reason:
        raise LevadaError(f"{reason}; replace or remove this file") from reason


def _fetched(published: Published, remote: list[Source], tried: list[str]) -> dict[str, Path] | None:
    """Fetches the files into the cache from the first source that has them all; says why others have not."""
    target = cache(published.name)
    for source in remote:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target, prefix=".") as work:
            try:
                files = _checked(published, Path(work), source(published, Path(work)))
            except (MissError, _WrongFileError) as reason:
                tried.append(str(reason))
                continue
            return {name: _moved(published, path, target / name) for name, path in files.items()}
    return None


def _mirror(base: str) -> Source:
    """A web server that has all files below `base`."""

    def source(published: Published, folder: Path) -> str:
        names = list(published.files)[: 1 if published.any_one else None]
        for name in names:
            file = f"{name}.gz" if published.gzipped else name
            download(f"{base}{file}", folder / file)
        return base.removesuffix("/")

    return source


def download(url: str, path: Path) -> None:
    """Fetches one file; raises MissError where there is none."""
    try:
        # Mirrors are constants, http(s) only.
        with urllib.request.urlopen(url, timeout=TIMEOUT) as reply, path.open("wb") as file:  # noqa: S310
            shutil.copyfileobj(reply, file, _BLOCK)
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise MissError(f"{url} is not reachable ({reason})") from error


def _checked(published: Published, folder: Path, title: str) -> dict[str, Path]:
    """The files in a folder that messages call `title`."""
    found = {}
    for name in published.files:
        paths = [folder / name, *([folder / f"{name}.gz"] if published.gzipped else [])]
        path = next((path for path in paths if path.is_file()), None)
        if path is not None:
            _check(published, name, path, f"{title}/{path.name}")
            found[name] = path
        elif not published.any_one:
            raise MissError(f"{title} lacks {name}")
    if not found:
        raise MissError(f"{title} lacks {' and '.join(published.files)}")
    return found


def _check(published: Published, name: str, path: Path, title: str) -> None:
    kind, _, wanted = published.files[name].partition(":")
    try:
        with _plain(path, published.gzipped) as file:
            # MD5 is what some publishers state; it guards against mistakes.
            got = hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise _WrongFileError(f"{title}: is not a whole gzip file ({error})") from error
    except OSError as error:
        reason = error.strerror
        raise LevadaError(f"{title}: cannot be read ({reason}); replace or remove this file") from error
    if got != wanted:
        raise _WrongFileError(
            f"{title}: is not {published.title}'s {name}: expected {_TITLES[kind]} {wanted}, got {got}"
        )


def _plain(path: Path, gzipped: bool) -> io.BufferedIOBase:
    """A file open for reading, decompressed if it may be gzipped and is."""
    with path.open("rb") as file:
        unzip = gzipped and file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if unzip else path.open("rb")


def _moved(published: Published, path: Path, target: Path) -> Path:
    """Puts a fetched file into its place in the cache, decompressed, whole or not at all."""
    draft = path.with_name(f"{path.name}.plain")
    with _plain(path, published.gzipped) as file, draft.open("wb") as plain:
        shutil.copyfileobj(file, plain, _BLOCK)
    return draft.replace(target)
