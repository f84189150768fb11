"""Small trainings that other processes can run, too: `python -m tests.unit.trainings FOLDER STEP`."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from levada import models
from levada.train import Recipe
from levada.train.classification import Classification
from levada.train.loop import fit
from levada.train.recipe import MethodSpec
from levada.train.run import Job
from levada.train.task import Batch, Task, to_stderr

data = importlib.import_module("levada.models.data")
tfc = importlib.import_module("levada.models.tfc.tfc")


def stripes(count, seed, noise=100):
    """Images of ten classes: class k has a bright stripe at height 2k + 4, all else is noise."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, 10, count)
    images = rng.integers(0, noise, (count, 1, 28, 28))
    images[np.arange(count), 0, 2 * classes + 4] = 255
    return images.astype(np.uint8), classes.astype(np.int64)


def dataset(count=90, tests=30):
    return data.Dataset("stripes", *stripes(count, 1), *stripes(tests, 2))


class Patches(Task):
    """Three steps of making random patches twice as large: the mean of means is the mean of all."""

    steps = 3

    def digest(self) -> str:
        return "patches"

    def batches(self, random) -> Iterator[Batch]:
        for _ in range(self.steps):
            large = random.random((4, 1, 16, 16), np.float32)
            yield Batch(torch.from_numpy(large[:, :, ::2, ::2].copy()), torch.from_numpy(large))

    def loss(self, outputs, targets):
        return torch.nn.functional.l1_loss(outputs, targets)

    def judge(self, network, file, log) -> None:
        raise AssertionError("is never exported")


def kill_at(step):
    """Lets this process die as by kill -9, after the optimizer's step of that number."""
    steps, true = [], tfc.constrain

    def constrain(network):
        true(network)
        steps.append(network)
        if len(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    tfc.constrain = constrain


def stateful(folder, log=to_stderr):
    """Six epochs of 25 steps, with a method that has a state of its own."""
    recipe = Recipe(3, 6, 16, 0.01, shift=1, methods=(MethodSpec("freezing", (("momentum", 0.1),)),))
    model = models.find("tfc-w2a2")
    return fit(Job(model, recipe, Classification(model, recipe, dataset(400)), folder, log))


if __name__ == "__main__":
    kill_at(int(sys.argv[2]))
    stateful(Path(sys.argv[1]))
