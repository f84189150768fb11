"""Data sets for training and for measuring accuracy: one module each, which offers `load()`.

Nothing here is part of the repository: files come from other packages, from the user's folder, or from the
network, and are checked and cached. docs/data.md says what there is.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from types import ModuleType
from typing import Any, get_type_hints

import numpy as np
from numpy.typing import NDArray

from levada.errors import LevadaError


class UnavailableError(LevadaError):
    """The files of a data set cannot be had: what was tried, and how to supply them."""


@dataclass(frozen=True)
class Dataset:
    """Images, or what is treated like them, and their classes, for training and for testing.

    Attributes:
        name: what `load` calls it.
        x_train: uint8 [N, channels, height, width], as in the published files, or the int8 that a
            file's docstring explains.
        y_train: int64 [N], class numbers from 0.
        x_test: like x_train; never used for training.
        y_test: like y_train.
        divisor: what the published values are divided by for a network that takes floats.
    """

    name: str
    x_train: NDArray[np.integer[Any]]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.integer[Any]]
    y_test: NDArray[np.int64]
    divisor: int = 255


def names() -> list[str]:
    """All data sets, sorted."""
    infos = pkgutil.iter_modules(__path__)
    return sorted(info.name for info in infos if not info.ispkg and not info.name.startswith("_"))


def module(name: str) -> ModuleType:
    """The module of the data set `name`.

    Raises:
        LevadaError: there is none.
    """
    if name not in names():
        raise LevadaError(f"data set {name!r} is unknown; known: {', '.join(names())}")
    return importlib.import_module(f"{__name__}.{name}")


def load(name: str) -> Dataset:
    """Fetches (once) and reads the data set `name`, one of examples with classes.

    Raises:
        UnavailableError: no source of its files works here.
        LevadaError: there is no such data set, it has no classes, or a file is not the published one.
    """
    found = module(name).load
    if get_type_hints(found)["return"] is not Dataset:
        raise LevadaError(
            f"data set {name!r} has no classes; networks with a task of their own are trained with it, see "
            "docs/data.md"
        )
    dataset: Dataset = found()
    return dataset
