"""What a chip takes beside its accelerator: `python -m tests.chip_costs`.

Registers, an engine to read and one to write, gearboxes between memory and streams: the difference between
a small chip and its accelerator, both mapped by Yosys. And what a serial line takes beside the chip.
"""

from __future__ import annotations

import sys

import levada.layers  # noqa: F401 - fills the registry
from levada.emit import chip, serial, sv
from levada.layer import Resources
from levada.synth import yosys
from tests.unit import packages

# Cycles of a bit on the line: 3 Mbaud at 80 MHz.
DIVISOR = 27


def difference(whole: Resources, inner: Resources) -> str:
    """What `whole` takes more than `inner`."""
    return (
        f"{whole.lut - inner.lut:,} LUT, {whole.ff - inner.ff:,} FF, {whole.dsp - inner.dsp} DSP, "
        f"{whole.bram18 - inner.bram18} BRAM18"
    )


def main() -> int:
    """Prints the counts."""
    graph, ports = packages.wide(), (1, 1)
    designs = {
        serial.TOP: chip.sources(graph, ports) | serial.sources(graph, ports, DIVISOR),
        chip.TOP: chip.sources(graph, ports),
        sv.TOP: sv.sources(graph),
    }
    counted = {name: yosys.synthesize_modules({name: files})[name] for name, files in designs.items()}
    beside = (("accelerator", chip.TOP, sv.TOP), ("chip", serial.TOP, chip.TOP))
    for name, whole, inner in beside:
        print(f"beside the {name}: {difference(counted[whole], counted[inner])}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
