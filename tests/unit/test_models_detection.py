"""LPYOLO around the network: boxes on the host, WIDER FACE's files, and training on generated faces."""

import importlib

import numpy as np
import pytest
import torch
from PIL import Image

from levada import models
from levada.errors import LevadaError
from levada.train.loop import fit
from levada.train.recipe import Recipe
from levada.train.run import Job
from tests.require_tools import require

host = importlib.import_module("levada.models.lpyolo.host")
cartoons = importlib.import_module("levada.models.lpyolo.cartoons")
detection = importlib.import_module("levada.models.lpyolo.detection")
lpyolo = importlib.import_module("levada.models.lpyolo.lpyolo")
faces = importlib.import_module("levada.models.lpyolo.faces")
widerface = importlib.import_module("levada.models.data.widerface")

SIZE = 96


def map_of(box, anchor, cells=13):
    """A map in which one anchor gives one box for certain, and the others none."""
    output = np.full((3, 6, cells, cells), -1.0)
    left, top, right, bottom = box
    x, y = (left + right) / 2 / 32, (top + bottom) / 2 / 32
    column, row = int(x), int(y)
    width, height = host.ANCHORS[anchor]
    p = [(x - column + 0.5) / 2, (y - row + 0.5) / 2]
    p += [np.sqrt((right - left) / width) / 2, np.sqrt((bottom - top) / height) / 2, 1, 1]
    output[anchor, :, row, column] = 2 * np.array(p) - 1
    return output.reshape(18, cells, cells)


class TestHost:
    @pytest.mark.parametrize("anchor", [0, 1, 2])
    def test_decode_finds_the_box(self, anchor):
        width, height = host.ANCHORS[anchor] * 1.7
        box = np.array([190.5, 201.25, 190.5 + width, 201.25 + height])
        boxes, scores = host.decode(map_of(box, anchor))
        np.testing.assert_allclose(boxes, box[None])
        np.testing.assert_allclose(scores, [1.0])

    def test_overlaps(self):
        boxes = np.array([[0, 0, 4, 2], [2, 0, 6, 2], [9, 9, 10, 10]], float)
        expected = [[1, 1 / 3, 0], [1 / 3, 1, 0], [0, 0, 1]]
        np.testing.assert_allclose(host.overlaps(boxes, boxes), expected)

    def test_suppress_keeps_the_best_of_each(self):
        boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [30, 30, 40, 40], [0, 1, 10, 11]], float)
        kept = host.suppress(boxes, np.array([0.5, 0.9, 0.3, 0.8]))
        assert kept.tolist() == [1, 2]
        assert host.suppress(np.zeros((0, 4)), np.zeros(0)).tolist() == []

    def test_detect_on_two_anchors_that_agree(self):
        box = np.array([100.0, 100.0, 180.0, 200.0])
        output = np.maximum(map_of(box, 1), map_of(box + 1, 2))
        boxes, scores = host.detect(output)
        assert (boxes.shape, scores.shape) == ((1, 4), (1,))

    def test_letterbox_and_back(self):
        picture = np.arange(60 * 90 * 3, dtype=np.uint8).reshape(60, 90, 3)
        square, place = host.letterbox(picture, 45)
        assert square.shape == (3, 45, 45)
        assert (place.left, place.top, place.scale) == (0, 7, 0.5)
        assert set(square[:, :7].reshape(-1)) == {114}
        np.testing.assert_array_equal(square[:, 7, 0], picture[1, 1])
        boxes = np.array([[10.0, 20.0, 30.0, 40.0]])
        moved = boxes * 0.5 + [0, 7, 0, 7]
        np.testing.assert_allclose(place.back(moved), boxes)

    def test_draw_frames_even_beyond_the_border(self):
        picture = np.zeros((20, 30, 3), np.uint8)
        drawn = host.draw(picture, np.array([[5.0, 6, 12, 15], [-9, -9, 99, 99]]), (1, 2, 3), width=1)
        assert not picture.any()
        assert drawn[6, 8].tolist() == drawn[15, 5].tolist() == drawn[0, 0].tolist() == [1, 2, 3]
        assert not drawn[10, 8].any()

    def test_average_precision(self):
        true = [np.array([[0, 0, 10, 10], [20, 20, 30, 30]], float), np.array([[5, 5, 9, 9]], float)]
        all_right = [(boxes, np.ones(len(boxes))) for boxes in true]
        assert host.average_precision(all_right, true) == 1.0
        one = (np.array([[0, 0, 10, 10], [0, 0, 10, 10]], float), np.array([0.9, 0.8]))
        none = (np.zeros((0, 4)), np.zeros(0))
        assert host.average_precision([one, none], true) == pytest.approx(1 / 3)
        assert host.average_precision([none, none], true) == 0.0


