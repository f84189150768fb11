"""What a chip takes beside its accelerator: `python -m tests.chip_costs`.

Registers, an engine to read and one to write, gearboxes between memory and streams: the difference between
a small chip and its accelerator, both mapped by Yosys.
"""

from __future__ import annotations

import sys

import levada.layers  # noqa: F401 - fills the registry
from levada.emit import chip, sv
from levada.synth import yosys
from tests.unit import packages


def main() -> int:
    """Prints the counts."""
    graph = packages.wide()
    designs = {chip.TOP: chip.sources(graph, (1, 1)), sv.TOP: sv.sources(graph)}
    counted = {name: yosys.synthesize_modules({name: files})[name] for name, files in designs.items()}
    whole, inner = counted[chip.TOP], counted[sv.TOP]
    print(  # noqa: T201 - what it is for
        f"beside the accelerator: {whole.lut - inner.lut:,} LUT, {whole.ff - inner.ff:,} FF, "
        f"{whole.dsp - inner.dsp} DSP, {whole.bram18 - inner.bram18} BRAM18"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
