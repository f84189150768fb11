"""Data sets for training and for measuring accuracy: one module each, which offers `load()`.

Nothing here is part of the repository: a module fetches its files, checks them and caches them.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from levada.errors import LevadaError


class UnavailableError(LevadaError):
    """The files of a data set cannot be had: what was tried, and how to supply them."""


@dataclass(frozen=True)
class Dataset:
    """Images and their classes, for training and for testing.

    Attributes:
        name: what `load` calls it.
        x_train: uint8 [N, channels, height, width], as in the published files.
        y_train: int64 [N], class numbers from 0.
        x_test: like x_train; never used for training.
        y_test: like y_train.
        divisor: what the published values are divided by for a network that takes floats.
    """

    name: str
    x_train: NDArray[np.uint8]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.uint8]
    y_test: NDArray[np.int64]
    divisor: int = 255


def names() -> list[str]:
    """The data sets that `load` knows, sorted."""
    return sorted(info.name for info in pkgutil.iter_modules(__path__))


def load(name: str) -> Dataset:
    """Fetches (once) and reads the data set `name`.

    Raises:
        UnavailableError: no source of its files works here.
        LevadaError: there is no such data set, or a supplied file is not the published one.
    """
    if name not in names():
        raise LevadaError(f"data set {name!r} is unknown; known: {', '.join(names())}")
    dataset: Dataset = importlib.import_module(f"{__name__}.{name}").load()
    return dataset
