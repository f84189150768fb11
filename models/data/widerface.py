"""WIDER FACE: photographs with boxes around 393,703 faces, unpacked in `$LEVADA_DATA/widerface`.

Yang et al., "WIDER FACE: A Face Detection Benchmark", 2016; for research only. Expected there, as the
archives have them: `WIDER_train/images/...`, `WIDER_val/images/...` and
`wider_face_split/wider_face_{train,val}_bbx_gt.txt`. It is not fetched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from levada.errors import LevadaError

from . import UnavailableError
from .reading import sources

#: How many photographs each list has to name.
COUNTS = {"train": 12_880, "val": 3_226}
_INVALID = 7  # the column that says so

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """Photographs with the boxes of their faces.

    Attributes:
        paths: of the photographs.
        boxes: float [n, 4] for each: left, top, right, bottom in its pixels; without faces marked as invalid.
    """

    paths: tuple[Path, ...]
    boxes: tuple[Floats, ...]


@dataclass(frozen=True)
class WiderFace:
    """The two parts that are published with boxes."""

    train: Part
    validation: Part


def load() -> WiderFace:
    """Both parts; the photographs themselves are only looked for.

    Raises:
        UnavailableError: the files are not there.
        LevadaError: they are not all of WIDER FACE's, or none of it.
    """
    return WiderFace(_part("train"), _part("val"))


def _part(name: str) -> Part:
    folder = sources.supplied("widerface")
    listing = folder / "wider_face_split" / f"wider_face_{name}_bbx_gt.txt" if folder else None
    if folder is None or listing is None or not listing.is_file():
        tried = f"{listing} is not there" if listing else "LEVADA_DATA is not set"
        raise UnavailableError(
            f"WIDER FACE cannot be had: {tried}; unpack WIDER_train.zip, WIDER_val.zip and "
            "wider_face_split.zip into a folder widerface/ and set LEVADA_DATA to the folder around it"
        )
    found = list(_entries(listing))
    if len(found) != COUNTS[name]:
        raise LevadaError(
            f"{listing}: names {len(found):,} photographs, not {COUNTS[name]:,}; "
            "unpack wider_face_split.zip again"
        )
    images = folder / f"WIDER_{name}" / "images"
    paths = tuple(images / entry for entry, _ in found)
    missing = next((path for path in paths if not path.is_file()), None)
    if missing is not None:
        raise LevadaError(f"{missing}: is not there, but named in {listing}; unpack WIDER_{name}.zip again")
    return Part(paths, tuple(boxes for _, boxes in found))


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
