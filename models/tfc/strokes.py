"""Sample images made by the repository itself: smooth pen strokes on 28 x 28 pixels, somewhat like digits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SIZE = 28
POINTS = 64  # a curve is drawn as so many dots, close enough together to leave no gap


def draw(count: int, seed: int) -> NDArray[np.uint8]:
    """Draws `count` images of two or three curved strokes each, white on black, with soft edges.

    Returns:
        uint8 [count, 1, 28, 28]; the same for the same arguments.
    """
    rng = np.random.default_rng(seed)
    return np.stack([_image(rng) for _ in range(count)])[:, None]


def _image(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Brightness falls off over one pixel beyond the pen's radius: all grey levels occur."""
    dots = np.concatenate([_curve(rng) for _ in range(rng.integers(2, 4))])
    radius = rng.uniform(0.8, 1.6)
    rows, columns = np.mgrid[0:SIZE, 0:SIZE]
    squares = (rows[..., None] - dots[:, 0]) ** 2 + (columns[..., None] - dots[:, 1]) ** 2
    distance = np.sqrt(squares.min(axis=-1))
    image: NDArray[np.uint8] = np.rint(255 * np.clip(1 + radius - distance, 0, 1)).astype(np.uint8)
    return image


def _curve(rng: np.random.Generator) -> NDArray[np.float64]:
    """A quadratic Bezier curve: [POINTS, (row, column)], within the 20 x 20 pixels of MNIST's digits."""
    a, b, c = rng.uniform(4, 24, size=(3, 2))
    t = np.linspace(0, 1, POINTS)[:, None]
    return np.asarray((1 - t) ** 2 * a + 2 * t * (1 - t) * b + t**2 * c)
