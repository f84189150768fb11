"""CIFAR-10: 60,000 colour pictures of 32 x 32 pixels in ten classes, 10,000 of them for testing.

Read from either published archive, that of binary files or that for Python, which hold the same pictures.
"""

from __future__ import annotations

import pickle
import tarfile
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import Dataset
from .reading import sources
from .reading.sources import Published

BINARY = "cifar-10-binary.tar.gz"
PYTHON = "cifar-10-python.tar.gz"
PUBLISHED = Published(
    "cifar10",
    "CIFAR-10",
    {BINARY: "md5:c32a1d4ab5d03f1284b67883e8d87530", PYTHON: "md5:c58f30108f718f92721af3b95e74349a"},
    f"{BINARY} or {PYTHON}",
    mirrors=("https://www.cs.toronto.edu/~kriz/",),
    any_one=True,
    megabytes=170,
)
_SHAPE = (3, 32, 32)
_RECORD = 1 + 3 * 32 * 32  # bytes of the binary files: the class, then the picture


class _Part(NamedTuple):
    """Pictures, uint8 [N, 3, 32, 32], and their classes, int64 [N]."""

    images: NDArray[np.uint8]
    classes: NDArray[np.int64]


def load() -> Dataset:
    """CIFAR-10 with images as uint8 [N, 3, 32, 32].

    Raises:
        UnavailableError: no archive is there.
        LevadaError: it is not the published one.
    """
    path = next(iter(sources.find(PUBLISHED).values()))
    read, ending = (_binary, ".bin") if path.name == BINARY else (_pickled, "")
    files = _unpacked(path)
    parts = [read(files[f"data_batch_{number}{ending}"]) for number in range(1, 6)]
    images, classes = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    test = read(files[f"test_batch{ending}"])
    return Dataset("cifar10", images, classes, test.images, test.classes)


def _unpacked(path: Path) -> dict[str, bytes]:
    """The files of the archive, by their name without folders."""
    with tarfile.open(path) as archive:
        handles = ((member.name, archive.extractfile(member)) for member in archive)
        return {PurePosixPath(name).name: handle.read() for name, handle in handles if handle is not None}


def _binary(data: bytes) -> _Part:
    table = np.frombuffer(data, np.uint8).reshape(-1, _RECORD)
    return _Part(table[:, 1:].reshape(-1, *_SHAPE), table[:, 0].astype(np.int64))


def _pickled(data: bytes) -> _Part:
    # The archive has the published checksum: what is unpickled is known.
    table = pickle.loads(data, encoding="bytes")  # noqa: S301
    images = np.asarray(table[b"data"], np.uint8).reshape(-1, *_SHAPE)
    return _Part(images, np.array(table[b"labels"], np.int64))
