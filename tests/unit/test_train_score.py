"""Scores of networks on examples that are kept from training, and what keeping them changes."""

import importlib

import numpy as np
import pytest
import torch

from levada import content, models
from levada.errors import LevadaError
from levada.train import Recipe
from levada.train.classification import Classification
from tests.unit import trainings

detection = importlib.import_module("levada.models.lpyolo.detection")

RECIPE = Recipe(seed=3, epochs=3, batch_size=16, learning_rate=0.01)


def task(validation=0, data=None):
    return Classification(models.find("tfc-w2a2"), RECIPE, data or trainings.dataset(), validation)


class Brightest(torch.nn.Module):
    """Knows the classes of `trainings.stripes`, but takes each `wrong`-th image for one of class 0."""

    def __init__(self, wrong):
        super().__init__()
        self.wrong = wrong

    def forward(self, x):
        logits = x[:, 0, 4:24:2].mean(dim=2) * 100
        logits[:: self.wrong] = 100.0 * torch.nn.functional.one_hot(torch.tensor(0), 10)
        return logits


def test_score_counts_the_last_training_images_alone():
    data = trainings.dataset()
    kept = task(20, data)
    network = Brightest(5)
    classes = data.y_train[-20:]
    right = (classes != 0)[::5].sum()
    score = kept.score(network)
    assert score.quality == pytest.approx(100 * (20 - right) / 20)
    images = torch.from_numpy(data.x_train[-20:]).float() / 255
    wanted = torch.nn.functional.cross_entropy(network(images), torch.from_numpy(classes))
    assert score.loss == pytest.approx(float(wanted))
    assert kept.score(network, 1).quality == 100 * float(classes[0] == 0)
    assert kept.unit == "%"


def test_kept_images_are_never_trained_on():
    data = trainings.dataset()
    kept = task(20, data)
    batches = list(kept.batches(np.random.default_rng(1)))
    assert kept.steps == len(batches) == 70 // 16
    seen = {image.numpy().tobytes() for batch in batches for image in batch.inputs}
    published = [(image / np.float32(255)).astype(np.float32).tobytes() for image in data.x_train]
    assert seen <= set(published[:70])
    assert not seen & set(published[70:])


def test_digest_changes_with_what_is_kept_and_only_then():
    data = trainings.dataset()
    before = content.digest(data.x_train.tobytes(), data.y_train.tobytes())
    assert task(0, data).digest() == before
    assert len({task(count, data).digest() for count in (0, 1, 20)}) == 3


def test_without_kept_images_there_is_no_score():
    with pytest.raises(LevadaError) as error:
        task().score(Brightest(5))
    assert str(error.value) == (
        "tfc-w2a2: keeps none of the training images of stripes for validation; "
        "set `validation` of the task to their number"
    )


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (-1, "tfc-w2a2: validation is -1; keep 0 to 89 of the 90 training images of stripes"),
        (90, "tfc-w2a2: validation is 90; keep 0 to 89 of the 90 training images of stripes"),
        (75, "tfc-w2a2: batch_size 16 exceeds the 15 training images of stripes; lower it in recipe.toml"),
    ],
)
def test_too_many_kept(count, text):
    with pytest.raises(LevadaError) as error:
        task(count)
    assert str(error.value) == text


def test_a_task_without_examples_for_validation():
    found = detection.Detection(models.find("lpyolo-w4a4"), RECIPE, (), ())
    with pytest.raises(LevadaError) as error:
        found.score(torch.nn.Identity())
    assert str(error.value) == (
        "Detection: keeps no examples for validation, so its networks cannot be compared without its test "
        "set; give it a method `score`"
    )
