"""What lanes with weights of fewer bits save, by Yosys: `python -m tests.lane_costs`.

The MVAU of a convolution, 16 x 144 with thresholds, folded to 8 lanes of 16 products. Of each 8 rows some
have small weights; a line for each number of them. Lanes are in LUTs, or in slices if they have none of
these.
"""

from __future__ import annotations

import numpy as np
from levada_driver.datatype import IntType
from rich.console import Console
from rich.table import Table

import levada.layers  # noqa: F401 - fills the registry
from levada import cost
from levada.layer import Device, Folding, registered
from levada.sim.single import single
from levada.synth import yosys

MH, MW, PE, SIMD, SEED = 16, 144, 8, 16, 1
ANY = Device("xc7", *(10**6,) * 4)
INPUTS, OUTPUTS = IntType(4, signed=False), IntType(4, signed=False)


def layer(bits, few, count):
    """`count` of each 8 rows have weights of `few` bits, the others of `bits`."""
    random = np.random.default_rng(SEED)
    most = np.where(np.arange(MH) % PE >= PE - count, 1 << (few - 1), 1 << (bits - 1))[:, None]
    weights = random.integers(-most, most, (MH, MW))
    thresholds = np.sort(random.integers(-500, 500, (MH, 15)), axis=1)
    return registered()["mvau"](weights, IntType(bits, signed=True), INPUTS, (4,), thresholds, 0, OUTPUTS)


def row(bits, few, count, dsp_pe):
    found = single(layer(bits, few, count), Folding(PE, SIMD, dsp_pe=dsp_pe, memory="lut", thresholds="lut"))
    counted, estimated = yosys.synthesize(found), cost.total(found, ANY)
    numbers = (counted.lut, estimated.lut, counted.ff, counted.dsp)
    return (f"{bits}", f"{few}", f"{count} of {PE}", f"{dsp_pe}", *(f"{number:,}" for number in numbers))


def main():
    table = Table(
        "bits", "few bits", "lanes with few", "in slices", "LUT", "estimated", "FF", "DSP", box=None
    )
    for bits, few in ((8, 4), (8, 2), (4, 2)):
        for count in (0, 4, 6):
            table.add_row(*row(bits, few, count, 0))
        table.add_row(*row(bits, few, 4, 4))
    Console(width=118).print(table)


if __name__ == "__main__":
    main()
