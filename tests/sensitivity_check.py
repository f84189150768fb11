"""Sources of sensitivities against each other: `python -m tests.sensitivity_check [MODEL] [--epochs N] ...`.

Trains the widest candidate, and asks each source of `levada/search/sensitivities/` what the widths cost that
the strategy `integer` chooses from. Printed are the seconds of processor time that each took, on one core,
and Spearman's rank correlation with the measured losses: of all widths below the widest, which has a part
that is no news, as fewer bits cost more; and of the knobs at one width, as the mean of these widths. Goes on
where an earlier run of the same command stopped; seconds are those of the last part then.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import spearmanr

from levada.search import sensitivities
from levada.search.clock import Deadline
from levada.search.context import Search
from levada.search.strategies.integer import Integer
from levada.search.trials import storage
from levada.search.workers import workers
from tests.search_setup import add_arguments, prepared

TRUTH = "measured"


def of_all(one, other) -> float:
    """Spearman's correlation of two sources, {bits: loss} for each knob, but for the widest widths."""
    pairs = [(a[bits], b[bits]) for a, b in zip(one, other, strict=True) for bits in a if bits < max(a)]
    return float(spearmanr(*zip(*pairs, strict=True)).statistic)


def of_knobs(one, other) -> float:
    """The mean of the correlations at each width that three knobs or more have, and not as their widest."""
    found = []
    for bits in sorted({bits for own in one for bits in own}):
        pairs = [(a[bits], b[bits]) for a, b in zip(one, other, strict=True) if bits in a and bits < max(a)]
        if len(pairs) > 2:
            found.append(float(spearmanr(*zip(*pairs, strict=True)).statistic))
    return float(np.mean(found))


def asked(search, name, options):
    """Losses of a source and the seconds that it took, from the search's folder or found out now."""
    path = search.folder / f"{name}.json"
    if not path.is_file():
        source = sensitivities.create(name, options)
        start = time.process_time()
        losses = source.losses(search)
        found = {"seconds": time.process_time() - start, "losses": losses}
        path.write_text(json.dumps(found), encoding="utf-8")
    found = json.loads(path.read_text(encoding="utf-8"))
    losses = [{int(bits): loss for bits, loss in own.items()} for own in found["losses"]]
    return losses, found["seconds"]


def report(found) -> Table:
    """A row for each source, of {name: (losses, seconds)}."""
    table = Table("Source", "Seconds", "All widths", "Knobs at one width", box=None)
    truth, _ = found[TRUTH]
    for name, (losses, seconds) in found.items():
        correlations = of_all(losses, truth), of_knobs(losses, truth)
        table.add_row(name, f"{seconds:.1f}", *(f"{value:.2f}" for value in correlations))
    return table


def parsed(arguments):
    parser = argparse.ArgumentParser(prog="python -m tests.sensitivity_check")
    add_arguments(parser, bits="2,4,8", epochs="of the widest candidate", out="build/sensitivity_check")
    parser.add_argument("--steps", type=int, default=Integer.steps, help="as integer's")
    parser.add_argument("--batches", type=int, default=Integer.batches, help="as integer's")
    parser.add_argument("--vectors", type=int, default=Integer.vectors, help="as integer's")
    return parser.parse_args(arguments)


def main(arguments=None) -> int:
    options = parsed(arguments)
    found, goal, recipe, folder = prepared(options)
    search = Search(
        subject=found,
        goal=goal,
        recipe=recipe,
        finetune=None,
        folder=folder,
        designs=1,
        seed=options.seed,
        deadline=Deadline(),
        proposing=Deadline(),
        workers=workers(1),
        storage=storage(str(folder / "trials.log")),
        log=print,
    )
    search.train_widest()
    numbers = {name: getattr(options, name) for name in ("steps", "batches", "vectors")}
    names = sorted(sensitivities.names(), key=lambda name: (name != TRUTH, name))
    console = Console(width=110)
    console.print(report({name: asked(search, name, numbers) for name in names}))
    knobs = len(found.space.knobs)
    console.print(
        f"{options.model}: {knobs} widths to choose; widest trained for {recipe.epochs} epochs; {numbers}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
