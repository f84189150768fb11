"""Recipes: what a file says, what a variant overrides, methods and their options."""

import dataclasses

import pytest

from levada import models
from levada.errors import LevadaError
from levada.models import Model
from levada.train import methods
from levada.train import recipe as recipes
from levada.train.recipe import MethodSpec

RECIPE = """seed = 1
epochs = 2
batch_size = 3
learning_rate = 0.5

[[method]]
name = "distillation"
temperature = 3

[[method]]
name = "bn_reestimation"
batches = 9

[variants.v2]
epochs = 9
shift = 1

[variants.v3]
[[variants.v3.method]]
name = "saq"
"""


@pytest.fixture
def find(tmp_path):
    """The recipe of a variant, from a text with something replaced."""

    def found(variant, old="", new="", text=RECIPE):
        assert old in text
        path = tmp_path / "recipe.toml"
        path.write_text(text.replace(old, new, 1))
        model = Model(f"f-{variant}", "f", variant, "", tmp_path / "x", None, None, tmp_path / "s", None, {})
        return recipes.find(model)

    return found


DISTILLATION = MethodSpec("distillation", (("temperature", 3),))
BATCHES = MethodSpec("bn_reestimation", (("batches", 9),))


def test_base_table_and_overrides(find):
    assert find("v1") == recipes.Recipe(1, 2, 3, 0.5, 0, (DISTILLATION, BATCHES))
    assert find("v2") == recipes.Recipe(1, 9, 3, 0.5, 1, (DISTILLATION, BATCHES))
    assert find("v3") == recipes.Recipe(1, 2, 3, 0.5, 0, (MethodSpec("saq"),))


def test_another_file(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(RECIPE)
    assert recipes.find(models.find("tfc-w2a2"), path).learning_rate == 0.5


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("seed = 1\n", "", "seed is missing; add it"),
        ("seed = 1", "seed = -1", "seed is -1; write a whole number of at least 0"),
        ("epochs = 2", "epochs = 2.0", "epochs is 2.0; write a whole number of at least 1"),
        ("epochs = 2", "epochs = 0", "epochs is 0; write a whole number of at least 1"),
        ("0.5", "0", "learning_rate is 0; write a number above 0"),
        ("0.5", "inf", "learning_rate is inf; write a number above 0"),
        (
            "seed",
            "sed",
            "key sed is unknown; use one of batch_size, epochs, learning_rate, seed, shift, data, method",
        ),
        ("seed = 1", "seed = 1\ndata = 3", "data is 3; write the name of a data set in quotes"),
        ("seed = 1", "seed = 1\nvariants.v1 = 2", "variants.v1 is 2; write a table [variants.v1]"),
        (
            '"distillation"',
            '"destillation"',
            "a [[method]] has the name 'destillation'; use one of attention_",
        ),
        ('name = "distillation"\n', "", "a [[method]] has the name None; use one of attention_"),
        ("temperature", "temprature", "key distillation.temprature is unknown; use one of "),
        ("temperature = 3", "temperature = '3'", "distillation.temperature is '3'; write a number"),
        ("temperature = 3", "temperature = true", "distillation.temperature is True; write a number"),
        ("temperature = 3", "temperature = nan", "distillation.temperature is nan; write a number from 0.1"),
        ("temperature = 3", "teacher = 3", "distillation.teacher is 3; write text in quotes"),
        ("batches = 9", "batches = 0", "bn_reestimation.batches is 0; write a number from 1 to inf"),
        ("batches = 9", "batches = 9.5", "bn_reestimation.batches is 9.5; write a whole number"),
        (
            '"bn_reestimation"\nbatches = 9',
            '"distillation"',
            "the method distillation stands there twice; leave one out",
        ),
        (
            '"bn_reestimation"\nbatches = 9',
            '"dampening"\n[[method]]\nname = "freezing"',
            "the methods dampening and freezing exclude each other; leave one out",
        ),
    ],
)
def test_faulty_recipe(find, tmp_path, old, new, text):
    with pytest.raises(LevadaError) as error:
        find("v1", old, new)
    assert str(error.value).startswith(f"{tmp_path / 'recipe.toml'}: {text}")


def test_method_that_is_no_table(find):
    with pytest.raises(LevadaError, match=r": method is 3; write tables \[\[method\]\]$"):
        find("v1", text="seed = 1\nepochs = 2\nbatch_size = 3\nlearning_rate = 0.5\nmethod = 3\n")


def test_missing_file():
    with pytest.raises(LevadaError, match=r"tinyyolov3/recipe\.toml: cannot be read"):
        recipes.find(models.find("tinyyolov3-w4a4"))


def test_every_recipe_of_the_repository_is_right():
    for name in models.names():
        model = models.find(name)
        if (model.onnx.parent / "recipe.toml").is_file():
            assert recipes.find(model).epochs > 0


@pytest.mark.parametrize("name", methods.names())
def test_every_method_is_a_file_with_sources_and_bounds(name):
    method = methods.find(name)
    assert method.__module__ == f"levada.train.methods.{name}"
    assert any(year in method.__doc__ for year in map(str, range(2010, 2026)))
    for field in dataclasses.fields(method):
        assert isinstance(field.default, bool | int | float | str)
        if not isinstance(field.default, str):
            assert field.metadata["least"] <= field.default <= field.metadata["most"]
    assert isinstance(methods.create(MethodSpec(name)), method)
