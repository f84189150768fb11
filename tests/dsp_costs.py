"""What dot products in DSP slices take, as Yosys counts them: `python -m tests.dsp_costs`.

A line for each kind of operands and number of lanes worth having, at 16 inputs a cycle. LUTs and flip-flops
are what stands beside the slices for one product a cycle; the registers of the operands before, and the
accumulators behind, belong to the layer.
"""

from __future__ import annotations

from levada_driver.datatype import BIPOLAR, IntType
from rich.console import Console
from rich.table import Table

from levada import dsp
from levada.synth import yosys
from tests.unit.dsp_benches import Unit, sources

SIMD = 16
COLUMNS = (
    "weights",
    "inputs",
    "lanes",
    "pixels",
    "pitch",
    "chain",
    "MAC/DSP",
    "LUT/MAC",
    "FF/MAC",
    "estimate",
)


def operands():
    """(operands, pixels) of every line."""
    for bits in (2, 3, 4, 6, 8):
        yield dsp.Operands.of(IntType(bits, signed=True), IntType(bits, signed=False)), 1
    for bits in (3, 4, 8):
        yield dsp.Operands.of(IntType(bits, signed=True), IntType(bits, signed=True)), 1
    for bits in (2, 8):
        yield dsp.Operands.of(IntType(bits, signed=True), IntType(bits, signed=False), narrow=True), 1
    for w_bits, a_bits in ((2, 4), (4, 2), (3, 4), (4, 8), (8, 4)):
        yield dsp.Operands.of(IntType(w_bits, signed=True), IntType(a_bits, signed=False)), 1
    yield dsp.Operands.of(BIPOLAR, IntType(4, signed=False)), 1
    for bits, pixels in ((4, 2), (3, 3), (2, 4)):
        yield dsp.Operands.of(IntType(bits, signed=True), IntType(bits, signed=False)), pixels


def units():
    """Every packing whose chains are longer than those of more lanes."""
    at = 0
    for given, pixels in operands():
        cascade = 0
        for packing in dsp.packings(given, pixels):
            if packing.cascade > cascade and packing.lanes > 1:
                yield Unit(f"unit_{(at := at + 1)}", dsp.dot(given, packing, SIMD))
            cascade = packing.cascade


def row(unit, counted):
    """A line of the table."""
    dot, packing = unit.dot, unit.dot.packing
    products = packing.lanes * packing.pixels * dot.simd
    w_range = f"{dot.operands.w_low}..{dot.operands.w_high}"
    return (
        w_range,
        dot.operands.atype.name,
        str(packing.lanes),
        str(packing.pixels),
        str(packing.pitch),
        str(dot.cascade),
        f"{products / counted.dsp:.0f}",
        f"{counted.lut / products:.2f}",
        f"{counted.ff / products:.2f}",
        "yes" if counted == dot.resources else f"no: {dot.resources}",
    )


def main():
    """Prints the table."""
    table = Table(*COLUMNS)
    found = list(units())
    counted = yosys.synthesize_modules({unit.name: sources(unit) for unit in found})
    for unit in found:
        table.add_row(*row(unit, counted[unit.name]))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
