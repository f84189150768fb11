"""The measurement of methods: each training once, whoever does it, and what its numbers mean."""

import fcntl
import json
import math

import pytest

from levada.train import methods
from tests import method_effects as effects


def trainings(count):
    return [effects.Training((2, 2), (), seed) for seed in range(count)]


def test_every_method_is_measured():
    assert sorted(effects.EFFECTS) == methods.names()


def test_a_pair_differs_by_the_method_alone():
    for name, effect in effects.EFFECTS.items():
        without, after = effect.pair(1, 2)
        assert name not in {spec.name for spec in without.methods}
        assert name in {spec.name for spec in after.methods}
        assert (without.seed, without.epochs) == (after.seed, after.epochs)
        assert without.key != after.key


def test_each_training_is_done_once(tmp_path):
    done = []

    def train(training, folder):
        done.append((training.seed, folder.name))
        return 90.0 + training.seed

    first = effects.work(trainings(3), tmp_path, train)
    assert effects.work(trainings(4), tmp_path, train) == first | {trainings(4)[3].key: 93.0}
    assert done == [(training.seed, training.key) for training in trainings(4)]


def test_a_line_that_was_cut_off_is_trained_again(tmp_path):
    effects.work(trainings(2), tmp_path, lambda training, folder: 1.0)
    path = tmp_path / effects.RESULTS
    path.write_text(path.read_text()[:-20])
    again = []
    found = effects.work(trainings(2), tmp_path, lambda training, folder: again.append(training) or 2.0)
    assert again == trainings(2)[1:]
    assert sorted(found.values()) == [1.0, 2.0]


def test_what_another_process_trains_is_waited_for(tmp_path, monkeypatch):
    one, other = trainings(2)
    lock = (tmp_path / f"{one.key}.lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    done = []

    def other_process(_):
        """Ends while this one waits."""
        with (tmp_path / effects.RESULTS).open("a") as file:
            file.write(json.dumps({"key": one.key, "accuracy": 5.0}) + "\n")
        lock.close()

    monkeypatch.setattr(effects.time, "sleep", other_process)
    found = effects.work([one, other], tmp_path, lambda training, folder: done.append(training) or 6.0)
    assert done == [other]
    assert found == {one.key: 5.0, other.key: 6.0}


def test_interval():
    """Of 1, 2 and 3: t of two degrees of freedom is 4.303."""
    mean, half = effects.interval([1.0, 2.0, 3.0])
    assert mean == 2.0
    assert half == pytest.approx(4.3027 / math.sqrt(3), rel=1e-4)


@pytest.mark.parametrize(
    ("gains", "verdict"),
    [
        ((1.0, 1.1, 0.9), "reproduced"),
        ((1.0, 0.1, 0.2), "not reproduced"),
        ((-1.0, -1.1, -0.9), "not reproduced"),
        ((0.0, 0.0, 0.0), "not reproduced"),
    ],
)
def test_verdict(gains, verdict):
    bases = (90.0, 95.0, 85.0)
    found = effects.row("saq", [(base, base + gain) for base, gain in zip(bases, gains, strict=True)])
    assert found[2] == "90.00 ± 12.42"
    assert found[-1] == verdict
