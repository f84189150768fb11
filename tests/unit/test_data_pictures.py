"""Visual Wake Words and DIV2K on generated look-alikes of their archives."""

import importlib
import io
import itertools
import json

import numpy as np
import pytest
from PIL import Image

from levada.errors import LevadaError
from tests.unit import published
from tests.unit.test_data_sounds import zipped

data = importlib.import_module("levada.models.data")
div2k = importlib.import_module("levada.models.data.div2k")
vww = importlib.import_module("levada.models.data.visual_wake_words")
pictures = importlib.import_module("levada.models.blocks.pictures")


def encoded(picture, form):
    """A picture file of uint8 [height, width, 3] or [height, width]."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, form)
    return buffer.getvalue()


def drawn(seed, height, width):
    return pictures.draw(1, (3, height, width), seed)[0].transpose(1, 2, 0)


class Coco:
    """The members of COCO's archives for a few pictures with (category, width, height) of what is in them."""

    def __init__(self):
        person, dog = 1, 18
        self.parts = {
            # 100 x 80 pixels: 0.5 % are 40. A person that is too small; one in a crowd; a large dog; nothing.
            "train2017": {
                9: [(person, 5, 8)],
                3: [(person, 5, 9), (dog, 50, 50)],
                7: [(dog, 50, 50)],
                12: [],
            },
            "val2017": {1: [(person, 50, 50)], 2: [(dog, 20, 20)]},
        }
        self.lost = set()

    def archives(self):
        tables, made = {}, {}
        for part, things in self.parts.items():
            tables[f"annotations/instances_{part}.json"] = json.dumps(self.table(things)).encode()
            names = {number: f"{part}/{number:012}.jpg" for number in things if number not in self.lost}
            made[f"{part}.zip"] = zipped(
                {f"{part}/": b""}
                | {name: encoded(drawn(number, 80, 100), "JPEG") for number, name in names.items()}
            )
        tables["annotations/captions_val2017.json"] = b"{}"
        return made | {vww.ANNOTATIONS: zipped(tables)}

    def table(self, things):
        images = [
            {"license": 1, "file_name": f"{number:012}.jpg", "height": 80, "width": 100, "id": number}
            for number in things
        ]
        annotations = [
            {
                "segmentation": [[1, 1, 2, 1, 2, 2]],
                "area": 1.0,
                "iscrowd": int(width == 5),
                "image_id": number,
                "bbox": [1, 1, width, height],
                "category_id": category,
                "id": 100 * number + index,
            }
            for number, found in things.items()
            for index, (category, width, height) in enumerate(found)
        ]
        kinds = [{"supercategory": "animal", "id": 18, "name": "dog"}]
        kinds += [{"supercategory": "person", "id": 1, "name": "person"}]
        return {"info": {}, "licenses": [], "images": images, "annotations": annotations, "categories": kinds}