class TestWiderFace:
    @pytest.fixture
    def folder(self, monkeypatch, tmp_path):
        """Two photographs to train on and one for validation, laid out as the published archives are."""
        base = tmp_path / "widerface"
        for part, names in (("train", ("a.jpg", "b.jpg")), ("val", ("c.jpg",))):
            images = base / f"WIDER_{part}" / "images" / "0--Parade"
            images.mkdir(parents=True)
            for name in names:
                size = (200, 100) if name == "a.jpg" else (50, 80)
                Image.new("RGB", size, (10, 20, 30)).save(images / name)
        (base / "wider_face_split").mkdir()
        self.listing = base / "wider_face_split" / "wider_face_train_bbx_gt.txt"
        self.listing.write_text(
            "0--Parade/a.jpg\n3\n20 10 40 60 0 0 0 0 0 0 \n100 5 50 60 0 0 0 1 0 0 \n1 1 4 4 2 0 0 0 0 0 \n"
            "0--Parade/b.jpg\n0\n0 0 0 0 0 0 0 0 0 0 \n"
        )
        other = self.listing.with_name("wider_face_val_bbx_gt.txt")
        other.write_text("0--Parade/c.jpg\n1\n10 10 20 20 0 0 0 0 0 0 \n")
        monkeypatch.setattr(widerface, "COUNTS", {"train": 2, "val": 1})
        monkeypatch.setenv("LEVADA_DATA", str(tmp_path))
        return base

    def test_pictures_and_boxes(self, folder):
        found = widerface.load()
        assert [len(boxes) for boxes in found.train.boxes] == [2, 0]
        pictures = faces.Faces(found.train, SIZE)
        assert len(pictures) == 2
        picture, boxes = pictures[0]
        assert (picture.shape, picture.dtype) == ((3, SIZE, SIZE), np.uint8)
        # Halved, nearly, and 24 down; the invalid face and the tiny one are left out.
        np.testing.assert_allclose(boxes, np.array([[20, 10, 60, 70]]) * 0.48 + [0, 24, 0, 24])
        assert pictures[1][1].shape == (0, 4)

    def test_it_is_what_the_network_is_trained_on(self, folder):
        task = lpyolo.task(models.find("lpyolo-w4a4"), Recipe(1, 1, 1, 0.01))
        assert (len(task.training), len(task.validation)) == (2, 1)
        assert task.training[0][0].shape == (3, 416, 416)

    @pytest.mark.parametrize(
        "text", ["a.jpg\n", "a.jpg\n2\n1 1 4 4 2 0 0 0 0 0\n", "a.jpg\nx\n", "a.jpg\n1\n1\n"]
    )
    def test_a_damaged_list(self, folder, text):
        self.listing.write_text(text)
        with pytest.raises(LevadaError, match="is not a list of WIDER FACE"):
            widerface.load()

    def test_a_list_that_is_cut(self, folder):
        self.listing.write_text("0--Parade/b.jpg\n0\n0 0 0 0 0 0 0 0 0 0 \n")
        with pytest.raises(LevadaError) as error:
            widerface.load()
        text = "names 1 photographs, not 2; unpack wider_face_split.zip again"
        assert str(error.value) == f"{self.listing}: {text}"

    def test_a_photograph_that_is_missing(self, folder):
        path = folder / "WIDER_val" / "images" / "0--Parade" / "c.jpg"
        path.unlink()
        listing = self.listing.with_name("wider_face_val_bbx_gt.txt")
        with pytest.raises(LevadaError) as error:
            widerface.load()
        assert str(error.value) == (
            f"{path}: is not there, but named in {listing}; unpack WIDER_val.zip again"
        )

    def test_says_where_it_belongs(self, folder, monkeypatch, tmp_path):
        advice = (
            "unpack WIDER_train.zip, WIDER_val.zip and wider_face_split.zip into a folder widerface/ and set "
            "LEVADA_DATA to the folder around it"
        )
        monkeypatch.setenv("LEVADA_DATA", str(tmp_path / "nowhere"))
        path = tmp_path / "nowhere" / "widerface" / "wider_face_split" / "wider_face_train_bbx_gt.txt"
        with pytest.raises(LevadaError) as error:
            lpyolo.task(models.find("lpyolo-w4a4"), Recipe(1, 1, 1, 0.01))
        assert str(error.value) == f"WIDER FACE cannot be had: {path} is not there; {advice}"
        monkeypatch.delenv("LEVADA_DATA")
        with pytest.raises(LevadaError) as error:
            widerface.load()
        assert str(error.value) == f"WIDER FACE cannot be had: LEVADA_DATA is not set; {advice}"


