"""Photographs of faces as the network takes them: fitted into a square, their boxes moved alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from levada import content

from ..data.widerface import Part
from . import host
from .host import Floats

_LEAST = 6.0  # pixels of a face's shorter side in the network's square; smaller ones are left out


@dataclass(frozen=True)
class Faces:
    """A sequence of pictures that fit the network.

    Attributes:
        part: the photographs and their boxes.
        size: height and width of the network's input.
    """

    part: Part
    size: int

    def __len__(self) -> int:
        return len(self.part.paths)

    def __getitem__(self, index: int) -> tuple[NDArray[np.uint8], Floats]:
        """A picture, uint8 [3, size, size], and its boxes, float [n, 4], in its pixels."""
        with Image.open(self.part.paths[index]) as file:
            square, place = host.letterbox(np.asarray(file.convert("RGB")), self.size)
        moved = self.part.boxes[index] * place.scale + [place.left, place.top, place.left, place.top]
        large = (moved[:, 2:] - moved[:, :2]).min(axis=1, initial=np.inf) >= _LEAST
        return square, moved[large]

    def digest(self) -> str:
        """Of names and boxes; the photographs are taken as published."""
        names = (path.name for path in self.part.paths)
        return content.digest(str(self.size), *names, *(boxes.tobytes() for boxes in self.part.boxes))
