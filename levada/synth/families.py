"""Families of chips as Yosys maps to them: the commands, and what each of their primitives takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from levada.errors import LevadaError
from levada.layer import Resources


@dataclass(frozen=True)
class Family:
    """How Yosys maps to a family.

    Attributes:
        primitives: the command that declares the primitives.
        around: the same with what shells instantiate around a chip: the processor, a PLL.
        synthesis: the command that maps the module {top} and all below it.
        luts, ffs, dsps, bram18: how many of each a primitive takes.
        free: primitives that are free or counted with their neighbours.
    """

    primitives: str
    around: str
    synthesis: str
    luts: Mapping[str, int]
    ffs: frozenset[str]
    dsps: frozenset[str]
    bram18: Mapping[str, int]
    free: frozenset[str]

    def count(self, cells: Mapping[str, int]) -> Resources:
        """Resources of a netlist given as a number of cells of each type; LevadaError for an unknown type."""
        known = self.luts.keys() | self.ffs | self.dsps | self.bram18.keys() | self.free
        unknown = sorted(cell for cell in cells.keys() - known if not cell.startswith("$scopeinfo"))
        if unknown:
            raise LevadaError(f"yosys left cells that are not primitives of the chip: {', '.join(unknown)}")

        def total(weights: Mapping[str, int]) -> int:
            return sum(weights.get(cell, 0) * number for cell, number in cells.items())

        return Resources(
            total(self.luts),
            total(dict.fromkeys(self.ffs, 1)),
            total(dict.fromkeys(self.dsps, 1)),
            total(self.bram18),
        )


def of(name: str) -> Family:
    """A family by its name; LevadaError for one whose primitives are not counted."""
    if name not in FAMILIES:
        known = ", ".join(FAMILIES)
        raise LevadaError(f"family {name!r}: cells of this family are not counted; use one of {known}")
    return FAMILIES[name]


_ALL_OF_XILINX = "read_verilog -lib +/xilinx/cells_sim.v +/xilinx/cells_xtra.v"
_ALL_OF_ECP5 = "read_verilog -lib +/ecp5/cells_sim.v +/ecp5/cells_bb.v"

# Distributed RAM and shift registers are LUTs too: AMD UG474, table 2-3; UG574.
_XILINX_LUTS = {
    **{f"LUT{n}": 1 for n in range(1, 7)},
    "INV": 1,
    "SRL16E": 1,
    "SRLC32E": 1,
    "RAM32X1D": 2,
    "RAM32X1S": 1,
    "RAM64X1D": 2,
    "RAM64X1S": 1,
    "RAM128X1D": 4,
    "RAM128X1S": 2,
    "RAM256X1S": 4,
    "RAM32M": 4,
    "RAM64M": 4,
    "RAM32M16": 8,
    "RAM64M8": 8,
}


def _xilinx(primitives: str) -> Family:
    return Family(
        primitives=primitives,
        around=_ALL_OF_XILINX,
        synthesis="synth_xilinx -family {family} -top {top} -flatten -noiopad -noclkbuf",
        luts=_XILINX_LUTS,
        ffs=frozenset({"FDRE", "FDSE", "FDCE", "FDPE"}),
        dsps=frozenset({"DSP48E1", "DSP48E2"}),
        bram18={"RAMB18E1": 1, "RAMB36E1": 2, "RAMB18E2": 1, "RAMB36E2": 2},
        free=frozenset({"CARRY4", "CARRY8", "MUXF7", "MUXF8", "MUXF9", "GND", "VCC", "BUFG"}),
    )


FAMILIES: Mapping[str, Family] = {
    "xc7": _xilinx("read_verilog -lib +/xilinx/cells_sim.v"),
    "xcup": _xilinx(_ALL_OF_XILINX),
    # Lattice FPGA-TN-02204: a slice has two LUTs of four inputs, which are a carry of two bits, too; 16 words
    # of four bits take two slices and, to write them, a third.
    "ecp5": Family(
        primitives=_ALL_OF_ECP5,
        around=_ALL_OF_ECP5,
        synthesis="synth_lattice -family {family} -top {top} -noiopad",
        luts={"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6},
        ffs=frozenset({"TRELLIS_FF"}),
        dsps=frozenset({"MULT18X18D"}),
        bram18={"DP16KD": 1, "PDPW16KD": 1},
        free=frozenset({"PFUMX", "L6MUX21", "GND", "VCC"}),
    ),
}
