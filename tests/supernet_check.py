"""The supernet against the truth: `python -m tests.supernet_check [MODEL] [--subnets 30] [--epochs N] ...`.

Random candidates are scored as subnets of the supernet that the strategy `oneshot` trains, and each of them
is trained by itself: as a search trains its designs with `--finetune N`, or by the whole recipe (0). Printed
is Kendall's tau-b between the two, with the 95 % interval of a bootstrap over the candidates; with several
numbers of epochs also that between the trainings, which no score could exceed by much. Goes on where an
earlier run of the same command stopped.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import kendalltau

from levada.search import work
from levada.search.clock import Deadline
from levada.search.strategies.oneshot import OneShot
from levada.search.subnets import Scoring, score
from levada.search.work import Work
from levada.search.workers import workers
from levada.train.task import Score
from tests.search_setup import add_arguments, prepared

#: From which tau on scores of subnets are worth searching by.
BAR = 0.6
RESAMPLES = 2000


@dataclass(frozen=True)
class Interval:
    """Kendall's tau of all pairs, and what 95 % of the bootstrap's are between."""

    tau: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.tau:.3f} ({self.low:.3f} to {self.high:.3f})"


def agreement(one, other, seed=0) -> Interval:
    """Kendall's tau-b between two rankings of the same candidates."""
    one, other = np.asarray(one), np.asarray(other)
    random = np.random.default_rng(seed)
    drawn = random.integers(0, len(one), (RESAMPLES, len(one)))
    found = [kendalltau(one[chosen], other[chosen]).statistic for chosen in drawn]
    low, high = np.nanpercentile(found, [2.5, 97.5])
    return Interval(float(kendalltau(one, other).statistic), float(low), float(high))


def report(candidates, subnets, alone) -> Table:
    """A row for each candidate, the best by itself first."""
    table = Table("Candidate", "Subnet, loss", "By itself, loss", "Quality", box=None)
    for index in sorted(range(len(candidates)), key=lambda index: alone[index].loss):
        numbers = (subnets[index].loss, alone[index].loss)
        table.add_row(candidates[index], *(f"{n:.4f}" for n in numbers), f"{alone[index].quality:.2f}")
    return table


def parsed(arguments):
    parser = argparse.ArgumentParser(prog="python -m tests.supernet_check")
    add_arguments(parser, bits="2,3,4,5,6,8", epochs="of the widest candidate", out="build/supernet_check")
    parser.add_argument("--subnets", type=int, default=30, help="candidates to train by themselves")
    parser.add_argument("--finetune", type=int, nargs="+", default=[1], help="epochs of each")
    parser.add_argument("--supernet-epochs", type=int, default=OneShot.epochs, help="as oneshot's epochs")
    parser.add_argument("--sandwich", type=int, default=OneShot.sandwich, help="as oneshot's")
    parser.add_argument("--images", type=int, default=OneShot.images, help="as oneshot's")
    parser.add_argument("--jobs", type=int)
    return parser.parse_args(arguments)


def by_itself(job, text):
    """What a candidate reaches that is trained as designs are."""
    return work.scored(job, work.train_design(job, job.subject.space.parse(text)))


def all_by_themselves(job, candidates, jobs):
    """The scores of candidates, each trained by itself."""
    if job.finetune:
        work.train_widest(job, str(job.subject.widest))
    return [Score(**one) for one in workers(jobs).all(by_itself, [(job, text) for text in candidates])]


def main(arguments=None) -> int:
    options = parsed(arguments)
    found, goal, recipe, folder = prepared(options)
    jobs = [Work(found, goal, recipe, epochs or None, folder, Deadline()) for epochs in options.finetune]
    strategy = OneShot(epochs=options.supernet_epochs, sandwich=options.sandwich, images=options.images)
    start = time.perf_counter()
    file = strategy.supernet(jobs[0], print)
    trained = time.perf_counter()
    random = np.random.default_rng(options.seed)
    candidates = [str(found.space.draw(random)) for _ in range(options.subnets)]
    scoring = Scoring(jobs[0], file, strategy.batches, strategy.images)
    subnets = [Score(**score(scoring, text)) for text in candidates]
    scored = time.perf_counter()
    alone = [all_by_themselves(job, candidates, options.jobs) for job in jobs]
    seconds = (trained - start, scored - trained, time.perf_counter() - scored)
    console = Console(width=160)
    names = [f"{e} epochs from the widest one" if e else f"{recipe.epochs} epochs" for e in options.finetune]
    for name, scores in zip(names, alone, strict=True):
        console.print(f"\n{options.model}, {name}", report(candidates, subnets, scores))
    losses = [[score.loss for score in scores] for scores in (subnets, *alone)]
    taus = [agreement(losses[0], own) for own in losses[1:]]
    console.print("\nseconds: supernet {:.0f}, scores {:.0f}, training {:.0f}".format(*seconds))
    console.print(f"Kendall's tau of {len(candidates)} losses, with 95 % intervals; bar {BAR}:")
    for name, tau, scores in zip(names, taus, alone, strict=True):
        quality = agreement([-loss for loss in losses[0]], [score.quality for score in scores])
        console.print(f"  subnets and {name}: {tau}; with their quality: {quality}")
    for (one, first), (other, second) in combinations(zip(names, losses[1:], strict=True), 2):
        console.print(f"  {one} and {other}: {agreement(first, second)}")
    return 0 if taus[0].tau >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
