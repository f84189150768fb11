"""The supernet against the truth: `python -m tests.supernet_check [MODEL] [--subnets 30] [--epochs N] ...`.

Random candidates are scored as subnets of the supernet that the strategy `oneshot` trains, and each of them
is trained by itself. Printed is Kendall's tau-b between the two, with the 95 % interval of a bootstrap over
the candidates. Goes on where an earlier run of the same command stopped.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass

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
    add_arguments(parser, bits="2,3,4,5,6,8", epochs="of each candidate", out="build/supernet_check")
    parser.add_argument("--subnets", type=int, default=30, help="candidates to train by themselves")
    parser.add_argument("--supernet-epochs", type=int, default=OneShot.epochs, help="as oneshot's epochs")
    parser.add_argument("--sandwich", type=int, default=OneShot.sandwich, help="as oneshot's")
    parser.add_argument("--images", type=int, default=OneShot.images, help="as oneshot's")
    parser.add_argument("--jobs", type=int)
    return parser.parse_args(arguments)


def main(arguments=None) -> int:
    options = parsed(arguments)
    found, goal, recipe, folder = prepared(options)
    job = Work(found, goal, recipe, None, folder, Deadline())
    strategy = OneShot(epochs=options.supernet_epochs, sandwich=options.sandwich, images=options.images)
    start = time.perf_counter()
    file = strategy.supernet(job, print)
    trained = time.perf_counter()
    random = np.random.default_rng(options.seed)
    candidates = [str(found.space.draw(random)) for _ in range(options.subnets)]
    scoring = Scoring(job, file, strategy.batches, strategy.images)
    subnets = [Score(**score(scoring, text)) for text in candidates]
    scored = time.perf_counter()
    alone = workers(options.jobs).all(work.train_widest, [(job, text) for text in candidates])
    alone = [Score(**one) for one in alone]
    done = time.perf_counter()
    console = Console(width=160)
    console.print(report(candidates, subnets, alone))
    loss = agreement([s.loss for s in subnets], [a.loss for a in alone])
    quality = agreement([-s.loss for s in subnets], [a.quality for a in alone])
    console.print(
        f"{options.model}: {len(candidates)} candidates of {recipe.epochs} epochs; seconds: supernet "
        f"{trained - start:.0f}, scores {scored - trained:.1f}, training {done - scored:.0f}\n"
        f"Kendall's tau, with 95 % intervals: loss by itself {loss}, quality by itself {quality}; bar {BAR}"
    )
    return 0 if loss.tau >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
