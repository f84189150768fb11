"""Generated colour pictures: a shaded background and a few plain shapes. They owe nothing to any data set."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def draw(count: int, shape: tuple[int, int, int], seed: int, *, shapes: int = 6) -> NDArray[np.uint8]:
    """Draws `count` pictures of `shape` (channels, height, width).

    Returns:
        uint8 [count, channels, height, width]; the same for the same arguments.
    """
    rng = np.random.default_rng(seed)
    return np.stack([_picture(rng, shape, shapes) for _ in range(count)])


def _picture(rng: np.random.Generator, shape: tuple[int, int, int], shapes: int) -> NDArray[np.uint8]:
    """A background that runs from one colour to another in 16 bands, so that large pictures compress well."""
    channels, height, width = shape
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    turn = rng.uniform(0, 2 * np.pi)
    slope = np.sin(turn) * rows / height + np.cos(turn) * columns / width
    slope = np.floor(16 * (slope - slope.min()) / np.ptp(slope)) / 16
    start, end = rng.integers(0, 256, (2, channels, 1, 1))
    picture = start + (end - start) * slope
    for _ in range(shapes):
        mask = _mask(rng, rows / height, columns / width)
        picture = np.where(mask, rng.integers(0, 256, (channels, 1, 1)), picture)
    rounded: NDArray[np.uint8] = np.rint(picture).astype(np.uint8)
    return rounded


def _mask(
    rng: np.random.Generator, rows: NDArray[np.float32], columns: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """The pixels of an ellipse or of a rectangle; `rows` and `columns` run from 0 to 1."""
    y, x = rng.uniform(0.1, 0.9, 2)
    half_height, half_width = rng.uniform(0.05, 0.3, 2)
    down, right = np.abs(rows - y) / half_height, np.abs(columns - x) / half_width
    inside: NDArray[np.bool_] = down**2 + right**2 < 1 if rng.random() < 0.5 else np.maximum(down, right) < 1
    return inside
