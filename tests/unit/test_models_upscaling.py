"""Super-resolution: photographs, patches, PSNR, and a short training on made-up pictures."""

import dataclasses
import importlib

import numpy as np
import pytest
import torch

from levada import models, train
from levada.errors import LevadaError
from levada.train import recipe as recipes
from levada.train.task import Widths
from tests.require_tools import require

pictures = importlib.import_module("levada.models.blocks.pictures")
photographs = importlib.import_module("levada.models.espcn.photographs")
upscaling = importlib.import_module("levada.models.espcn.upscaling")
xcat = importlib.import_module("levada.models.xcat.xcat")
espcn = importlib.import_module("levada.models.espcn.espcn")


@pytest.fixture
def made_up(monkeypatch):
    """Generated pictures instead of photographs."""

    def load(names):
        drawn = pictures.draw(len(names), (3, 120, 130), seed=len(names))
        return {name: picture.transpose(1, 2, 0) for name, picture in zip(names, drawn, strict=True)}

    monkeypatch.setattr(photographs, "load", load)


def test_photographs_of_scikit_learn():
    found = photographs.load((f"{photographs.SKLEARN}/flower.jpg",))
    assert found["flower"].shape == (427, 640, 3)
    with pytest.raises(
        LevadaError, match=r"file skimage/data/no.png is not here; `pip install scikit-image`"
    ):
        photographs.load(("skimage/data/no.png",))


def test_nothing_is_trained_on_and_tested():
    lists = (photographs.TRAIN, photographs.VALIDATION, photographs.TEST)
    assert len(set().union(*lists)) == sum(len(names) for names in lists)


def test_psnr():
    one = np.full((1, 20, 20), 100, np.uint8)
    other = one + np.uint8(5)
    assert photographs.psnr(one, other, 2) == pytest.approx(10 * np.log10(255**2 / 25))
    grey = np.repeat(one, 3, axis=0)
    assert photographs.psnr(grey, np.repeat(other, 3, axis=0), 2) == pytest.approx(
        photographs.psnr(one, other, 2)
    )
    worse = one + np.uint8(12)
    both = photographs.psnr(np.stack([one, one]), np.stack([other, worse]), 2)
    assert both == pytest.approx(10 * np.log10(2 * 255**2 / (25 + 144)))


@pytest.mark.parametrize("factor", [2, 3])
def test_patches_show_the_same_at_both_sizes(made_up, factor):
    data = upscaling.pairs(photographs.load(("a", "b")).values(), factor, colour=True)
    small, large = upscaling.batch(data, 8, factor, np.random.default_rng(1))
    assert (small.shape, large.shape) == ((8, 3, 32, 32), (8, 3, 32 * factor, 32 * factor))
    reduced = torch.nn.functional.avg_pool2d(large, factor)
    assert (reduced - small).abs().mean() < 0.01


@pytest.mark.parametrize("factor", [2, 3])
def test_xcat_starts_by_repeating_pixels(factor):
    network = xcat.XCAT(factor, 8, 8).eval()
    network.last[0].weight.data[:, : sum(xcat.GROUPS)] = 0
    image = pictures.draw(1, (3, 32, 32), seed=1)
    large = upscaling.enlarge(network, image[0]).astype(int)
    repeated = image[0].repeat(factor, axis=1).repeat(factor, axis=2).astype(int)
    assert np.abs(large - repeated).max() <= 2  # the largest weight is 127/128


class Known(torch.nn.Module):
    """Enlarges by repeating pixels, off by `error` everywhere."""

    def __init__(self, factor, error):
        super().__init__()
        self.factor, self.error = factor, error

    def forward(self, x):
        return torch.nn.functional.interpolate(x, scale_factor=self.factor) + self.error / 256


