"""Methods of training x bit widths x networks, ending in hardware: `make qbench`, a selection by ARGS.

Each cell trains a network by its recipe with a method, exports it, builds the file for one board and rate,
verifies it at all levels of a build, and counts its LUTs with Yosys. One line a cell goes to
build/qbench/results.jsonl: what stands there is not done again, an interrupted cell goes on from its last
epoch or from its exported file, and any number of processes may work at once, each on cells of its own. In
the end docs/quantization.json, the tables of docs/quantization.md and the plots in docs/ are written.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import json
import re
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from torch import nn

from levada import build, content, models, report
from levada.errors import LevadaError
from levada.models import Model
from levada.train import Recipe, Task, one_thread, publish, recipe, task_of
from levada.train.loop import fit
from levada.train.methods import find
from levada.train.recipe import MethodSpec
from levada.train.run import Job
from levada.train.task import family_of
from tests import once, qbench_page
from tests.method_effects import quiet, spec, uniform

FOLDER = Path("build/qbench")
BOARD = "pynq-z2"
#: Lanes in LUTs alone: what arithmetic takes is one number then.
LANES = "lut"
SEEDS = 1
#: The folder of a cell's accelerator, in its own.
BUILT = "built"
_BITS = re.compile(r"[1-9]/[1-9]")


@dataclass(frozen=True)
class Network:
    """A network to be trained and built.

    Attributes:
        model: a model of its family; the recipe is this one's.
        fps: the rate that all builds of it are folded for, at the least cost.
        bits: (weights, activations) of all layers, unless others are asked for.
        samples: frames that are compared at all levels but the RTL's.
        rtl_frames: frames that are compared in RTL simulation.
    """

    model: str
    fps: int
    bits: tuple[tuple[int, int], ...]
    samples: int
    rtl_frames: int

    @property
    def how(self) -> dict[str, int | str]:
        """What all its cells have in common, which bits are no part of."""
        return {name: value for name, value in asdict(self).items() if name != "bits"}


@dataclass(frozen=True)
class Way:
    """A way to train: methods beside those of the recipe, and what it is for.

    Attributes:
        methods: in the order of a recipe.
        weights: the least and the most bits of weights that it is for.
        classifiers: whether it is for networks with logits alone.
        why: what is said where it is not.
    """

    methods: tuple[MethodSpec, ...] = ()
    weights: tuple[int, int] = (1, 8)
    classifiers: bool = False
    why: str = ""


NETWORKS = {
    "digits": Network("digits-w4a4", 20_000, ((1, 2), (2, 2), (3, 3), (4, 4), (8, 8)), 1000, 100),
    "espcn-x2": Network("espcn-x2-w8a8", 1_000, ((2, 2), (3, 3), (4, 4), (8, 8)), 64, 4),
}
_FLOAT, _FITTED, _SHIFTED = spec("full_precision"), spec("calibration"), spec("bias_correction")
_STEPS = "it chooses steps, and weights of one bit have none"
WAYS = {
    "baseline": Way(),
    "learned_scales": Way((spec("learned_scales"),)),
    "distillation": Way((spec("distillation"),), classifiers=True, why="it learns a teacher's classes"),
    "noise_decay": Way((spec("noise_decay"),)),
    "saq": Way((spec("saq"),)),
    "freezing": Way((spec("freezing"),)),
    "nonuniform_thresholds": Way((spec("nonuniform_thresholds"),)),
    "information_retaining": Way(
        (spec("information_retaining"),), (1, 1), why="it is for weights of one bit"
    ),
    "post_training": Way((_FLOAT, _FITTED, _SHIFTED), (2, 8), why=_STEPS),
    "learned_rounding": Way((_FLOAT, _FITTED, spec("learned_rounding"), _SHIFTED), (2, 8), why=_STEPS),
    "dampening": Way((spec("dampening"),)),
    "hero": Way((spec("hero"),)),
    "late_rounding": Way((spec("full_precision", part=0.5),)),
}
#: Of these, those that are run unless others are named.
ON_REQUEST = ("dampening", "hero", "late_rounding")


@dataclass(frozen=True)
class Cell:
    """A network trained in one way, with bits of all (weights, activations), from a seed."""

    network: str
    way: str
    bits: tuple[int, int]
    seed: int
    epochs: int

    @property
    def name(self) -> str:
        """What its files are called."""
        weights, activations = self.bits
        return f"{self.network}-w{weights}a{activations}-{self.way}-{self.seed}".replace("_", "-")

    @property
    def model(self) -> Model:
        """The model whose recipe and input it has, with a file of its own."""
        model = models.find(NETWORKS[self.network].model)
        return replace(model, name=self.name, onnx=Path(f"{self.name}.onnx"), samples=Path("samples.npz"))

    @property
    def recipe(self) -> Recipe:
        """The family's, with the methods of this way behind those of its own that they do not exclude."""
        own = recipe.find(models.find(NETWORKS[self.network].model))
        methods = together(own.methods, WAYS[self.way].methods)
        return replace(own, seed=self.seed, epochs=self.epochs, methods=methods)

    @property
    def key(self) -> str:
        """Of all that its result depends on, but for the code."""
        parts = (asdict(self), repr(self.recipe), NETWORKS[self.network].how, BOARD, LANES)
        return content.digest(json.dumps(parts))[:16]

    def missing(self) -> str | None:
        """Why there is no such cell, if there is none."""
        way, (least, most) = WAYS[self.way], WAYS[self.way].weights
        model = models.find(NETWORKS[self.network].model)
        if not least <= self.bits[0] <= most or (way.classifiers and model.dataset is None):
            return way.why
        try:
            uniform(model.name, self.bits)
        except LevadaError as error:
            return str(error)
        return None