class TestVisualWakeWords:
    @pytest.fixture
    def coco(self):
        return Coco()

    def give(self, monkeypatch, tmp_path, coco):
        return published.give(monkeypatch, tmp_path, vww, coco.archives())

    def test_people_are_told_from_the_rest(self, coco, monkeypatch, tmp_path):
        self.give(monkeypatch, tmp_path, coco)
        found = data.load("visual_wake_words")
        assert (found.x_train.shape, found.x_test.shape) == ((4, 3, 96, 96), (2, 3, 96, 96))
        assert (found.x_train.dtype, found.y_train.dtype, found.divisor) == (np.uint8, np.int64, 255)
        # In the order of their numbers: 3, 7, 9, 12.
        assert found.y_train.tolist() == [1, 0, 0, 0]
        assert found.y_test.tolist() == [1, 0]
        large = Image.open(io.BytesIO(encoded(drawn(7, 80, 100), "JPEG")))
        small = np.asarray(large.resize((96, 96), Image.Resampling.BILINEAR))
        np.testing.assert_array_equal(found.x_train[1], small.transpose(2, 0, 1))

    def test_a_picture_that_is_missing(self, coco, monkeypatch, tmp_path):
        coco.lost = {7}
        folder = self.give(monkeypatch, tmp_path, coco)
        with pytest.raises(LevadaError) as error:
            data.load("visual_wake_words")
        assert str(error.value) == (
            f"{folder / vww.TRAIN}: lacks train2017/000000000007.jpg, which the annotations name; "
            "replace this file by the published one"
        )
        assert not list((tmp_path / "cache" / "data" / "visual_wake_words").iterdir())

    def test_an_annotation_of_no_picture(self, coco, monkeypatch, tmp_path):
        true = coco.table
        coco.table = lambda things: true(things) | {"images": true(things)["images"][1:]}
        folder = self.give(monkeypatch, tmp_path, coco)
        with pytest.raises(LevadaError) as error:
            data.load("visual_wake_words")
        assert str(error.value) == (
            f"{folder / vww.ANNOTATIONS}: annotations/instances_train2017.json: an annotation is of picture "
            "9, which is not listed; replace this file by the published one"
        )

    @pytest.mark.parametrize(("things", "what"), [([], "with a person"), ([(1, 50, 50)], "without a person")])
    def test_an_empty_class(self, coco, monkeypatch, tmp_path, things, what):
        coco.parts["val2017"] = {1: things, 2: things}
        folder = self.give(monkeypatch, tmp_path, coco)
        with pytest.raises(LevadaError) as error:
            data.load("visual_wake_words")
        assert str(error.value) == (
            f"{folder / vww.ANNOTATIONS}: annotations/instances_val2017.json: has no picture {what}; "
            "replace this file by the published one"
        )

    def test_without_the_archives(self, monkeypatch, tmp_path):
        published.nothing_set(monkeypatch, tmp_path)
        with pytest.raises(data.UnavailableError) as error:
            data.load("visual_wake_words")
        assert str(error.value) == (
            "COCO 2017, for Visual Wake Words, cannot be had: LEVADA_DATA is not set; "
            f"{tmp_path}/cache/data/visual_wake_words lacks annotations_trainval2017.zip; put "
            "annotations_trainval2017.zip, train2017.zip and val2017.zip into a folder visual_wake_words/ "
            "and set LEVADA_DATA to the folder around it"
        )


class TestDiv2k:
    def archives(self, sizes=((520, 600), (700, 512))):
        train = {
            f"DIV2K_train_HR/{number:04}.png": encoded(drawn(number, *size), "PNG")
            for number, size in enumerate(sizes, 1)
        }
        valid = {"DIV2K_valid_HR/0801.png": encoded(drawn(801, 512, 512), "PNG")}
        return {
            div2k.TRAIN: zipped({"DIV2K_train_HR/": b""} | train),
            div2k.VALIDATION: zipped({"DIV2K_valid_HR/": b""} | valid),
        }

    def test_squares(self, monkeypatch, tmp_path):
        published.give(monkeypatch, tmp_path, div2k, self.archives())
        found = div2k.load()
        assert (found.train.shape, found.validation.shape) == ((2, 512, 512, 3), (1, 512, 512, 3))
        np.testing.assert_array_equal(found.validation[0], drawn(801, 512, 512))
        whole = drawn(1, 520, 600)
        places = itertools.product(range(520 - 512 + 1), range(600 - 512 + 1))
        cuts = (whole[top : top + 512, left : left + 512] for top, left in places)
        assert any(np.array_equal(cut, found.train[0]) for cut in cuts)
        np.testing.assert_array_equal(div2k.load().train, found.train)

    @pytest.mark.parametrize(
        ("sizes", "text"),
        [
            ([(512, 511)], "DIV2K_train_HR/0001.png has 511 x 512 pixels, fewer than 512 x 512"),
            ([], "has no photographs (.png)"),
        ],
    )
    def test_wrong_photographs(self, monkeypatch, tmp_path, sizes, text):
        folder = published.give(monkeypatch, tmp_path, div2k, self.archives(sizes))
        with pytest.raises(LevadaError) as error:
            div2k.load()
        assert str(error.value) == f"{folder / div2k.TRAIN}: {text}; replace this file by the published one"

    def test_a_wrong_checksum(self, monkeypatch, tmp_path):
        folder = published.give(monkeypatch, tmp_path, div2k, self.archives())
        (folder / div2k.VALIDATION).write_bytes(b"<html>")
        with pytest.raises(
            LevadaError, match=r"DIV2K_valid_HR.zip: is not DIV2K's DIV2K_valid_HR.zip: expected MD5"
        ):
            div2k.load()
