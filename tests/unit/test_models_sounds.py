"""The networks for sounds, trained for a few steps on look-alikes of their data, and what is measured."""

import dataclasses
import importlib

import numpy as np
import pytest
import torch

from levada import models, train
from levada.errors import LevadaError
from levada.train import recipe as recipes
from tests.require_tools import require
from tests.unit import published, test_data_sounds
from tests.unit.test_data_sounds import cars, zipped

anomalies = importlib.import_module("levada.models.autoencoder.anomalies")
autoencoder = importlib.import_module("levada.models.autoencoder.autoencoder")
speech = importlib.import_module("levada.models.data.speech_commands")
toyadmos = importlib.import_module("levada.models.data.toyadmos")

RECIPE = recipes.Recipe(1, 1, 16, 0.003)


@pytest.fixture
def toys(monkeypatch, tmp_path):
    published.give(monkeypatch, tmp_path, toyadmos, {toyadmos.ARCHIVE: zipped(cars())})
    return toyadmos.load()


def task(data, validation=0, batch_size=64):
    recipe = dataclasses.replace(RECIPE, batch_size=batch_size)
    return anomalies.Anomalies(models.find("autoencoder-w4a4"), recipe, data, validation)


class Halved(torch.nn.Module):
    """Gives half of what it takes: the error is a quarter of the input's power."""

    def forward(self, x):
        return x / 2


def run(monkeypatch, tmp_path, name, batch_size):
    """Trains by the family's own recipe, but for one epoch of small batches."""
    require("lightning_fabric")
    true = recipes.find
    monkeypatch.setattr(
        recipes, "find", lambda *a: dataclasses.replace(true(*a), epochs=1, batch_size=batch_size)
    )
    monkeypatch.chdir(tmp_path)
    lines = []
    return train.train(name, out=tmp_path / "out", log=lines.append), lines


def test_dscnn_is_trained_on_speech_commands(monkeypatch, tmp_path):
    archives = test_data_sounds.speech_archives()
    published.give(monkeypatch, tmp_path, speech, archives)
    trained, lines = run(monkeypatch, tmp_path, "dscnn-w4a4", 16)
    assert trained.onnx.is_file()
    assert 0 <= trained.accuracy <= 100
    assert f"{trained.accuracy:.2f} % of 24 test images of speech_commands" in "\n".join(lines)


def test_autoencoder_is_trained_on_toyadmos(toys, monkeypatch, tmp_path):
    trained, lines = run(monkeypatch, tmp_path, "autoencoder-w4a4", 256)
    assert trained.onnx.is_file()
    assert trained.accuracy is None
    areas = [float(line.split()[-1]) for line in lines if "car " in line and "area" in line]
    assert len(areas) == 2
    mean = next(line for line in lines if line.endswith("the mean of 2 cars"))
    assert float(mean.split()[5].rstrip(",")) == pytest.approx(np.mean(areas), abs=1e-3)


def test_without_data_training_says_how_to_get_it(monkeypatch, tmp_path):
    require("lightning_fabric")
    published.nothing_set(monkeypatch, tmp_path)
    for name, title in (("dscnn-w8a8", "Speech Commands"), ("autoencoder-w8a8", "ToyADMOS")):
        with pytest.raises(
            LevadaError, match=f"^{title} cannot be had: LEVADA_DATA is not set; .*fetches about"
        ):
            train.train(name, log=print)


def test_a_damaged_car_is_an_error_that_the_network_did_not_learn(toys):
    """A perfect memory of undamaged cars: what differs from the nearest known window is the error."""

    class Memory(torch.nn.Module):
        known = torch.from_numpy(toyadmos.windows(toys.train).reshape(-1, 640) / np.float32(128))

        def forward(self, x):
            return self.known[torch.cdist(x, self.known).argmin(dim=1)]

    lines = []
    task(toys).judge(Memory(), None, lines.append)
    assert lines == [
        "autoencoder-w4a4: car 1: area under the curve 1.000",
        "autoencoder-w4a4: car 2: area under the curve 1.000",
        "autoencoder-w4a4: area under the curve 1.000, the mean of 2 cars",
    ]


def test_area_counts_pairs():
    rng = np.random.default_rng(6)
    scores = rng.integers(0, 6, 40).astype(float)
    anomalous = rng.random(40) < 0.4
    pairs = [(a > b) + (a == b) / 2 for a in scores[anomalous] for b in scores[~anomalous]]
    assert anomalies.area(scores, anomalous) == pytest.approx(np.mean(pairs))
    assert anomalies.area(np.array([3.0, 1.0]), np.array([True, False])) == 1


class TestAnomalies:
    def test_an_epoch_has_each_window_once(self, toys):
        made = task(toys, validation=2)
        batches = list(made.batches(np.random.default_rng(1)))
        assert made.steps == len(batches) == 4 * 196 // 64
        assert all(torch.equal(inputs, targets) for inputs, targets in batches)
        inputs = torch.cat([batch.inputs for batch in batches]).numpy()
        assert inputs.shape == (12 * 64, 640)
        trained = {window.tobytes() for window in np.rint(inputs * 128).astype(np.int8)}
        windows = np.ascontiguousarray(toyadmos.windows(toys.train)).reshape(6 * 196, 640)
        allowed = {window.tobytes() for window in windows[: 4 * 196]}
        assert trained <= allowed
        assert not trained & {window.tobytes() for window in windows[4 * 196 :]} - allowed

    def test_score_is_signal_to_error_of_kept_clips(self, toys):
        made = task(toys, validation=2)
        windows = toyadmos.windows(toys.train[-2:]).astype(np.float64) / 128
        score = made.score(Halved())
        assert score.loss == pytest.approx(np.mean((windows / 2) ** 2), rel=1e-5)
        assert score.quality == pytest.approx(10 * np.log10(np.var(windows) / score.loss), abs=1e-4)
        first = made.score(Halved(), 1)
        assert first.loss == pytest.approx(np.mean((windows[0] / 2) ** 2), rel=1e-5)
        assert made.unit == "dB"

    def test_digest_changes_with_what_is_kept(self, toys):
        assert len({task(toys, kept).digest() for kept in (0, 1, 2)}) == 3

    @pytest.mark.parametrize(
        ("arguments", "text"),
        [
            ({"validation": 6}, "autoencoder-w4a4: validation is 6; keep 0 to 5 of the 6 clips"),
            (
                {"batch_size": 1177},
                "autoencoder-w4a4: batch_size 1177 exceeds the windows of 6 clips to train on; lower it in "
                "recipe.toml",
            ),
        ],
    )
    def test_what_cannot_be_trained(self, toys, arguments, text):
        with pytest.raises(LevadaError) as error:
            task(toys, **arguments)
        assert str(error.value) == text

    def test_no_score_without_kept_clips(self, toys):
        with pytest.raises(LevadaError) as error:
            task(toys).score(Halved())
        assert str(error.value) == (
            "autoencoder-w4a4: keeps no clips for validation; set `validation` of the task to their number"
        )
