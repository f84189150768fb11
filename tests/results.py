"""The README's tables of results, by building networks of models/: `python -m tests.results [NETWORK...]`.

Writes docs/results.json and the rows between the marks in README.md, for all networks or anew for the named
ones. The builds go to build/. Small networks are synthesized, too; the others are verified by simulation, and
their resources are estimates.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from levada import models
from levada.build import Options, build

ROOT = Path(__file__).resolve().parent.parent
FILE, README = ROOT / "docs" / "results.json", ROOT / "README.md"
SYNTHESIZED, VERIFIED = "results: python -m tests.results", "simulated: python -m tests.results"
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


def synthesized_result(name):
    """What the README says of a network that is synthesized, too."""
    report = build(Options(name), print)[1]
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


SIMULATED_HEAD = (
    "| network | cycles a frame | frames/s | latency | LUT | DSP | BRAM18 | the command that prints it |",
    "|---|---|---|---|---|---|---|---|",
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
        "estimated_dsp": estimated.dsp,
        "estimated_bram18": estimated.bram18,
        "versions": report.versions,
    }


def simulated_row(r):
    latency = r["latency_cycles"] / r["clock_mhz"] / 1000
    return (
        f"| `{r['model']}` | {r['interval_cycles']:,} | {r['fps']:,.0f} | {latency:,.2f} ms "
        f"| {r['estimated_lut']:,} | {r['estimated_dsp']} | {r['estimated_bram18']} "
        f"| `levada build {r['model']} --flow verify --samples 2` |"
    )


def tables(results):
    """The rows of README.md, with their heads, by mark."""
    synthesized = [r for r in results if "lut" in r]
    others = [r for r in results if "lut" not in r]
    return {
        SYNTHESIZED: [*HEAD, *map(row, synthesized)],
        VERIFIED: [*SIMULATED_HEAD, *map(simulated_row, others)],
    }


def block(mark, rows):
    """What stands in a page for a table."""
    return "\n".join([f"<!-- {mark} -->", *rows, f"<!-- end of {mark.partition(':')[0]} -->"])


def markdown(heads, sides, rows):
    """The lines of a table; `sides` has a letter for each column, l or r."""
    rule = "|" + "|".join("--:" if side == "r" else "---" for side in sides) + "|"
    first, *others = ("| " + " | ".join(cells) + " |" for cells in (heads, *rows))
    return [first, rule, *others]


def between_marks(text, tables):
    """A page with other rows, by mark, between its marks."""
    for mark, rows in tables.items():
        begin, end = map(re.escape, (f"<!-- {mark} -->", f"<!-- end of {mark.partition(':')[0]} -->"))
        text = re.sub(f"{begin}.*?{end}", lambda _: block(mark, rows), text, flags=re.DOTALL)  # noqa: B023
    return text


def write(results):
    """Both tables, to docs/results.json and README.md."""
    FILE.write_text(json.dumps(results, indent=1) + "\n")
    README.write_text(between_marks(README.read_text(), tables(results)))


def main(wanted):
    synthesized = [name for name in models.names() if name.startswith("tfc-")]
    known = {r["model"]: r for r in json.loads(FILE.read_text())} if FILE.is_file() else {}
    for name in wanted or [*synthesized, *SIMULATED]:
        build_one = synthesized_result if name in synthesized else simulated
        known[name] = build_one(name)
        write([known[n] for n in (*synthesized, *SIMULATED) if n in known])


if __name__ == "__main__":
    main(sys.argv[1:])
