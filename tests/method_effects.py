"""What each method of training does for a real network: `make bench-methods`, for named methods by ARGS.

Trains models/digits on MNIST, shortened, with and without each method, from the same seeds, and asks whether
the mean of the paired differences is surely above 0 (Student's t, 95 %). One line a training goes to
build/method_effects/results.jsonl: what stands there is not trained again, an interrupted training goes on
from its last epoch, and any number of processes may work at once, each on trainings of its own. `--write`
puts the table into docs/training.md, too.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy import stats
from torch import nn

from levada import content, models
from levada.train import Recipe, as_floats, one_thread
from levada.train.classification import Classification
from levada.train.loop import fit
from levada.train.publish import run_torch
from levada.train.recipe import MethodSpec
from levada.train.run import Job
from levada.train.task import wide_family_of
from tests import once
from tests.results import between_marks, markdown

PAGE = Path(__file__).resolve().parent.parent / "docs" / "training.md"
MARK = "effects: python -m tests.method_effects"
FOLDER = Path("build/method_effects")
MODEL = "digits-w2a2"
EPOCHS, BATCH, RATE = 2, 100, 0.005
SEEDS = 3
LEVEL = 0.95


@dataclass(frozen=True)
class Training:
    """One training of digits: (weight, activation) bits of all layers, methods, seed."""

    bits: tuple[int, int]
    methods: tuple[MethodSpec, ...]
    seed: int
    epochs: int = EPOCHS

    @property
    def key(self) -> str:
        """Of all that its result depends on, but for the code."""
        return content.digest(json.dumps(asdict(self)))[:16]


@dataclass(frozen=True)
class Effect:
    """What a method claims, and the pair of trainings that may show it: widths and methods of either."""

    claim: str
    bits: tuple[int, int]
    without: tuple[MethodSpec, ...]
    others: tuple[MethodSpec, ...]
    from_bits: tuple[int, int] | None = None

    def pair(self, seed: int, epochs: int) -> tuple[Training, Training]:
        """Without it, and with it."""
        first = Training(self.bits, self.without, seed, epochs)
        return first, Training(self.from_bits or self.bits, self.others, seed, epochs)


def spec(name: str, **options: bool | float | str) -> MethodSpec:
    """A method as a recipe names it."""
    return MethodSpec(name, tuple(sorted(options.items())))


def _added(claim: str, bits: tuple[int, int], *base: MethodSpec, new: MethodSpec) -> Effect:
    return Effect(claim, bits, base, (*base, new))


# With statistics of the last steps alone, accuracies of two bits scatter by more than most methods gain. So
# all that can have those of their final weights, as the recipes of models/ do.
_SURE, _FLOAT, _FITTED = spec("bn_reestimation"), spec("full_precision"), spec("calibration")
_LOW, _AFTER = (2, 2), (3, 3)


def _trained(claim: str, new: MethodSpec, bits: tuple[int, int] = _LOW) -> Effect:
    """Of a method that acts while a network is trained."""
    return _added(claim, bits, _SURE, new=new)


def _finished(*base: MethodSpec, new: MethodSpec) -> Effect:
    """Of a method that quantizes a network that was trained without rounding."""
    return _added("better after training", _AFTER, _FLOAT, *base, _SURE, new=new)


EFFECTS = {
    "attention_rounding": _finished(_FITTED, new=spec("attention_rounding")),
    "bias_correction": _added("better after training", _AFTER, _FLOAT, _FITTED, new=spec("bias_correction")),
    "bn_reestimation": _added("better in evaluation", _LOW, new=_SURE),
    "calibration": _finished(new=_FITTED),
    "dampening": _trained("less oscillation, better", spec("dampening")),
    "distillation": _trained("better by a teacher's answers", spec("distillation")),
    "freezing": _trained("less oscillation, better", spec("freezing")),
    "full_precision": _trained("better if rounding comes late", spec("full_precision", part=0.5)),
    "hero": _finished(new=spec("hero")),
    "information_retaining": _trained("better binary weights", spec("information_retaining"), bits=(1, 2)),
    "learned_bits": Effect(
        "better than equal widths, same mean",
        _LOW,
        (spec("learned_scales"), _SURE),
        (spec("learned_bits", weight_bits=2.0, activation_bits=2.0, strength=1.0), _SURE),
        from_bits=(4, 4),
    ),
    "learned_levels": _trained("better than equal distances", spec("learned_levels", width=5)),
    "narrow_rows": Effect(
        "better than so few bits in all channels",
        _LOW,
        (_SURE,),
        (spec("narrow_rows"), _SURE),
        from_bits=(4, 2),
    ),
    "nested": Effect("upper bits of the weights serve, too", (4, 2), (_SURE,), (spec("nested", bits="4,2"),)),
    "learned_rounding": _finished(_FITTED, new=spec("learned_rounding")),
    "learned_scales": _trained("better than fixed scales", spec("learned_scales")),
    "noise_decay": _trained("better than plain rounding", spec("noise_decay")),
    "nonuniform_thresholds": _trained("better than equal steps", spec("nonuniform_thresholds")),
    "saq": _trained("flatter, better", spec("saq")),
}


def train(training: Training, folder: Path) -> once.Entry:
    """Trains; kept is the percent of the 10,000 test images that torch classifies rightly then."""
    model = models.find(MODEL)
    recipe = Recipe(training.seed, training.epochs, BATCH, RATE, shift=1, methods=training.methods)
    data = models.load_data(model)
    make = functools.partial(uniform, MODEL, training.bits)
    job = Job(model, recipe, Classification(model, recipe, data), folder, quiet, make=make, key=training.key)
    with one_thread():
        network = fit(job)
        logits = run_torch(network, as_floats(model, data.x_test))[0]
    accuracy = 100 * float(np.mean(logits.argmax(axis=1) == data.y_test))
    return {"accuracy": accuracy, "training": asdict(training)}


def uniform(name: str, bits: tuple[int, int]) -> nn.Module:
    """A model's network, untrained, all layers with weights and activations of the same bits.

    Raises:
        LevadaError: the family does not build it.
    """
    model = models.find(name)
    family = wide_family_of(model)
    own = family.widths_of(model.variant)
    weights, activations = (bits[0],) * len(own.weights), (bits[1],) * len(own.activations)
    return family.build(model.variant, own._replace(weights=weights, activations=activations))


def quiet(_: str) -> None:
    """The log of a training whose result alone counts."""


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean of values, and half the width of its 95 % interval by Student's t."""
    deviation = np.std(values, ddof=1) / np.sqrt(len(values))
    return float(np.mean(values)), float(stats.t.ppf((1 + LEVEL) / 2, len(values) - 1) * deviation)


