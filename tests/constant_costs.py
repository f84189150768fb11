"""What dot products with constant weights take, as Yosys counts them: `python -m tests.constant_costs`.

32 inputs, 8 rows of random weights, one vector a cycle: as lanes of their own (dot_lut, with its weights as
constants) and as one graph of additions. The registers of the inputs and behind the sums belong to the layer.
"""

from __future__ import annotations

import numpy as np
from levada_driver.datatype import BIPOLAR, IntType
from levada_driver.packing import Stream, pack
from rich.console import Console
from rich.table import Table

from levada.adder_graph import Sums
from levada.emit import sums, sv
from levada.synth import yosys
from levada.unrolled import Unrolled, cost

INPUTS, ROWS, SUM_BITS = 32, 8, 32
COLUMNS = ("weights", "inputs", "zeros", "lanes LUT/MAC", "graph LUT/MAC", "FF/MAC", "estimate LUT", "FF")


def kinds():
    """(type of weights, type of inputs, share of zeros) of every line."""
    for bits in (2, 3, 4, 8):
        for zeros in (0, 0.5, 0.8):
            yield IntType(bits, signed=True), IntType(bits, signed=False), zeros
    yield BIPOLAR, BIPOLAR, 0
    yield BIPOLAR, IntType(4, signed=False), 0
    yield IntType(4, signed=True), BIPOLAR, 0


def weights_of(wtype, zeros):
    """Weights [ROWS, INPUTS], the same ones in every run."""
    random = np.random.default_rng(1)
    codes = random.integers(0, (wtype.max - wtype.min) // wtype.step + 1, (ROWS, INPUTS))
    return np.where(random.random(codes.shape) < zeros, 0, wtype.min + wtype.step * codes)


def dot_lut(simd, wtype, atype, bits):
    """A dot_lut with its parameters, as an instance begins; its results have `bits`."""
    params = {
        "SIMD": simd,
        "W_BITS": wtype.bits,
        "W_BIPOLAR": int(wtype.bipolar),
        "A_BITS": atype.bits,
        "A_BIPOLAR": int(atype.bipolar),
        "DOT_BITS": bits,
    }
    return f"dot_lut #({', '.join(f'.{key}({value})' for key, value in params.items())})"


def lanes(name, weights, wtype, atype):
    """Files of a module with a dot_lut for each row."""
    row = Stream(wtype, INPUTS, 1)
    codes = [int.from_bytes(pack(w.reshape(1, -1), row).tobytes(), "little") for w in weights]
    made = dot_lut(INPUTS, wtype, atype, SUM_BITS)
    a = f"input logic [{INPUTS * atype.bits - 1}:0] a"
    lines = [f"module {name} (input logic clk, {a}, output logic [{SUM_BITS * ROWS - 1}:0] sums);"]
    for at, code in enumerate(codes):
        ports = f".clk, .w({row.bits}'h{code:x}), .a, .dot(sums[{SUM_BITS * at}+:{SUM_BITS}])"
        lines.append(f"  {made} u_{at} ({ports});")
    return {**sv.library_sources({"dot_lut"}), f"{name}.sv": "\n".join([*lines, "endmodule", ""])}


def main():
    """Prints the table."""
    found, designs = list(kinds()), {}
    products = [Unrolled(weights_of(w, zeros), w, a) for w, a, zeros in found]
    for at, (wtype, atype, _) in enumerate(found):
        designs[f"lanes_{at}"] = lanes(f"lanes_{at}", products[at].weights, wtype, atype)
        text = sums.module(f"graph_{at}", Sums(products[at].graph, 1, SUM_BITS))
        designs[f"graph_{at}"] = {f"graph_{at}.sv": text}
    counted = yosys.synthesize_modules(designs)
    table = Table(*COLUMNS)
    for at, (wtype, atype, zeros) in enumerate(found):
        macs, estimate = products[at].weights.size, cost(products[at].graph)
        apart, shared = counted[f"lanes_{at}"], counted[f"graph_{at}"]
        table.add_row(
            wtype.name,
            atype.name,
            f"{zeros:.0%}",
            f"{apart.lut / macs:.2f}",
            f"{shared.lut / macs:.2f}",
            f"{shared.ff / macs:.2f}",
            f"{estimate.lut / shared.lut - 1:+.1%}",
            f"{estimate.ff / shared.ff - 1:+.1%}",
        )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