class TestTraining:
    def test_cartoons(self):
        data = cartoons.Cartoons(4, SIZE, seed=1)
        assert len(data) == 4
        for index in range(4):
            picture, boxes = data[index]
            assert (picture.shape, picture.dtype) == ((3, SIZE, SIZE), np.uint8)
            assert len(boxes) >= 1
            assert boxes.min() >= 0
            assert boxes.max() <= SIZE
            np.testing.assert_array_equal(picture, data[index][0])

    def test_assign_takes_anchors_of_about_the_size(self):
        boxes = np.array([[40, 40, 64, 72], [0, 0, 400, 400]], float)
        assert detection.assign(boxes, 13, 13).tolist() == [[0, 0, 1, 1], [0, 1, 1, 1], [1, 2, 6, 6]]
        assert detection.assign(np.zeros((0, 4)), 13, 13).shape == (0, 4)

    def test_loss_is_least_where_the_map_is_right(self):
        box = np.array([100.0, 100.0, 180.0, 200.0])
        right, wrong = (torch.tensor(map_of(b, 1), dtype=torch.float32)[None] for b in (box, box + 40))
        # Anchor 2 is about as large as the box, too: it is asked for the same.
        both = torch.maximum(right, torch.tensor(map_of(box, 2), dtype=torch.float32)[None])
        values = [detection.loss(output, [box[None]]).item() for output in (both, right, wrong)]
        assert values == sorted(values)
        assert values[0] < 0.1
        assert detection.loss(right, [np.zeros((0, 4))]).item() > values[0]

    def test_generalized_overlap(self):
        one = torch.tensor([[0.0, 0, 4, 2], [0, 0, 1, 1]])
        other = torch.tensor([[2.0, 0, 6, 2], [3, 0, 4, 1]])
        np.testing.assert_allclose(detection.generalized_overlap(one, other), [1 / 3, -0.5], rtol=1e-5)

    def test_sigmoid_and_hard_tanh(self):
        network = lpyolo.LPYOLO(4, 4).eval()
        frame = torch.rand(1, 3, SIZE, SIZE)
        network.soft = True
        soft = network(frame)
        network.soft = False
        hard = network(frame)
        assert soft.shape == hard.shape == (1, 18, 3, 3)
        assert (soft - hard).abs().max() < 0.15
        codes = hard.detach().numpy() * 128
        np.testing.assert_array_equal(codes, np.rint(codes))

    @pytest.mark.slow
    def test_learns_to_find_cartoon_faces(self, tmp_path):
        require("lightning_fabric")
        lines, model = [], models.find("lpyolo-w4a4")
        recipe = Recipe(seed=1, epochs=12, batch_size=4, learning_rate=0.004, shift=4)
        training, validation = cartoons.Cartoons(96, SIZE, seed=1), cartoons.Cartoons(24, SIZE, seed=2)
        task = detection.Detection(model, recipe, training, validation)
        network = fit(Job(model, recipe, task, tmp_path, lines.append))
        losses = [float(line.rsplit(" ", 1)[1]) for line in lines]
        assert losses[-1] < 0.65 * losses[0]
        assert not network.training
        assert detection.precision(network, validation) > 0.1
