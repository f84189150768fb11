"""Runs of training on networks and data small enough to know the answer."""

from __future__ import annotations

import dataclasses
import importlib
from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from levada import models
from levada.train import Machine, Recipe
from levada.train import run as runs
from levada.train.recipe import MethodSpec
from levada.train.run import Job, Run
from levada.train.task import Batch, Task
from tests.require_tools import require

quantizers = importlib.import_module("levada.models.blocks.quantizers")


@dataclasses.dataclass
class Fixed(Task):
    """The same batches each epoch; targets as the loss wants them."""

    data: list[Batch]
    measure: object = nn.functional.mse_loss

    @property
    def steps(self):
        return len(self.data)

    def digest(self):
        return "fixed"

    def batches(self, random):
        yield from self.data

    def loss(self, outputs, targets):
        return self.measure(outputs, targets)

    def judge(self, network, file, log):
        return None


def beginner(monkeypatch, tmp_path):
    """Starts a real run of any network on any task, with methods given as {name: options}."""
    require("lightning_fabric")
    model = models.find("tfc-w2a2")

    def started(build, task, methods=None, epochs=1, rate=0.01, folder=tmp_path, log=[].append):
        family = SimpleNamespace(build=lambda variant: build(), constrain=lambda network: None)
        monkeypatch.setattr(runs, "family_of", lambda model: family)
        specs = tuple(MethodSpec(name, tuple(options.items())) for name, options in (methods or {}).items())
        recipe = Recipe(1, epochs, 1, rate, methods=specs)
        return Run(Machine().fabric(), Job(model, recipe, task, folder, log))

    return started


def numbers(count, *shape, seed=1):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(count, *shape)).astype(np.float32))


def epochs(run):
    while run.epoch < run.recipe.epochs:
        run.one_epoch(None)
    return run


def layer(bits=4, inputs=6, outputs=3):
    return quantizers.linear(inputs, outputs, bits)
