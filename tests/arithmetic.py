"""What multiply-accumulates of each number of bits take: `python -m tests.arithmetic`.

A lane of 16 inputs a cycle (32 where weights have one bit) in LUTs, and lanes in DSP48E1 slices, both with
weights from a memory; and 8 rows over 32 inputs with random constant weights. All are counted by Yosys
without what belongs to a layer: the registers of its operands, its accumulators. Writes docs/arithmetic.json
and the table of docs/benchmarks.md.
"""

from __future__ import annotations

import json
from pathlib import Path

from levada_driver.datatype import BIPOLAR, IntType

from levada import dsp
from levada.adder_graph import Sums
from levada.emit import sums, sv
from levada.synth import yosys
from levada.unrolled import Unrolled
from tests.constant_costs import INPUTS, ROWS, SUM_BITS, dot_lut, weights_of
from tests.results import between_marks
from tests.unit.dsp_benches import Unit, sources

ROOT = Path(__file__).resolve().parent.parent
FILE, PAGE = ROOT / "docs" / "arithmetic.json", ROOT / "docs" / "benchmarks.md"
MARK = "arithmetic: python -m tests.arithmetic"
HEAD = (
    "| weights x inputs | lane in LUTs: LUT/MAC | slices: MAC/DSP | LUT/MAC beside | constants: LUT/MAC |",
    "|---|---|---|---|---|",
)
SIMD = 16


def operands():
    """Types of weights and inputs of every line, by its name."""
    kinds = {"1 x 1": (BIPOLAR, BIPOLAR), "1 x 2": (BIPOLAR, IntType(2, signed=False))}
    for bits in (2, 3, 4, 6, 8):
        kinds[f"{bits} x {bits}"] = IntType(bits, signed=True), IntType(bits, signed=False)
    return kinds


def lane(name, wtype, atype, simd):
    """Files of a module that is one dot_lut."""
    bits = wtype.bits + atype.bits + simd.bit_length() - 1
    ports = (
        f"input logic clk, input logic [{simd * wtype.bits - 1}:0] w, "
        f"input logic [{simd * atype.bits - 1}:0] a, output logic [{bits - 1}:0] dot"
    )
    made = dot_lut(simd, wtype, atype, bits)
    text = f"module {name} ({ports});\n  {made} u_dot (.clk, .w, .a, .dot);\nendmodule\n"
    return {**sv.library_sources({"dot_lut"}), f"{name}.sv": text}


def slices_of(name, wtype, atype):
    """The dot product with the most lanes in a slice."""
    given = dsp.Operands.of(wtype, atype)
    return Unit(name, dsp.dot(given, dsp.packings(given)[0], SIMD))


def measured():
    """What the table says, in its order: a dictionary a line."""
    kinds, units, designs = operands(), {}, {}
    for at, (wtype, atype) in enumerate(kinds.values()):
        designs[f"lane_{at}"] = lane(f"lane_{at}", wtype, atype, 32 if wtype.bipolar else SIMD)
        constant = Unrolled(weights_of(wtype, 0), wtype, atype)
        text = sums.module(f"graph_{at}", Sums(constant.graph, 1, SUM_BITS))
        designs[f"graph_{at}"] = {f"graph_{at}.sv": text}
        if not wtype.bipolar:
            units[at] = slices_of(f"unit_{at}", wtype, atype)
            designs[f"unit_{at}"] = sources(units[at])
    counted = yosys.synthesize_modules(designs)
    lines = []
    for at, (name, (wtype, _)) in enumerate(kinds.items()):
        line = {
            "operands": name,
            "lut_lane": counted[f"lane_{at}"].lut / (32 if wtype.bipolar else SIMD),
            "constant": counted[f"graph_{at}"].lut / (INPUTS * ROWS),
        }
        if at in units:
            macs = units[at].dot.packing.lanes * SIMD
            made = counted[f"unit_{at}"]
            line |= {"macs_a_slice": macs / made.dsp, "beside_slices": made.lut / macs}
        lines.append(line)
    return lines


def rows(lines):
    """The lines of the table."""

    def shown(line, key, digits):
        return f"{line[key]:.{digits}f}" if key in line else ""

    return [
        f"| {line['operands']} | {shown(line, 'lut_lane', 2)} | {shown(line, 'macs_a_slice', 0)} "
        f"| {shown(line, 'beside_slices', 2)} | {shown(line, 'constant', 2)} |"
        for line in lines
    ]


def tables(lines):
    """The rows of the page, with their head, by mark."""
    return {MARK: [*HEAD, *rows(lines)]}


def main():
    """Counts everything and writes it down."""
    lines = measured()
    FILE.write_text(json.dumps(lines, indent=1) + "\n")
    PAGE.write_text(between_marks(PAGE.read_text(), tables(lines)))


if __name__ == "__main__":
    main()
