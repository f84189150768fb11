"""The README's tables of results, by building networks of models/: `python -m tests.results`.

Writes docs/results.json and the rows between the marks in README.md. The builds go to build/. Small networks
are synthesized, too; the others are verified by simulation, and their resources are estimates.
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
SIMULATED_MARKS = ("<!-- simulated: python -m tests.results -->", "<!-- end of simulated -->")
SIMULATED = (
    "cnv-w1a1",
    "resnet8-w4a4",
    "dscnn-w4a4",
    "autoencoder-w4a4",
    "mobilenetv1-w4a4",
    "tinyyolov3-w4a4-96",
    "lpyolo-w4a4",
    "espcn-x2-w8a8",
    "xcat-x2-w4a4",
)
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


SIMULATED_HEAD = (
    "| network | cycles a frame | frames/s | latency | LUT | BRAM18 | the command that prints it |",
    "|---|---|---|---|---|---|---|",
)


def simulated(name):
    """What the README says of a network that is verified by simulation."""
    report = build(Options(name, flow="verify", samples=2, rtl_frames=2), print)[1]
    estimated = report.resources.estimated
    return {
        "model": name,
        "clock_mhz": report.clock_mhz,
        "fps": report.fps,
        "interval_cycles": report.cycles.simulated,
        "latency_cycles": report.latency_cycles,
        "estimated_lut": estimated.lut,
        "estimated_bram18": estimated.bram18,
        "versions": report.versions,
    }


def simulated_row(r):
    latency = r["latency_cycles"] / r["clock_mhz"] / 1000
    return (
        f"| `{r['model']}` | {r['interval_cycles']:,} | {r['fps']:,.0f} | {latency:,.2f} ms "
        f"| {r['estimated_lut']:,} | {r['estimated_bram18']} "
        f"| `levada build {r['model']} --flow verify --samples 2` |"
    )


def between(text, marks, rows):
    """The text with other rows between two marks."""
    begin, end = (re.escape(mark) for mark in marks)
    inner = "\n".join([marks[0], *rows, marks[1]])
    return re.sub(f"{begin}.*?{end}", lambda _: inner, text, flags=re.DOTALL)


def main():
    names = [name for name in models.names() if name.startswith("tfc-")]
    results = [result(build(Options(name), print)[1]) for name in names]
    others = [simulated(name) for name in SIMULATED]
    FILE.write_text(json.dumps([*results, *others], indent=1) + "\n")
    readme = ROOT / "README.md"
    text = between(readme.read_text(), MARKS, table(results).splitlines())
    rows = [*SIMULATED_HEAD, *map(simulated_row, others)]
    readme.write_text(between(text, SIMULATED_MARKS, rows))


if __name__ == "__main__":
    main()