@pytest.mark.parametrize("colour", [False, True])
def test_score_is_the_psnr_of_patches_that_stay_the_same(made_up, colour):
    model = models.find("xcat-x2-w4a4" if colour else "espcn-x2-w4a4")
    task = upscaling.Upscaling(model, recipes.Recipe(1, 1, 16, 0.003), 2, colour=colour)
    # All pixels alike: repeated ones are right, and an error is known.
    planes = 3 if colour else 1
    flat = torch.full((upscaling.KEPT, planes, 64, 64), 100 / 256)
    small, large = task.kept
    assert large.shape == flat.shape
    assert torch.equal(large, upscaling.Upscaling(model, task.recipe, 2, colour=colour).kept.targets)
    task.__dict__["kept"] = upscaling.Batch(flat[:, :, ::2, ::2], flat)
    score = task.score(Known(2, 5).eval())
    assert score.quality == pytest.approx(10 * np.log10(255**2 / 25))
    assert score.loss == pytest.approx(5 / 256)
    task.__dict__["kept"] = upscaling.Batch(small, large)
    few = task.score(Known(2, 0).eval(), 10)
    repeated = torch.nn.functional.interpolate(small[:10], scale_factor=2)
    expected = photographs.psnr(upscaling.as_bytes(repeated), upscaling.as_bytes(large[:10]), 2)
    assert few.quality == pytest.approx(expected)
    assert few.loss == pytest.approx(float((repeated - large[:10]).abs().mean()))
    assert task.unit == "dB"


@pytest.mark.parametrize("colour", [False, True])
def test_a_recipe_may_name_div2k(made_up, monkeypatch, colour):
    """Both what is trained on and what is measured on are its photographs then."""
    drawn = pictures.draw(3, (3, 100, 100), seed=9).transpose(0, 2, 3, 1)
    monkeypatch.setattr(upscaling.div2k, "load", lambda: upscaling.div2k.Squares(drawn[:2], drawn[2:]))
    model, recipe = models.find("espcn-x2-w4a4"), recipes.Recipe(1, 1, 4, 0.003)
    usual, other = (
        upscaling.Upscaling(model, dataclasses.replace(recipe, data=data), 2, colour=colour)
        for data in (None, "div2k")
    )
    assert (len(usual.pairs), len(other.pairs)) == (len(photographs.TRAIN), 2)
    assert usual.digest() != other.digest()
    np.testing.assert_array_equal(
        other.pairs[0][1], photographs.as_planes(drawn[0], colour=colour), err_msg="the large one"
    )
    assert not torch.equal(usual.kept.inputs, other.kept.inputs)
    shades = {float(shade) for shade in other.kept.targets.unique() * 256}
    assert shades <= set(photographs.as_planes(drawn[2], colour=colour).reshape(-1).astype(float))


def test_data_that_a_family_does_not_know(monkeypatch):
    require("lightning_fabric")
    recipe = recipes.Recipe(1, 1, 4, 0.003, data="mnist")
    monkeypatch.setattr(recipes, "find", lambda model, path=None: recipe)
    for name, way in (("xcat-x2-w4a4", "name div2k, or leave it out"), ("tfc-w2a2", "leave it out")):
        with pytest.raises(LevadaError) as error:
            train.train(name)
        assert str(error.value) == f"{name}: is not trained on data = 'mnist' of the recipe; {way}"


@pytest.mark.parametrize("name", ["espcn-x3-w8a8", "xcat-x2-w4a4"])
def test_a_short_training_gives_a_file(made_up, monkeypatch, tmp_path, name):
    monkeypatch.setattr(recipes, "find", lambda model, path=None: recipes.Recipe(1, 1, 2, 0.003))
    require("lightning_fabric")
    monkeypatch.chdir(tmp_path)
    lines = []
    trained = train.train(name, out=tmp_path, log=lines.append)
    assert trained.accuracy is None
    assert trained.onnx.is_file()
    assert len([line for line in lines if "dB, bicubic" in line]) == 3


def test_settled_sums_lie_on_no_boundary():
    torch.manual_seed(2)
    network = espcn.ESPCN(2, Widths((8, 4, 8), (4, 4))).eval()
    upscaling.settle(network)
    image = torch.from_numpy(pictures.draw(2, (1, 32, 32), seed=3)).float() / 256
    with torch.no_grad():
        sums = network.layers[:4](image)
        exact = network.double().layers[:4](image.double())
    assert torch.equal(sums.double(), exact)
    assert (exact * 16 - 0.5 - (exact * 16 - 0.5).round()).abs().min() > 0


@pytest.mark.parametrize("name", ["espcn", "xcat"])
def test_cards_have_the_numbers_of_each_variant(name):
    rows = [model for model in models.names() if model.startswith(name)]
    card = (models.find(rows[0]).onnx.parent / "README.md").read_text(encoding="utf-8")
    for row in rows:
        line = next(line for line in card.splitlines() if line.startswith(f"| `{row}` |"))
        assert line.count(" / ") == 3, "ours and bicubic, for three photographs"
