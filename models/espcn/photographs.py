"""The photographs that scikit-image and scikit-learn ship, for training and testing super-resolution.

scikit-learn is one of levada's own dependencies; scikit-image is not, and is needed for training only.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..data.reading.packages import shipped

SKIMAGE = "skimage/data"
SKLEARN = "sklearn/datasets/images"
TRAIN = (
    f"{SKIMAGE}/astronaut.png",
    f"{SKIMAGE}/chelsea.png",
    f"{SKIMAGE}/motorcycle_left.png",
    f"{SKIMAGE}/hubble_deep_field.jpg",
    f"{SKIMAGE}/ihc.png",
    f"{SKIMAGE}/retina.jpg",
    f"{SKLEARN}/china.jpg",
)
#: Grey ones: all that scikit-image ships in colour is in one of the other two lists.
VALIDATION = (f"{SKIMAGE}/camera.png", f"{SKIMAGE}/coins.png", f"{SKIMAGE}/brick.png", f"{SKIMAGE}/moon.png")
TEST = (f"{SKIMAGE}/coffee.png", f"{SKIMAGE}/rocket.jpg", f"{SKLEARN}/flower.jpg")

#: What a recipe may name as `data`, instead of these.
DATASETS = ("div2k",)

Picture = NDArray[np.uint8]


def load(names: tuple[str, ...]) -> dict[str, Picture]:
    """Photographs by the name of their file without its ending: uint8 [height, width, 3].

    Raises:
        LevadaError: the package that ships one is not installed.
    """
    return {Path(name).stem: np.asarray(Image.open(shipped(name)).convert("RGB")) for name in names}


def luma(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Brightness by ITU-R BT.601, over the full range: [..., 3] to [...]."""
    brightness: NDArray[np.float64] = picture.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    return brightness


def as_planes(picture: Picture, *, colour: bool) -> Picture:
    """Channels first: uint8 [3, height, width], or [1, height, width] of the brightness."""
    if colour:
        return np.ascontiguousarray(picture.transpose(2, 0, 1))
    return np.rint(luma(picture)).astype(np.uint8)[None]


def resize(planes: Picture, height: int, width: int) -> Picture:
    """Bicubic, with a wider kernel where it shrinks: uint8 [C, H, W] to [C, height, width]."""
    return np.stack(
        [
            np.asarray(Image.fromarray(plane).resize((width, height), Image.Resampling.BICUBIC))
            for plane in planes
        ]
    )


def psnr(first: NDArray[np.uint8], second: NDArray[np.uint8], border: int) -> float:
    """Peak signal to noise of two pictures [..., C, H, W], in dB, of their brightness, without a border.

    The squared errors of several pictures are averaged before the logarithm is taken.
    """
    planes = [_brightness(picture) for picture in (first, second)]
    inner = (planes[0] - planes[1])[..., border:-border, border:-border]
    return float(10 * np.log10(255**2 / np.mean(inner**2)))


def _brightness(planes: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Of pictures [..., C, H, W], in colour or grey: [..., H, W]."""
    return (
        luma(np.moveaxis(planes, -3, -1))
        if planes.shape[-3] == 3
        else planes[..., 0, :, :].astype(np.float64)
    )
