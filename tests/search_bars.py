"""Searched widths against uniform ones: `python -m tests.search_bars [MODEL...] [--seeds N] [--jobs N]`.

For each network and seed all strategies search within the same share of a board, and train their designs in
the same way. Printed, and written to docs/search.json and the tables of docs/search.md:

- the best uniform pair of widths, by its mean over the seeds; how much faster the fastest design of each
  search is that is as good as that pair trained from the same seed, to within a tolerance, and what it gains
  or loses on test examples, which nothing was chosen by; the same against the fastest uniform pair that is as
  good; and how much better the best searched design is that is as fast as the latter;
- the part of the area under the front of all designs that each strategy's own front covers;
- the designs compared, built: mismatches at all levels, cycles, resources by Yosys.

Rows of networks, and of strategies, that are left out stay what an earlier run has left; areas are of all
strategies together, so they are only made anew with several. All is kept under build/bars, so that it goes on
after an interruption. It takes hours.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import re
import time
from pathlib import Path

import numpy as np
from pymoo.indicators.hv import HV
from rich.console import Console
from rich.table import Table

from levada import build, models
from levada.search import result, strategies
from levada.search.search import Options, search
from levada.search.work import NETWORK, PARTITION
from tests import method_effects
from tests.results import between_marks, markdown

ROOT = Path(__file__).resolve().parent.parent
FILE, PAGE = ROOT / "docs" / "search.json", ROOT / "docs" / "search.md"
WORK = Path("build/bars")
BUDGET = "15%"
DESIGNS, ALL = 12, 1000
FRAMES, RTL_FRAMES = 64, 8
# Qualities are sums of a few decimals.
ROUNDING = 1e-9


@dataclasses.dataclass(frozen=True)
class Case:
    """A network, its widths, and what is compared.

    Attributes:
        finetune: epochs of designs that begin with trained weights; None for the whole recipe.
        tolerance: what counts as the same quality.
        time: for a search.
        shape: what strategies choose that can; uniform designs have the network's own.
        target_fps: frames a second that searched designs have to reach; the most there are where it is None.
        settings: of a strategy, other than what it has unless told otherwise.
    """

    model: str
    weights: tuple[int, ...]
    activations: tuple[int, ...]
    finetune: int | None
    tolerance: float
    time: str
    shape: tuple[tuple[str, tuple[int, ...]], ...] = ()
    target_fps: float | None = None
    settings: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()


# Fewer weights of ESPCN than 4 bits, and fewer activations than 6, lose half a dB. The rate is 1.3 times that
# of its best uniform pair, w8a8.
CASES = (
    Case("digits-w4a4", (2, 3, 4, 6, 8), (2, 3, 4, 6, 8), 1, 0.1, "30m"),
    Case(
        "espcn-x2-w8a8",
        (4, 5, 6, 8),
        (6, 8),
        None,
        0.05,
        "2h",
        (("channels", (12, 16, 24, 32)), ("depth", (0, 1))),
        3600,
        (("oneshot", (("objectives", "loss"),)),),
    ),
)


def searched(case, seed, strategy, jobs):
    """search.json of one search, from build/bars or made now."""
    folder = WORK / case.model / str(seed)
    path = folder / f"{strategy}.json"
    if not path.is_file():
        start = time.perf_counter()
        free = strategy != "uniform"
        options = Options(
            case.model,
            budget=BUDGET,
            strategy=strategy,
            weights=case.weights,
            activations=case.activations,
            designs=DESIGNS if free else ALL,
            finetune=case.finetune,
            seed=seed,
            time=case.time if free else None,
            target_fps=case.target_fps if free else None,
            settings=dict(case.settings).get(strategy, ()),
            shape=case.shape if free and strategies.create(strategy, {}).shapes else (),
            out=folder,  # one for all strategies: what is trained for one is there for the others
            jobs=jobs,
        )
        found = search(options, print)
        saved = result.save(found) | {"took": time.perf_counter() - start}
        places = {str(d.candidate): found.search.work.place_of(d.candidate) for d in found.designs}
        for own in saved["designs"]:
            own["folder"] = str(places[own["candidate"]])
        path.write_text(json.dumps(saved, indent=1) + "\n")
    return json.loads(path.read_text())


def fps(design):
    return design["cost"]["fps"]


def fitting(found):
    return [design for design in found["designs"] if design["cost"]["fits"]]


class Pair:
    """A uniform pair of widths: its design for each seed."""

    def __init__(self, designs):
        self.designs = designs

    @property
    def name(self):
        return re.search(r"w\d+a\d+", self.designs[0]["candidate"])[0]

    @property
    def quality(self):
        return float(np.mean([d["quality"] for d in self.designs]))

    @property
    def fps(self):
        return float(np.mean([fps(d) for d in self.designs]))


def pairs(runs):
    """Those that fit whatever the seed."""
    every = [{d["candidate"]: d for d in fitting(found)} for found in runs]
    return [Pair([own[name] for own in every]) for name in every[0] if all(name in own for own in every)]


def best_pairs(runs, tolerance):
    """The one of the highest quality, and the fastest that is as good."""
    known = pairs(runs)
    best = max(known, key=lambda pair: (pair.quality, pair.fps))
    good = [pair for pair in known if pair.quality >= best.quality - tolerance - ROUNDING]
    return best, max(good, key=lambda pair: (pair.fps, pair.quality))


def as_good(found, uniform, tolerance):
    """The fastest design that is as good; None if there is none."""
    good = [d for d in fitting(found) if d["quality"] >= uniform["quality"] - tolerance - ROUNDING]
    return max(good, key=lambda d: (fps(d), d["quality"]), default=None)


def as_fast(found, uniform):
    """The best searched design that is as fast."""
    fast = [d for d in fitting(found) if fps(d) >= fps(uniform)]
    return max(fast, key=lambda d: (d["quality"], fps(d)), default=None)


def area(designs, everything):
    """What designs dominate of quality and the logarithm of the rate, from the worst of all designs on."""
    points = np.array([(-d["quality"], -math.log(fps(d))) for d in designs])
    worst = np.array([(-d["quality"], -math.log(fps(d))) for d in everything]).max(axis=0)
    return float(HV(ref_point=worst + 1e-9)(points))


def interval(values, unit=""):
    """The mean of several seeds and the half width of its 95 % interval (Student's t)."""
    values = np.array(values, float)
    places = 0 if values.mean() > 1000 else 2
    if len(values) < 2:
        return f"{values.mean():,.{places}f}{unit}"
    mean, half = method_effects.interval(values)
    return f"{mean:,.{places}f} ± {half:,.{places}f}{unit}"


def counted(values, seeds, unit=""):
    """The same of those seeds that have a value, and how many these are."""
    return f"{interval(values, unit)} ({len(values)} of {seeds})" if values else "none"


def compared(case, seeds, others, jobs):
    """Rows of the first two tables, and the designs that they compare."""
    runs = {s: [searched(case, seed, s, jobs) for seed in range(seeds)] for s in ("uniform", *others)}
    best, quick = best_pairs(runs["uniform"], case.tolerance)
    chosen = [("uniform", seed, d) for pair in (best, quick) for seed, d in enumerate(pair.designs)]
    gains, unit = [], runs["uniform"][0]["unit"]
    for strategy in others:
        fast = list(map(as_good, runs[strategy], best.designs, [case.tolerance] * seeds))
        good = list(map(as_fast, runs[strategy], quick.designs))
        chosen += [(strategy, seed, d) for designs in (fast, good) for seed, d in enumerate(designs) if d]
        gains.append((case.model, strategy, *gained(best, quick, fast, good, unit)))
    return gains, covered(case, runs) if len(others) > 1 else [], chosen


def gained(best, quick, fast, good, unit):
    """A row of the first table, of the designs for each seed that are as good, and that are as fast."""
    seeds = len(fast)
    met = [(d, u, q) for d, u, q in zip(fast, best.designs, quick.designs, strict=True) if d]
    tested = [d["tested"] - u["tested"] for d, u, _ in met if d["tested"] is not None]
    better = [d["quality"] - q["quality"] for d, q in zip(good, quick.designs, strict=True) if d]
    return (
        f"{best.name}: {interval([d['quality'] for d in best.designs], f' {unit}')}",
        interval([fps(d) for d in best.designs]),
        counted([fps(d) / fps(u) for d, u, _ in met], seeds),
        interval(tested, f" {unit}") if tested else "-",
        f"{quick.name}: {interval([fps(d) for d in quick.designs])}",
        counted([fps(d) / fps(q) for d, _, q in met], seeds),
        counted(better, seeds, f" {unit}"),
    )


def covered(case, runs):
    """Rows of the second table."""
    rows = []
    for strategy, found in runs.items():
        parts = []
        for seed, own in enumerate(found):
            everything = [d for all_seeds in runs.values() for d in fitting(all_seeds[seed])]
            parts.append(100 * area(fitting(own), everything) / area(everything, everything))
        minutes = np.mean([own["took"] for own in found]) / 60
        designs = np.mean([len(own["designs"]) for own in found])
        counts = f"{len(found)}", f"{designs:.0f}", f"{minutes:.0f}"
        rows.append((case.model, strategy, interval(parts, " %"), *counts))
    return rows


def verified(case, strategy, seed, design):
    """A compared design, built: at all levels, with the resources that Yosys counts."""
    folder = Path(design["folder"])
    target = WORK / case.model / str(seed) / "built" / folder.name
    report_path = target / "report.json"
    if not report_path.is_file():
        options = build.Options(
            str(folder / NETWORK),
            out=target,
            input=models.find(case.model).input,
            partition=folder / PARTITION,
            samples=FRAMES,
            rtl_frames=RTL_FRAMES,
        )
        build.build(options, print)
    report = json.loads(report_path.read_text())
    mismatches = sum(level["mismatches"] for level in report["levels"].values())
    made, cycles = report["resources"]["synthesized"], report["cycles"]
    predicted = design["cost"]
    return (
        case.model,
        strategy,
        str(seed),
        f"{design['quality']:.2f}",
        "-" if design["tested"] is None else f"{design['tested']:.2f}",
        f"{report['fps']:,.0f}",
        "exact" if cycles["predicted"] == cycles["simulated"] == predicted["cycles"] else "off",
        str(mismatches),
        f"{made['lut']:,}",
        f"{100 * (predicted['lut'] / made['lut'] - 1):+.1f} %",
        str(made["dsp"]),
        str(made["bram18"]),
    )


HEADS = {
    "gains": (
        (
            "network",
            "strategy",
            "best uniform",
            "its FPS",
            "searched, as good",
            "tested",
            "fastest as good",
            "of the fastest",
            "better, as fast as that",
        ),
        "lllrrrlrr",
    ),
    "areas": (("network", "strategy", "area", "seeds", "designs", "minutes"), "llrrrr"),
    "verified": (
        (
            "network",
            "strategy",
            "seed",
            "quality",
            "tested",
            "FPS",
            "cycles",
            "mismatches",
            "LUT",
            "estimate",
            "DSP",
            "BRAM18",
        ),
        "llrrrrlrrrrr",
    ),
}


def merged(kept, rows):
    """Rows, and those that are kept of other networks and strategies, sorted by these."""
    new = {tuple(row[:2]) for row in rows}
    models = [case.model for case in CASES]
    every = [*rows, *(row for row in kept if tuple(row[:2]) not in new)]
    return sorted(map(tuple, every), key=lambda row: (models.index(row[0]), row[1] != "uniform", row[1]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", help="of " + ", ".join(case.model for case in CASES))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--strategies", default=",".join(s for s in strategies.names() if s != "uniform"))
    own = parser.parse_args()
    tables = {name: [] for name in HEADS}
    for case in CASES:
        if own.models and case.model not in own.models:
            continue
        gains, areas, chosen = compared(case, own.seeds, own.strategies.split(","), own.jobs)
        tables["gains"] += gains
        tables["areas"] += areas
        rows = [verified(case, *one) for one in chosen]
        tables["verified"] += list(dict.fromkeys(rows))
    kept = json.loads(FILE.read_text()) if FILE.is_file() else {name: [] for name in HEADS}
    tables = {name: merged(kept[name], rows) for name, rows in tables.items()}
    for name, rows in tables.items():
        shown = Table(*HEADS[name][0], box=None)
        for row in rows:
            shown.add_row(*row)
        Console(width=150).print(shown)
    FILE.write_text(json.dumps(tables, indent=1) + "\n")
    marks = {
        f"{name}: python -m tests.search_bars": markdown(*HEADS[name], rows) for name, rows in tables.items()
    }
    PAGE.write_text(between_marks(PAGE.read_text(), marks))


if __name__ == "__main__":
    main()
