"""Handwritten digits of 8 x 8 pixels with 17 shades, 1,797 of them, which scikit-learn ships.

They are the test set of Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI, 1998.
"""

from __future__ import annotations

import gzip

import numpy as np

from . import Dataset
from .reading.packages import shipped

FILE = "sklearn/datasets/data/digits.csv.gz"
_TEST = 360  # the last fifth
_LEVELS = 16  # the brightest


def load() -> Dataset:
    """The digits with images as uint8 [N, 1, 8, 8] from 0 to 16, in scikit-learn's order.

    Raises:
        LevadaError: scikit-learn is not installed.
    """
    with gzip.open(shipped(FILE)) as file:
        table = np.loadtxt(file, delimiter=",")
    images = table[:, :-1].astype(np.uint8).reshape(-1, 1, 8, 8)
    classes = table[:, -1].astype(np.int64)
    return Dataset(
        "digits8x8", images[:-_TEST], classes[:-_TEST], images[-_TEST:], classes[-_TEST:], divisor=_LEVELS
    )
