"""The README's table of results, by building every network of models/: `python -m tests.results`.

Writes docs/results.json and the rows between the two marks in README.md. The builds go to build/.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from levada import models
from levada.build import Options, build

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "docs" / "results.json"
MARKS = ("<!-- results: python -m tests.results -->", "<!-- end of results -->")
HEAD = (
    "| network | test accuracy | frames/s | latency | LUT | FF | DSP | BRAM18 | the command that prints it |",
    "|---|---|---|---|---|---|---|---|---|",
)


def result(report):
    """What the README says of one build."""
    return {
        "model": report.model,
        "board": report.board,
        "clock_mhz": report.clock_mhz,
        "accuracy": report.accuracy,
        "fps": report.fps,
        "interval_cycles": report.cycles.simulated,
        "latency_cycles": report.latency_cycles,
        **vars(report.resources.synthesized),
        "versions": report.versions,
    }


def row(r):
    latency = r["latency_cycles"] / r["clock_mhz"]
    counts = " | ".join(f"{r[key]:,}" for key in ("lut", "ff", "dsp", "bram18"))
    return (
        f"| `{r['model']}` | {r['accuracy']:.2f} % | {r['fps']:,.0f} | {latency:.2f} µs | {counts} "
        f"| `levada build {r['model']}` |"
    )


def table(results):
    """The rows of README.md, with their head."""
    return "\n".join([*HEAD, *(row(r) for r in results)])


def main():
    results = [result(build(Options(name), print)[1]) for name in models.names()]
    FILE.write_text(json.dumps(results, indent=1) + "\n")
    readme = ROOT / "README.md"
    begin, end = (re.escape(mark) for mark in MARKS)
    inner = f"{MARKS[0]}\n{table(results)}\n{MARKS[1]}"
    readme.write_text(re.sub(f"{begin}.*?{end}", lambda _: inner, readme.read_text(), flags=re.DOTALL))


if __name__ == "__main__":
    main()