def together(own: Iterable[MethodSpec], new: tuple[MethodSpec, ...]) -> tuple[MethodSpec, ...]:
    """New methods behind those that a recipe has, without those that exclude one another."""
    names = {method.name for method in new}
    excluded = names.union(*(find(name).excludes for name in names))
    kept = (m for m in own if m.name not in excluded and not find(m.name).excludes & names)
    return (*kept, *new)


def selected(words: Iterable[str], seeds: int, epochs: int | None) -> list[Cell]:
    """All cells of a selection, those that do not exist, too.

    Args:
        words: names of networks and of ways, and bits as "2/4"; of what none is named all are taken that are
            not on request.
        seeds: how many, from 1 on.
        epochs: of all trainings, or the recipe's.

    Raises:
        LevadaError: a word is none of these.
    """
    words = list(words)
    bits = [tuple(map(int, word.split("/"))) for word in words if _BITS.fullmatch(word)]
    unknown = [w for w in words if w not in NETWORKS and w not in WAYS and not _BITS.fullmatch(w)]
    if unknown:
        raise LevadaError(
            f"{unknown[0]!r} is no network, no method and no bits; name some of "
            f"{', '.join((*NETWORKS, *WAYS))}, or bits such as 2/4"
        )
    ways = [way for way in WAYS if way in words] or [way for way in WAYS if way not in ON_REQUEST]
    return [
        Cell(network, way, pair, seed, epochs or recipe.find(models.find(NETWORKS[network].model)).epochs)
        for network in [name for name in NETWORKS if name in words] or NETWORKS
        for seed in range(1, seeds + 1)
        for pair in bits or NETWORKS[network].bits
        for way in ways
    ]


#: What is kept of a cell that is not its figures.
_OWN = ("key", "seconds")


def do(cell: Cell, folder: Path) -> once.Entry:
    """Trains, exports and builds a cell. What fails is kept, with the reason: the others go on."""
    sys.stderr.write(f"{cell.name} ...\n")
    try:
        found = trained(cell, folder) | built(cell, folder)
        shown = "{quality:.2f} {unit}, {lut:,} LUT".format(**found)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is the result
        shown = f"{type(error).__name__}: {error}".splitlines()[0]
        found = {"failed": shown}
    sys.stderr.write(f"{cell.name}: {shown}\n")
    return asdict(cell) | found


def trained(cell: Cell, folder: Path) -> once.Entry:
    """The quality of the exported network, which is in the folder then."""
    path = folder / "quality.json"
    if not path.is_file():
        task = task_of(cell.model, cell.recipe)
        make = functools.partial(uniform, NETWORKS[cell.network].model, cell.bits)
        network = fit(Job(cell.model, cell.recipe, task, folder, quiet, make=make, key=cell.key))
        with one_thread():
            quality = published(cell, task, network, folder)
        content.write_whole(path, json.dumps({"quality": quality, "unit": task.unit}))
    return json.loads(path.read_text())


