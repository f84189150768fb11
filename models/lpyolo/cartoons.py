"""Generated pictures of plain faces (an oval, two eyes, a mouth) with boxes: detection without data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..blocks import pictures
from .host import Floats


@dataclass(frozen=True)
class Cartoons:
    """`count` pictures of `size` x `size` pixels with one to three faces each; a sequence as `Faces` is.

    The same for the same numbers.
    """

    count: int
    size: int
    seed: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], Floats]:
        """A picture, uint8 [3, size, size], and its boxes, float [n, 4], in its pixels."""
        rng = np.random.default_rng((self.seed, index))
        background = pictures.draw(1, (3, self.size, self.size), int(rng.integers(2**31)))[0]
        picture = background.transpose(1, 2, 0).copy()
        boxes: list[tuple[float, ...]] = []
        for _ in range(int(rng.integers(1, 4))):
            height = rng.uniform(0.12, 0.4) * self.size
            width = 0.78 * height
            left, top = rng.uniform(0, self.size - width), rng.uniform(0, self.size - height)
            box = (left, top, left + width, top + height)
            if all(_apart(box, other) for other in boxes):
                _face(picture, box, rng)
                boxes.append(box)
        return np.ascontiguousarray(picture.transpose(2, 0, 1)), np.array(boxes, np.float64).reshape(-1, 4)

    def digest(self) -> str:
        """The numbers say all."""
        return repr(self)


def _apart(first: tuple[float, ...], second: tuple[float, ...]) -> bool:
    return any(first[i] >= second[i + 2] or second[i] >= first[i + 2] for i in (0, 1))


def _face(picture: NDArray[np.uint8], box: tuple[float, ...], rng: np.random.Generator) -> None:
    left, top, right, bottom = box
    rows, columns = np.mgrid[0 : picture.shape[0], 0 : picture.shape[1]]
    y, x = (rows - top) / (bottom - top), (columns - left) / (right - left)
    tone = rng.uniform(0.5, 1)
    picture[_oval(x, y, 0.5, 0.5, 0.5, 0.5)] = np.rint(tone * np.array([255, 205, 170]))
    for middle in (0.3, 0.7):
        picture[_oval(x, y, middle, 0.4, 0.1, 0.07)] = 20
    picture[_oval(x, y, 0.5, 0.75, 0.22, 0.06)] = (150, 20, 30)


def _oval(
    x: Floats, y: Floats, middle_x: float, middle_y: float, radius_x: float, radius_y: float
) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = ((x - middle_x) / radius_x) ** 2 + ((y - middle_y) / radius_y) ** 2 < 1
    return inside
