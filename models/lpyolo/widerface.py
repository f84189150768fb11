"""WIDER FACE: 32,203 photographs with 393,703 faces, from `$LEVADA_DATA/widerface`.

Expected there, as published: `WIDER_train/images/...`, `WIDER_val/images/...` and
`wider_face_split/wider_face_{train,val}_bbx_gt.txt`. It may be used for research only, and is not fetched.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from levada import content
from levada.errors import LevadaError

from . import host
from .host import Floats

_LEAST = 6.0  # pixels of a face's shorter side in the network's square; smaller ones are left out
_INVALID = 7  # the column that says so


@dataclass(frozen=True)
class Faces:
    """Photographs with the boxes of their faces: a sequence of pictures that fit the network.

    Attributes:
        paths: of the photographs.
        boxes: float [n, 4] for each: left, top, right, bottom in its pixels.
        size: height and width of the network's input.
    """

    paths: tuple[Path, ...]
    boxes: tuple[Floats, ...]
    size: int

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], Floats]:
        """A picture, uint8 [3, size, size], and its boxes, float [n, 4], in its pixels."""
        with Image.open(self.paths[index]) as file:
            square, place = host.letterbox(np.asarray(file.convert("RGB")), self.size)
        moved = self.boxes[index] * place.scale + [place.left, place.top, place.left, place.top]
        large = (moved[:, 2:] - moved[:, :2]).min(axis=1, initial=np.inf) >= _LEAST
        return square, moved[large]

    def digest(self) -> str:
        """Of names and boxes; the photographs are taken as published."""
        names = (path.name for path in self.paths)
        return content.digest(str(self.size), *names, *(boxes.tobytes() for boxes in self.boxes))


def load(part: str, size: int) -> Faces:
    """The part "train" or "val".

    Raises:
        LevadaError: the files are not there, or are none of WIDER FACE's.
    """
    base = os.environ.get("LEVADA_DATA")
    folder = Path(base or "LEVADA_DATA") / "widerface"
    listing = folder / "wider_face_split" / f"wider_face_{part}_bbx_gt.txt"
    if not listing.is_file():
        raise LevadaError(
            f"WIDER FACE cannot be had: {listing} is not there; unpack its archives into a folder widerface/ "
            "and set LEVADA_DATA to the folder around it"
        )
    found = list(_entries(listing))
    images = folder / f"WIDER_{part}" / "images"
    return Faces(tuple(images / name for name, _ in found), tuple(boxes for _, boxes in found), size)


def _entries(listing: Path) -> Iterator[tuple[str, Floats]]:
    """Name and valid boxes of each photograph: a line with its name, one with their number, one a face.

    Where that number is 0 a line of zeros follows all the same.
    """
    lines = iter(listing.read_text(encoding="utf-8").split("\n"))
    try:
        for name in lines:
            if not name:
                continue
            rows = [[float(word) for word in next(lines).split()] for _ in range(max(1, int(next(lines))))]
            table = np.array([row for row in rows if min(row[2:4]) > 0 and not row[_INVALID]]).reshape(-1, 10)
            yield name, np.concatenate([table[:, :2], table[:, :2] + table[:, 2:4]], axis=1)
    except (StopIteration, ValueError, IndexError) as error:
        raise LevadaError(f"{listing}: is not a list of WIDER FACE ({error!r}); unpack it again") from error
