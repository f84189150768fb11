"""Visual Wake Words: is there a person? Pictures of COCO 2017 in 96 x 96 pixels, as in MLPerf Tiny.

Chowdhery et al., "Visual Wake Words Dataset", 2019: class 1 if the box around a person, crowds included,
covers more than 0.5 % of a picture, else class 0. COCO's 118,287 pictures for training are the ones to train
on, its 5,000 for validation those to test with. They are made square without regard to their shape.
"""

from __future__ import annotations

import io
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from levada.errors import LevadaError

from . import Dataset
from .reading import arrays, sources
from .reading.sources import Published

ANNOTATIONS = "annotations_trainval2017.zip"
TRAIN, TEST = "train2017.zip", "val2017.zip"
PUBLISHED = Published(
    "visual_wake_words",
    "COCO 2017, for Visual Wake Words,",
    {
        ANNOTATIONS: "md5:f4bbac642086de4f52a3fdda2de5fa2c",
        TRAIN: "md5:cced6f7f71b7629ddf16f17bbcfab6b2",
        TEST: "md5:442b8da7639aecaf257c1dceb8ba8c80",
    },
    f"{ANNOTATIONS}, {TRAIN} and {TEST}",
)
SIZE = 96
_LEAST = 0.005  # of a picture's area

_Part = tuple[NDArray[np.uint8], NDArray[np.int64]]


def load() -> Dataset:
    """All pictures as uint8 [N, 3, 96, 96], 3.4 GB mapped from a file; to read them takes long, once.

    Raises:
        UnavailableError: the archives are not there.
        LevadaError: one is not the published one.
    """
    made = arrays.made_once(PUBLISHED, (sys.modules[__name__],), _made)
    return Dataset("visual_wake_words", **made, divisor=255)


def _made() -> arrays.Arrays:
    files = sources.find(PUBLISHED)
    x_train, y_train = _part(files[TRAIN], _classes(files[ANNOTATIONS], "train2017"))
    x_test, y_test = _part(files[TEST], _classes(files[ANNOTATIONS], "val2017"))
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


def _classes(path: Path, part: str) -> dict[str, int]:
    """The class of each picture by the name of its file, in the order of their numbers."""
    member = f"annotations/instances_{part}.json"
    with zipfile.ZipFile(path) as archive:
        table = json.loads(archive.read(member))
    pictures: dict[int, Any] = {picture["id"]: picture for picture in table["images"]}
    person = next(category["id"] for category in table["categories"] if category["name"] == "person")
    with_person = set()
    for annotation in table["annotations"]:
        picture = pictures.get(annotation["image_id"])
        if picture is None:
            raise LevadaError(
                f"{path}: {member}: an annotation is of picture {annotation['image_id']}, which is not "
                "listed; replace this file by the published one"
            )
        _, _, width, height = annotation["bbox"]
        share = width * height / (picture["width"] * picture["height"])
        if annotation["category_id"] == person and share > _LEAST:
            with_person.add(annotation["image_id"])
    classes = {pictures[number]["file_name"]: int(number in with_person) for number in sorted(pictures)}
    for number, what in enumerate(("without a person", "with a person")):
        if number not in classes.values():
            raise LevadaError(
                f"{path}: {member}: has no picture {what}; replace this file by the published one"
            )
    return classes


def _part(path: Path, classes: dict[str, int]) -> _Part:
    images = np.empty((len(classes), 3, SIZE, SIZE), np.uint8)
    with zipfile.ZipFile(path) as archive:
        members = set(archive.namelist())
        for image, name in zip(images, classes, strict=True):
            member = f"{path.stem}/{name}"
            if member not in members:
                raise LevadaError(
                    f"{path}: lacks {member}, which the annotations name; "
                    "replace this file by the published one"
                )
            picture = Image.open(io.BytesIO(archive.read(member))).convert("RGB")
            small = picture.resize((SIZE, SIZE), Image.Resampling.BILINEAR)
            image[:] = np.asarray(small).transpose(2, 0, 1)
    return images, np.array(list(classes.values()), np.int64)