def row(name: str, pairs: Sequence[tuple[float, float]]) -> list[str]:
    """Of the table, for the accuracies (without, with) of each seed."""
    without, others = zip(*pairs, strict=True)
    gain, half = interval([after - before for before, after in pairs])
    shown = [
        f"{mean:.2f} ± {width:.2f}" for mean, width in (interval(without), interval(others), (gain, half))
    ]
    return [name, EFFECTS[name].claim, *shown, "reproduced" if gain - half > 0 else "not reproduced"]


HEAD = ("method", "claim", "% without", "% with", "difference", "verdict")


def write(rows: Sequence[Sequence[str]], page: Path) -> None:
    """Puts the table between its marks."""
    page.write_text(between_marks(page.read_text(), {MARK: markdown(HEAD, "llrrrl", rows)}))


def main() -> int:
    """Trains and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("methods", nargs="*", metavar="METHODS", help=f"of {', '.join(sorted(EFFECTS))}")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--write", action="store_true", help=f"into docs/{PAGE.name}, too")
    options = parser.parse_args()
    if unknown := set(options.methods) - EFFECTS.keys():
        parser.error(f"{', '.join(sorted(unknown))}: no such method")
    if options.seeds < 2 or options.epochs < 1:
        parser.error("an interval needs --seeds of 2 or more, and --epochs of 1 or more")
    names, seeds = options.methods or sorted(EFFECTS), range(1, options.seeds + 1)
    pairs = {name: [EFFECTS[name].pair(seed, options.epochs) for seed in seeds] for name in names}
    done = once.work(list(itertools.chain(*itertools.chain(*pairs.values()))), FOLDER, train)
    found = {key: entry["accuracy"] for key, entry in done.items()}
    rows = [row(name, [(found[a.key], found[b.key]) for a, b in pairs[name]]) for name in names]
    table = Table(*HEAD, box=None)
    for cells in rows:
        table.add_row(*cells)
    Console(width=118).print(table)
    if options.write:
        write(rows, PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
