"""Benches for `dot_dsp`: several configurations in one simulation, each driven and judged by dot_bench.sv."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from levada import content, dsp, slices
from levada.emit import sv
from levada.sim import native, rtlsim

BENCH = Path(__file__).with_name("dot_bench.sv")
MAIN = Path(__file__).with_name("dot_bench.cpp")


@dataclass(frozen=True)
class Unit:
    """A dot product in slices, and the name of the module that holds it."""

    name: str
    dot: dsp.DspDot

    @property
    def widths(self) -> dict[str, int]:
        """Bits of the ports besides the clock."""
        dot, operands = self.dot, self.dot.operands
        return {
            "w": dot.packing.lanes * dot.simd * operands.wtype.bits,
            "a": dot.packing.pixels * dot.simd * operands.atype.bits,
            "dot": dot.packing.lanes * dot.packing.pixels * dot.dot_bits,
        }

    def module(self) -> str:
        """dot_dsp as a module without parameters: it can be simulated as it is, or mapped first."""
        values = ", ".join(f".{key}({value})" for key, value in self.dot.params().items())
        w, a, dot = self.widths.values()
        ports = (
            f"input logic clk, input logic [{w - 1}:0] w, input logic [{a - 1}:0] a, "
            f"output logic [{dot - 1}:0] dot"
        )
        return (
            f"module {self.name} ({ports});\n  dot_dsp #({values}) u_dot (.clk, .w, .a, .dot);\nendmodule\n"
        )

    def beside_bench(self, index: int) -> str:
        """The unit and the bench that drives it and counts in errors[index]."""
        dot, operands, packing = self.dot, self.dot.operands, self.dot.packing
        a_low, a_high = operands.a_range
        values = {
            "SIMD": dot.simd,
            "LANES": packing.lanes,
            "PIXELS": packing.pixels,
            "W_BITS": operands.wtype.bits,
            "W_BIPOLAR": int(operands.wtype.bipolar),
            "W_LOW": operands.w_low,
            "W_HIGH": operands.w_high,
            "A_BITS": operands.atype.bits,
            "A_LOW": a_low,
            "A_HIGH": a_high,
            "DOT_BITS": dot.dot_bits,
            "OFFSET": dot.offset,
            "LATENCY": dot.latency,
        }
        given = ", ".join(f".{key}({value})" for key, value in values.items())
        ports = f".clk, {', '.join(f'.{port}({port}_{index})' for port in self.widths)}"
        return "\n".join(
            [
                *(f"  logic [{width - 1}:0] {port}_{index};" for port, width in self.widths.items()),
                f"  {self.name} u_unit_{index} ({ports});",
                f"  dot_bench #({given}) u_bench_{index} ({ports}, .errors(errors[32*{index}+:32]));",
            ]
        )


def unit(name, wtype, atype, lanes, simd, *, narrow=False, pixels=1, shape=slices.DSP48E1):
    """The exact dot product with this number of lanes a slice."""
    operands = dsp.Operands.of(wtype, atype, narrow)
    (packing,) = (found for found in dsp.packings(operands, pixels, shape) if found.lanes == lanes)
    return Unit(name, dsp.dot(operands, packing, simd, shape=shape))


def overfull(exact):
    """One chain of one slice more than `exact` allows, read as if its lanes had room for that."""
    cascade = exact.dot.packing.cascade + 1
    low, high = dsp.sum_range(exact.dot.operands, cascade - 1)
    return Unit(exact.name, replace(exact.dot, simd=cascade, cascade=cascade, low=low, high=high))


def sources(unit):
    """A unit with all it needs, as written."""
    return {**sv.library_sources({"dot_dsp"}), f"{unit.name}.sv": unit.module()}


def errors(units, files, vectors, seed=1):
    """Cycles with a wrong result in each unit, out of `vectors`. `files` hold their modules."""
    benches = "\n".join(unit.beside_bench(index) for index, unit in enumerate(units))
    width = 32 * max(3, len(units))  # the model has an array of words for more than 64 bits
    ports = f"input logic clk, output logic [{width - 1}:0] errors"
    top = f"module {sv.TOP} ({ports});\n{benches}\nendmodule\n"
    files = {**files, BENCH.name: BENCH.read_text(), f"{sv.TOP}.sv": top}
    flat = [text for pair in sorted(files.items()) for text in pair]
    with native.made_once("dsp-bench", content.digest(MAIN.read_text(), *flat), "bench") as (program, work):
        if work is not None:
            rtlsim.verilate(files, work)
            rtlsim.link(work, MAIN, work / "bench")
    said = native.run([program, str(vectors), str(seed)]).split()
    return {unit.name: int(count) for unit, count in zip(units, said, strict=False)}
