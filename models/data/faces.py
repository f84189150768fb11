"""Faces and what is none: 200 grey cut-outs of 25 x 25 pixels, which scikit-image ships as `lfw_subset`.

They come from Labeled Faces in the Wild (Huang et al., 2007). Class 1 is a face.
"""

from __future__ import annotations

import numpy as np

from . import Dataset
from .reading.packages import shipped

FILE = "skimage/data/lfw_subset.npy"
_EACH = 100  # faces come first, then as many others
_TEST = 20  # of each class


def load() -> Dataset:
    """The cut-outs with images as uint8 [N, 1, 25, 25], faces and others taking turns.

    Raises:
        LevadaError: scikit-image is not installed.
    """
    shades = np.load(shipped(FILE), allow_pickle=False)
    both = np.rint(255 * shades).astype(np.uint8).reshape(2, _EACH, 1, 25, 25)
    images = both.swapaxes(0, 1).reshape(-1, 1, 25, 25)
    classes = np.tile(np.array([1, 0], np.int64), _EACH)
    cut = len(images) - 2 * _TEST
    return Dataset("faces", images[:cut], classes[:cut], images[cut:], classes[cut:])
