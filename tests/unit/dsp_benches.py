"""Benches for `dot_dsp`: several configurations in one simulation, each driven and judged by dot_bench.sv."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from levada_driver.datatype import IntType

from levada import content, dsp
from levada.emit import sv
from levada.sim import native, rtlsim

BENCH = Path(__file__).with_name("dot_bench.sv").read_text()
MAIN = """
#include "Vdut.h"
#include "verilated.h"
#include <cstdio>
#include <cstdlib>
int main(int, char** argv) {
  VerilatedContext context;
  context.randSeed(std::atoi(argv[2]));
  Vdut dut{&context};
  for (long cycle = std::atol(argv[1]); cycle > 0; --cycle) {
    dut.clk = 0;
    dut.eval();
    dut.clk = 1;
    dut.eval();
  }
PRINTS
}
"""


@dataclass(frozen=True)
class Configuration:
    """A dot product in slices, and the operands that the bench gives it."""

    name: str
    dot: dsp.DspDot

    def module(self) -> str:
        """A module of this name without parameters: what is simulated, or mapped and then simulated."""
        values = ",\n".join(f"    .{key}({value})" for key, value in self.dot.params().items())
        lanes, simd = self.dot.packing.lanes, self.dot.simd
        w, a = lanes * simd * self.dot.operands.wtype.bits, simd * self.dot.operands.atype.bits
        return "\n".join(
            [
                f"module {self.name} (input logic clk, input logic [{w - 1}:0] w,",
                f"    input logic [{a - 1}:0] a, output logic [{lanes * self.dot.dot_bits - 1}:0] dot);",
                f"  dot_dsp #(\n{values}\n  ) u_dot (.clk, .w, .a, .dot);",
                "endmodule\n",
            ]
        )

    def bench(self) -> str:
        """The module beside the bench that drives it; the bench's errors come out as errors_<name>."""
        dot, name = self.dot, self.name
        operands, lanes = dot.operands, dot.packing.lanes
        a_low, a_high = operands.a_range
        values = {
            "SIMD": dot.simd,
            "LANES": lanes,
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
        ports = f".clk, .w(w_{name}), .a(a_{name}), .dot(dot_{name})"
        return "\n".join(
            [
                f"  logic [{lanes * dot.simd * operands.wtype.bits - 1}:0] w_{name};",
                f"  logic [{dot.simd * operands.atype.bits - 1}:0] a_{name};",
                f"  logic [{lanes * dot.dot_bits - 1}:0] dot_{name};",
                f"  {name} u_{name} ({ports});",
                f"  dot_bench #({given}) u_bench_{name} ({ports}, .errors(errors_{name}));",
            ]
        )


def configuration(
    name: str, wtype: IntType, atype: IntType, lanes: int, simd: int, narrow: bool = False
) -> Configuration:
    """The exact dot product with `lanes` lanes a slice."""
    operands = dsp.Operands.of(wtype, atype, narrow)
    (packing,) = (found for found in dsp.packings(operands) if found.lanes == lanes)
    return Configuration(name, dsp.dot(operands, packing, simd))


def longer(given: Configuration) -> Configuration:
    """The same in chains of one slice more than is exact, with nothing else changed."""
    packing = replace(given.dot.packing, cascade=given.dot.packing.cascade + 1)
    return replace(given, dot=replace(given.dot, packing=packing, cascade=packing.cascade, simd=packing.cascade))


def library() -> dict[str, str]:
    """The modules and headers that dot_dsp needs."""
    files = {f"{name}.sv": sv._library()[name].read_text() for name in sv.compile_order({"dot_dsp"})}
    headers = sorted((content.root("hls") / "common").glob("*.svh"))
    return files | {header.name: header.read_text() for header in headers}


def errors(
    configurations: list[Configuration], vectors: int, units: dict[str, str], seed: int = 1
) -> dict[str, int]:
    """Wrong results among `vectors` in each configuration; `units` are files with modules of their names."""
    ports = ",\n".join(f"    output logic [31:0] errors_{each.name}" for each in configurations)
    benches = "\n".join(each.bench() for each in configurations)
    top = f"module {sv.TOP} (\n    input logic clk,\n{ports}\n);\n{benches}\nendmodule\n"
    files = {**units, "dot_bench.sv": BENCH, f"{sv.TOP}.sv": top}
    prints = "\n".join(f'  std::printf("%u\\n", dut.errors_{each.name});' for each in configurations)
    main = MAIN.replace("PRINTS", prints)
    flat = [text for pair in sorted(files.items()) for text in pair]
    with native.made_once("dsp-bench", content.digest(main, *flat), "bench") as (binary, work):
        if work is not None:
            rtlsim.verilate(files, work)
            sources = [f'#include "{path}"\n' for path in sorted((work / "obj").glob("*.cpp"))]
            whole = work / "everything.cpp"
            whole.write_text("".join(sources) + main)
            flags = [*rtlsim.unit_flags("-O2", trace=False), "-I", str(work / "obj")]
            native.compile_objects([(whole, work / "bench.o", flags)])
            objects = [work / "bench.o", *rtlsim._runtime(trace=False)]
            native.run([native.compiler(), *objects, "-pthread", "-o", work / "bench"])
    done = subprocess.run(
        [binary, str(vectors), str(seed)], capture_output=True, text=True, check=True
    )
    return dict(zip((each.name for each in configurations), map(int, done.stdout.split()), strict=True))
