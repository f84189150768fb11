"""The DSP slices of each family of chips."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2

# Slices whose sums pass each other within one cycle; as in hls/common/dsp_pkg.sv.
STAGE = 2


@dataclass(frozen=True)
class DspShape:
    """Bits of a DSP slice: of pre-adder and multiplier, of the other factor, of the sum.

    A slice without `cascade` multiplies only; the products of a chain are added up in LUTs.
    """

    name: str
    d_bits: int
    b_bits: int = 18
    p_bits: int = 48
    cascade: bool = True

    @property
    def longest(self) -> int:
        """Slices of a chain.

        In longer ones the operands' delays take more LUTs (as shift registers) than the adders they save;
        where the sum is a tree, it takes one term more, the bias.
        """
        return 4 * STAGE - (not self.cascade)

    def chain_latency(self, slices: int) -> int:
        """Cycles in which the products of a chain are added up."""
        return ceil(slices / STAGE) if self.cascade else ceil(log2(slices + 1))


DSP48E1 = DspShape("DSP48E1", 25)
DSP48E2 = DspShape("DSP48E2", 27)
MULT18X18D = DspShape("MULT18X18D", 18, p_bits=36, cascade=False)
#: By the family of the chip: AMD UG479, AMD UG579, Lattice FPGA-TN-02205.
SHAPES = {"xc7": DSP48E1, "xcup": DSP48E2, "ecp5": MULT18X18D}
