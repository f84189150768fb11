"""CIFAR-10: 60,000 colour pictures of 32 x 32 pixels in ten classes, 10,000 of them for testing.

Read from the published archive, `$LEVADA_DATA/cifar10/cifar-10-binary.tar.gz`. With its 170 MB it is not
fetched by itself.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from levada.errors import LevadaError

from . import Dataset, UnavailableError

ARCHIVE = "cifar-10-binary.tar.gz"
MD5 = "c32a1d4ab5d03f1284b67883e8d87530"  # as published with the archive
TRAIN = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST = ("test_batch.bin",)
_SHAPE = (3, 32, 32)
_RECORD = 1 + 3 * 32 * 32  # bytes: the class, then the picture


def load() -> Dataset:
    """CIFAR-10 with images as uint8 [N, 3, 32, 32].

    Raises:
        UnavailableError: the archive is not there.
        LevadaError: it is not the published one.
    """
    files = _unpacked(_archive())
    x_train, y_train = _records(files, TRAIN)
    x_test, y_test = _records(files, TEST)
    return Dataset("cifar10", x_train, y_train, x_test, y_test)


def _archive() -> Path:
    base = os.environ.get("LEVADA_DATA")
    path = Path(base or "LEVADA_DATA") / "cifar10" / ARCHIVE
    if not base or not path.is_file():
        raise UnavailableError(
            f"CIFAR-10 cannot be had: {path} is not there; put the archive, as its web page offers it, into "
            "a folder cifar10/ and set LEVADA_DATA to the folder around it"
        )
    with path.open("rb") as file:
        if hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() != MD5:
            raise LevadaError(f"{path}: is not the published archive; replace or remove this file")
    return path


def _unpacked(path: Path) -> dict[str, bytes]:
    """The files of the archive, by their name without folders."""
    with tarfile.open(path) as archive:
        handles = ((member.name, archive.extractfile(member)) for member in archive)
        return {PurePosixPath(name).name: handle.read() for name, handle in handles if handle is not None}


def _records(files: dict[str, bytes], names: tuple[str, ...]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images and classes of some of the files, in their order."""
    table = np.frombuffer(b"".join(files[name] for name in names), np.uint8).reshape(-1, _RECORD)
    return table[:, 1:].reshape(-1, *_SHAPE), table[:, 0].astype(np.int64)
