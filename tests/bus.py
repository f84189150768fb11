"""What memory costs a whole chip: `python -m tests.bus [NETWORK...]`.

Builds networks, sends frames through the driver to the chip in Verilator (registers, engines, AXI ports,
memory), compares all results, and writes docs/bus.json and the table of docs/chip.md. The interval between
frames over the bus is that of the last frames of a batch: a longer one less a shorter one.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from levada_driver import Accelerator

from levada.build import Options, build
from tests.results import between_marks

ROOT = Path(__file__).resolve().parent.parent
FILE, PAGE = ROOT / "docs" / "bus.json", ROOT / "docs" / "chip.md"
MARK = "bus: python -m tests.bus"
#: Frames of the shorter and of the longer batch: a whole pipeline of them, and as many as a minute simulates.
NETWORKS = {"tfc-w2a2": (100, 200), "cnv-w1a1": (8, 16), "lpyolo-w4a4": (2, 4)}
HEAD = (
    "| network | cycles a frame without memory | with memory | frames compared | mismatches | command |",
    "|---|---|---|---|---|---|",
)


def measured(name: str) -> dict[str, object]:
    """The row of a network."""
    folder = ROOT / "build" / f"{name}-bus"
    build(Options(name, out=folder, flow="simulate", samples=2, rtl_frames=2), print)
    cycles, mismatches, compared = [], 0, 0
    with Accelerator(folder / "deploy", "rtlsim") as accelerator:
        samples, golden = accelerator.samples()
        for frames in NETWORKS[name]:
            picked = np.arange(frames) % len(samples)
            got = accelerator.run_integers(samples[picked])
            mismatches += int(np.any(got != golden[picked], axis=1).sum())
            compared += frames
            cycles.append(accelerator._chip.cycles)
        short, long = NETWORKS[name]
        return {
            "network": name,
            "interval": accelerator.manifest.interval,
            "over_bus": (cycles[1] - cycles[0]) / (long - short),
            "frames": compared,
            "mismatches": mismatches,
        }


def row(r: dict[str, object]) -> str:
    """As the page has it."""
    return (
        f"| `{r['network']}` | {r['interval']:,} | {r['over_bus']:,.1f} | {r['frames']} | {r['mismatches']} "
        f"| `python -m tests.bus {r['network']}` |"
    )


def main(wanted: list[str]) -> None:
    """Measures networks, and writes each down as soon as it is done."""
    known = {r["network"]: r for r in json.loads(FILE.read_text())} if FILE.is_file() else {}
    for name in wanted or NETWORKS:
        known[name] = measured(name)
        kept = [known[n] for n in NETWORKS if n in known]
        FILE.write_text(json.dumps(kept, indent=1) + "\n")
        PAGE.write_text(between_marks(PAGE.read_text(), {MARK: [*HEAD, *map(row, kept)]}))


if __name__ == "__main__":
    main(sys.argv[1:])
