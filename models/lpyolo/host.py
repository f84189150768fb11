"""What the host does with LPYOLO's output: boxes from the map, the best of those that overlap, and drawing.

NumPy alone, so that it runs wherever the driver does. Boxes are float [n, 4]: left, top, right, bottom in
pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STRIDE = 32  # pixels a cell
#: Width and height of the boxes that the three anchors start from, in pixels.
ANCHORS = np.array([(12, 16), (40, 52), (140, 180)], np.float64)
VALUES = 6  # x, y, width, height, confidence, class

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Letterbox:
    """How a picture was fitted into the network's square: times `scale`, then moved by `left` and `top`."""

    scale: float
    left: int
    top: int

    def back(self, boxes: Floats) -> Floats:
        """Boxes of the square as boxes of the picture, [n, 4] both."""
        moved: Floats = (boxes - [self.left, self.top, self.left, self.top]) / self.scale
        return moved


def letterbox(picture: NDArray[np.uint8], size: int, grey: int = 114) -> tuple[NDArray[np.uint8], Letterbox]:
    """Fits a picture [height, width, 3] into a square, nearest pixels, with grey beside it.

    Returns:
        uint8 [3, size, size], what the accelerator takes, and how it was fitted.
    """
    height, width = picture.shape[:2]
    scale = size / max(height, width)
    rows, columns = (max(1, round(side * scale)) for side in (height, width))
    place = Letterbox(scale, (size - columns) // 2, (size - rows) // 2)
    row = np.minimum((np.arange(rows) + 0.5) / scale, height - 1).astype(np.int64)
    column = np.minimum((np.arange(columns) + 0.5) / scale, width - 1).astype(np.int64)
    square = np.full((size, size, 3), grey, np.uint8)
    square[place.top : place.top + rows, place.left : place.left + columns] = picture[row[:, None], column]
    return np.ascontiguousarray(square.transpose(2, 0, 1)), place


def decode(output: NDArray[np.floating], threshold: float = 0.3) -> tuple[Floats, Floats]:
    """Boxes and scores, above `threshold`, of one map: float [18, rows, columns], -1 to 1.

    With p = (output + 1) / 2 a box has its middle at (2 p - 0.5 + cell) * 32 pixels, and 4 p**2 times the
    width and height of its anchor. The score is confidence times class.
    """
    rows, columns = output.shape[1:]
    p = (output.astype(np.float64).reshape(len(ANCHORS), VALUES, rows, columns) + 1) / 2
    x = (2 * p[:, 0] - 0.5 + np.arange(columns)) * STRIDE
    y = (2 * p[:, 1] - 0.5 + np.arange(rows)[:, None]) * STRIDE
    width = 4 * p[:, 2] ** 2 * ANCHORS[:, 0, None, None]
    height = 4 * p[:, 3] ** 2 * ANCHORS[:, 1, None, None]
    boxes = np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], axis=-1)
    scores = p[:, 4] * p[:, 5]
    chosen = scores > threshold
    return boxes[chosen], scores[chosen]


def overlaps(first: Floats, second: Floats) -> Floats:
    """Intersection over union of each of [n, 4] with each of [m, 4]: [n, m]."""
    start = np.maximum(first[:, None, :2], second[None, :, :2])
    end = np.minimum(first[:, None, 2:], second[None, :, 2:])
    common = np.prod(np.clip(end - start, 0, None), axis=-1)
    areas = [np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=-1) for boxes in (first, second)]
    union = areas[0][:, None] + areas[1] - common
    return np.asarray(common / np.maximum(union, 1e-9), np.float64)


def suppress(boxes: Floats, scores: Floats, most: float = 0.45) -> NDArray[np.int64]:
    """Which boxes stay, best first: none that overlaps a better one by more than `most`."""
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(order):
        best, order = int(order[0]), order[1:]
        kept.append(best)
        order = order[overlaps(boxes[best][None], boxes[order])[0] <= most]
    return np.array(kept, np.int64)


def detect(output: NDArray[np.floating], threshold: float = 0.3, most: float = 0.45) -> tuple[Floats, Floats]:
    """Boxes and scores of the faces in one map [18, rows, columns], best first."""
    boxes, scores = decode(output, threshold)
    kept = suppress(boxes, scores, most)
    return boxes[kept], scores[kept]


def draw(
    picture: NDArray[np.uint8], boxes: Floats, colour: tuple[int, int, int] = (0, 255, 0), width: int = 2
) -> NDArray[np.uint8]:
    """A copy of a picture [height, width, 3] with the frames of the boxes in it."""
    drawn = picture.copy()
    height, length = picture.shape[:2]
    for left, top, right, bottom in np.rint(boxes).astype(np.int64):
        x0, x1 = np.clip([left, right], 0, length - 1)
        y0, y1 = np.clip([top, bottom], 0, height - 1)
        for line in (
            np.s_[y0 : y0 + width, x0 : x1 + 1],
            np.s_[max(y0, y1 + 1 - width) : y1 + 1, x0 : x1 + 1],
            np.s_[y0 : y1 + 1, x0 : x0 + width],
            np.s_[y0 : y1 + 1, max(x0, x1 + 1 - width) : x1 + 1],
        ):
            drawn[line] = colour
    return drawn


def average_precision(found: list[tuple[Floats, Floats]], truth: list[Floats], least: float = 0.5) -> float:
    """Area under precision over recall, of boxes and scores for each picture against its true boxes.

    A box is right if it overlaps a true one, that no better box has taken, by `least` or more.
    """
    marks: list[tuple[float, bool]] = []
    for (boxes, scores), true in zip(found, truth, strict=True):
        taken = np.zeros(len(true), bool)
        for index in np.argsort(-scores, kind="stable"):
            overlap = (
                np.where(taken, 0.0, overlaps(boxes[index][None], true)[0]) if len(true) else np.zeros(1)
            )
            best = int(overlap.argmax())
            right = bool(overlap[best] >= least)
            if right:
                taken[best] = True
            marks.append((float(scores[index]), right))
    total = sum(len(true) for true in truth)
    if not marks or not total:
        return 0.0
    marks.sort(key=lambda mark: -mark[0])
    hits = np.cumsum([right for _, right in marks])
    precision = hits / np.arange(1, len(marks) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    recall = hits / total
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))
