"""Networks of random weights, where training data cannot be had: `python -m levada.models.seeded NAME`.

Their batch normalisations are calibrated on generated frames, so that the integers at every layer vary as
they do in a trained network. They show that a topology can be built, simulated and measured; what they answer
means nothing.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from levada import models, train
from levada.models import Model

from .blocks.calibrate import calibrate

_WEIGHTS, _FRAMES = 1, 2  # seeds
_CALIBRATION = 1_000_000  # values of the inputs that statistics are taken on; at least 4 frames


class Family(train.Family, Protocol):
    """What a family's module offers beside what training needs."""

    def frames(self, variant: str, count: int, seed: int) -> NDArray[np.integer[Any]]:
        """Generated inputs [count, ...], as integers of the model's input type."""


def network(model: Model) -> nn.Module:
    """The seeded and calibrated network of `model`, in evaluation mode."""
    family = cast("Family", importlib.import_module(f"levada.models.{model.family}.{model.family}"))
    size = family.frames(model.variant, 1, _FRAMES).size
    count = min(256, max(4, _CALIBRATION // size))
    inputs = train.as_floats(model, family.frames(model.variant, count, _FRAMES))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_WEIGHTS)
        made = family.build(model.variant)
        calibrate(made, torch.from_numpy(inputs))
    return made


def write(name: str, out: Path | None = None) -> tuple[Path, Path]:
    """Makes the .onnx and samples files of model `name` in `out`, else in the family's folder.

    Raises:
        LevadaError: there is no such model.
        CheckFailedError: torch and the exported file disagree.
    """
    model = models.find(name)
    with train.one_thread():
        made = train.publish(model, network(model), out or model.onnx.parent)
    return made.onnx, made.samples


def _main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m levada.models.seeded", description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME", help="a model of `levada models`")
    parser.add_argument("--out", type=Path, help="folder for the files; the family's unless given")
    options = parser.parse_args(arguments)
    for name in options.names:
        for path in write(name, options.out):
            sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    _main(sys.argv[1:])
