"""DIV2K: 800 photographs of high resolution to train super-resolution with, and 100 for validation.

Agustsson and Timofte, "NTIRE 2017 Challenge on Single Image Super-Resolution: Dataset and Study", 2017; for
academic research only. Of each photograph a square of 512 pixels is kept, from a place that a seed chooses.
"""

from __future__ import annotations

import io
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from levada.errors import LevadaError

from .reading import arrays, sources
from .reading.sources import Published

TRAIN, VALIDATION = "DIV2K_train_HR.zip", "DIV2K_valid_HR.zip"
PUBLISHED = Published(
    "div2k",
    "DIV2K",
    {TRAIN: "md5:bdc2d9338d4e574fe81bf7d158758658", VALIDATION: "md5:9fcdda83005c5e5997799b69f955ff88"},
    f"{TRAIN} and {VALIDATION}",
    mirrors=("https://data.vision.ee.ethz.ch/cvl/DIV2K/",),
    megabytes=3_980,
)
SIZE = 512
_SEED = 1


@dataclass(frozen=True)
class Squares:
    """Squares of photographs, uint8 [N, 512, 512, 3].

    Attributes:
        train: one of each photograph to train on.
        validation: one of each of the others.
    """

    train: NDArray[np.uint8]
    validation: NDArray[np.uint8]


def load() -> Squares:
    """Reads all photographs, once; 708 MB are kept, and mapped from files.

    Raises:
        UnavailableError: no source has the archives.
        LevadaError: one is not the published one.
    """
    return Squares(**arrays.made_once(PUBLISHED, (sys.modules[__name__],), _made))


def _made() -> arrays.Arrays:
    files = sources.find(PUBLISHED)
    rng = np.random.default_rng(_SEED)
    return {"train": _squares(files[TRAIN], rng), "validation": _squares(files[VALIDATION], rng)}


def _squares(path: Path, rng: np.random.Generator) -> NDArray[np.uint8]:
    found = []
    with zipfile.ZipFile(path) as archive:
        for name in sorted(name for name in archive.namelist() if name.endswith(".png")):
            picture = np.asarray(Image.open(io.BytesIO(archive.read(name))).convert("RGB"))
            height, width = picture.shape[:2]
            if min(height, width) < SIZE:
                raise LevadaError(
                    f"{path}: {name} has {width} x {height} pixels, fewer than {SIZE} x {SIZE}; "
                    "replace this file by the published one"
                )
            top, left = (int(rng.integers(side - SIZE + 1)) for side in (height, width))
            found.append(picture[top : top + SIZE, left : left + SIZE])
    if not found:
        raise LevadaError(f"{path}: has no photographs (.png); replace this file by the published one")
    return np.stack(found)
