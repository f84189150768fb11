"""Designs at the limit of a board, each simulated and counted: `python -m tests.designs [NAME...]`.

Builds all designs, or the named ones anew, and writes docs/benchmarks.json and the tables of
docs/benchmarks.md. A design takes between two minutes and half an hour of two cores.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from levada.build import Options, build
from tests.results import between_marks

ROOT = Path(__file__).resolve().parent.parent
FILE, PAGE = ROOT / "docs" / "benchmarks.json", ROOT / "docs" / "benchmarks.md"
RATES = "rates: python -m tests.designs"
UNROLLED = "unrolled: python -m tests.designs"
SPLITS = "splits: python -m tests.designs"
COUNTS = ("lut", "ff", "dsp", "bram18")


@dataclass(frozen=True)
class Design:
    """A network folded for a rate, or (without one) as fast as the lanes that it may use allow."""

    model: str
    fps: int | None = None
    lanes: str = "split"
    board: str = "pynq-z2"

    @property
    def name(self):
        """What it is called on the command line of this script."""
        return f"{self.model}-{self.fps or self.lanes}"

    @property
    def command(self):
        """What a user types to build it."""
        how = f"--target-fps {self.fps}" if self.fps else f"--objective throughput --lanes {self.lanes}"
        board = "" if self.board == Options.board else f"--board {self.board} "
        return f"levada build {self.model} {board}{how} --samples 2"

    def options(self):
        """The same for this script."""
        objective = None if self.fps else "throughput"
        folder = ROOT / "build" / self.name
        return Options(
            self.model,
            board=self.board,
            out=folder,
            target_fps=self.fps,
            samples=2,
            rtl_frames=2,
            objective=objective,
            lanes=self.lanes,
        )


FOR_A_RATE = (
    Design("lpyolo-w4a4", 577),
    Design("lpyolo-w4a4", 1_155),
    Design("cnv-w1a1", 12_000),
    Design("cnv-w1a2", 6_000),
    Design("cnv-w2a2", 4_000),
    Design("tfc-w2a2", 1_562_500),
)
# A frame a cycle: every weight is a constant, and no memory port could feed it.
UNFOLDED = (Design("tfc-w2a2", 100_000_000, board="zc706"),)
COMPARED = tuple(
    Design(model, lanes=lanes)
    for model in ("resnet8-w4a4", "resnet8-w8a8")
    for lanes in ("lut", "dsp", "split")
)


def result(design):
    """What the page says of a design."""
    report = build(design.options(), print)[1]
    return {
        "design": design.name,
        "cycles": report.cycles.simulated,
        "fps": report.fps,
        "latency_cycles": report.latency_cycles,
        "mismatches": sum(level.mismatches for level in report.levels.values()),
        "estimated": {key: getattr(report.resources.estimated, key) for key in COUNTS},
        **{key: getattr(report.resources.synthesized, key) for key in COUNTS},
    }


def rate_row(design, r):
    """A row of the first table."""
    counts = " | ".join(f"{r[key]:,}" for key in COUNTS)
    rate = f"{r['cycles']:,} | {r['fps']:,.0f}"
    return f"| `{design.model}` | {rate} | {counts} | {r['mismatches']} | `{design.command}` |"


def split_row(design, r, known):
    """A row of the second table: also how much faster the design is than the best of one kind of lanes."""
    others = [
        known[d.name]["fps"]
        for d in COMPARED
        if d.model == design.model and d.lanes != "split" and d.name in known
    ]
    gain = f"{r['fps'] / max(others):.2f} x" if design.lanes == "split" and len(others) == 2 else ""
    counts = " | ".join(f"{r[key]:,}" for key in COUNTS)
    return (
        f"| `{design.model}` | {design.lanes} | {r['cycles']:,} | {r['fps']:,.0f} | {gain} | {counts} "
        f"| {r['mismatches']} | `{design.command}` |"
    )


def tables(known):
    """The rows of the page, with their heads, by mark."""
    counts = "LUT | FF | DSP | BRAM18 | mismatches | command |"
    head = [f"| network | cycles a frame | frames/s | {counts}", "|---|" + "---|" * 8]
    rates = head + [rate_row(design, known[design.name]) for design in FOR_A_RATE if design.name in known]
    unrolled = head + [rate_row(design, known[design.name]) for design in UNFOLDED if design.name in known]
    splits = [f"| network | lanes in | cycles a frame | frames/s | gain | {counts}", "|---|" + "---|" * 10]
    splits += [split_row(design, known[design.name], known) for design in COMPARED if design.name in known]
    return {RATES: rates, UNROLLED: unrolled, SPLITS: splits}


def measured():
    """What is written down of each design, by its name."""
    return {r["design"]: r for r in json.loads(FILE.read_text())} if FILE.is_file() else {}


def main(wanted):
    """Builds designs, one after the other, and writes each down as soon as it is done."""
    known = measured()
    designs = {design.name: design for design in (*FOR_A_RATE, *UNFOLDED, *COMPARED)}
    for name in wanted or designs:
        known[name] = result(designs[name])
        FILE.write_text(json.dumps([known[n] for n in designs if n in known], indent=1) + "\n")
        PAGE.write_text(between_marks(PAGE.read_text(), tables(known)))


if __name__ == "__main__":
    main(sys.argv[1:])