def published(cell: Cell, task: Task, network: nn.Module, folder: Path) -> float:
    """Percent of the test images by the exported file; else the mean of the test photographs' PSNR, in dB.

    The file's input has the size of a patch: whole photographs go through torch, which has to agree with the
    file on the family's samples.
    """
    model = replace(cell.model, onnx=folder / cell.model.onnx, samples=folder / "samples.npz")
    accuracy = publish(model, network, folder, task.tested).accuracy
    if accuracy is not None:
        return accuracy
    upscaling = importlib.import_module(f"{models.__name__}.espcn.upscaling")
    decibels = upscaling.measure(network, task.factor, colour=task.colour).values()
    return float(np.mean([ours for _, ours in decibels]))


def built(cell: Cell, folder: Path) -> once.Entry:
    """The accelerator's figures, from the report of its build."""
    if not (folder / BUILT / report.FILE).is_file():
        build.build(options(cell, folder), quiet)
    made = report.load(folder / BUILT)
    return {
        "cycles": made.cycles.simulated,
        "predicted_cycles": made.cycles.predicted,
        "fps": made.fps,
        "latency_cycles": made.latency_cycles,
        "accuracy": made.accuracy,
        "levels": {name: [level.samples, level.mismatches] for name, level in made.levels.items()},
        **asdict(made.resources.synthesized),
        "versions": made.versions,
    }


def options(cell: Cell, folder: Path) -> build.Options:
    """How a cell is built: verified on the data set's test images, else on generated frames."""
    network, model = NETWORKS[cell.network], cell.model
    data = model.dataset
    if data is None:
        data = str(folder / "frames.npz")
        np.savez(data, x=family_of(model).frames(model.variant, network.samples, seed=1))
    return build.Options(
        str(folder / model.onnx),
        board=BOARD,
        out=folder / BUILT,
        target_fps=network.fps,
        samples=network.samples,
        rtl_frames=network.rtl_frames,
        data=data,
        input=model.input,
        lanes=LANES,
    )


def collected(
    cells: Iterable[Cell], done: dict[str, once.Entry], known: qbench_page.Results | None
) -> qbench_page.Results:
    """What is to be written down: these cells, and those known of other selections that compare with them.

    Those do not that were trained for other epochs, or built in another way.
    """
    epochs = {cell.network: cell.epochs for cell in cells}
    found = {}
    for entry in known["cells"] if known else ():
        name, how = entry["network"], (known["board"], known["lanes"], known["networks"][entry["network"]])
        same = name in NETWORKS and entry["way"] in WAYS and how == (BOARD, LANES, NETWORKS[name].how)
        if same and entry["epochs"] == epochs.get(name, entry["epochs"]):
            found[_place(entry)] = entry
    for cell in cells:
        reason = cell.missing()
        entry = asdict(cell) | {"missing": reason} if reason else done.get(cell.key)
        if entry:
            found[_place(entry)] = {name: value for name, value in entry.items() if name not in _OWN}
    there = {network for network, *_ in found}
    return {
        "board": BOARD,
        "lanes": LANES,
        "networks": {name: network.how for name, network in NETWORKS.items() if name in there},
        "methods": {name: [method.name for method in way.methods] for name, way in WAYS.items()},
        "cells": [found[place] for place in sorted(found, key=_order)],
    }


def _place(entry: once.Entry) -> tuple[str, tuple[int, int], str, int]:
    """Which of the cells it is."""
    return entry["network"], tuple(entry["bits"]), entry["way"], entry["seed"]


def _order(place: tuple[str, tuple[int, int], str, int]) -> tuple[int, tuple[int, int], int, int]:
    network, bits, way, seed = place
    return list(NETWORKS).index(network), bits, list(WAYS).index(way), seed


def main() -> int:
    """Does the cells of a selection, and writes down what there is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("selection", nargs="*", help=f"of {', '.join((*NETWORKS, *WAYS))}, and bits as 2/4")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--epochs", type=int, help="of all trainings; those of the recipes unless given")
    parser.add_argument("--write", action="store_true", help="only write down what has been done so far")
    own = parser.parse_args()
    if own.seeds < 1 or (own.epochs is not None and own.epochs < 1):
        parser.error("--seeds and --epochs need 1 or more")
    try:
        cells = selected(own.selection, own.seeds, own.epochs)
    except LevadaError as error:
        parser.error(str(error))
    existing = [cell for cell in cells if cell.missing() is None]
    done = once.results(FOLDER) if own.write else once.work(existing, FOLDER, do)
    qbench_page.write(collected(cells, done, qbench_page.measured()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
