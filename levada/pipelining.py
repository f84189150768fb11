"""What a clock asks of layers: registers that cut their paths, by the chip's family and the target clock.

A path from register to register through n LUTs, one behind the other, is taken to last

    register + n * level

nanoseconds: `register` for the output of one and the input of the other, `level` for a LUT with its route.
The LUTs are those of a 7-series chip, as reports count them (levada/synth/depth.py); a `level` of another
family is what stands for one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: LUTs of the longest path in a serial sliding window unit: from where pixels and window are, which are
#: compared, to where they move. 6 to 9 in the networks of models/.
COMPARED_LEVELS = 9


@dataclass(frozen=True)
class Delays:
    """Nanoseconds of the formula above, on a chip of a family."""

    register: float
    level: float

    def path(self, levels: int) -> float:
        """Nanoseconds from register to register through so many levels."""
        return self.register + levels * self.level


#: By family. xc7: registers and LUTs (0.13 to 0.64 ns by their input, 0.42 on the average) of an Artix-7, by
#: prjxray, in Yosys' cells_sim.v; no open tool times its routes, of 0.6 ns each by assumption. xcup: half
#: of that is assumed. ecp5: speed grade 6, by nextpnr; docs/timing.md has the measurement, which
#: `python -m tests.clocks` repeats.
DELAYS: Mapping[str, Delays] = {
    "xc7": Delays(register=0.30, level=1.02),
    "xcup": Delays(register=0.15, level=0.51),
    "ecp5": Delays(register=0.52, level=1.40),
}


@dataclass(frozen=True)
class Pipelining:
    """Registers that slow clocks do not need. They change no schedule.

    `ahead`: what a step depends on is found in the cycle before it, and comes out of registers.
    """

    ahead: bool = False


#: What slow clocks ask for.
SLOW = Pipelining()


def choose(family: str, clock_mhz: float) -> Pipelining:
    """The fewest registers with which layers run at a clock on a chip of a family."""
    return Pipelining(ahead=DELAYS[family].path(COMPARED_LEVELS) > 1000 / clock_mhz)
