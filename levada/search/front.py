"""Designs that no other one beats."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def front(points: Sequence[tuple[float, ...]]) -> list[int]:
    """Indices of the points that no other one beats, the first of equal ones; less is better everywhere."""
    rows: NDArray[np.float64] = np.array([list(point) for point in points], np.float64)
    found = []
    for index, row in enumerate(rows):
        no_worse = (rows <= row).all(axis=1)
        better = no_worse & (rows < row).any(axis=1)
        earlier = no_worse[:index] & (rows[:index] == row).all(axis=1)
        if not better.any() and not earlier.any():
            found.append(index)
    return found
