"""Longest paths and widest nets of small circuits, mapped by Yosys, where both are known."""

from __future__ import annotations

import re

import numpy as np
import pytest

from levada import content
from levada.errors import LevadaError
from levada.layer import Folding
from levada.synth import cells, families, yosys
from levada.synth.depth import Depth
from tests.require_tools import require
from tests.unit import graphs

COMMON = content.root("hls") / "common"


def random_logic(seed, gates=40):
    """Registers, gates of three inputs each, of which most are recent gates, and a register."""
    random = np.random.default_rng(seed)
    wires = [f"a_q[{i}]" for i in range(12)]
    lines = []
    for i in range(gates):
        a, b, c = random.choice(wires[-16:], 3, replace=False)
        lines.append(f"wire w{i} = {a} ^ ({b} & {c});")
        wires.append(f"w{i}")
    registers = f"a_q <= a; y_q <= w{gates - 1};"
    return (
        "input clk, input [11:0] a, output reg y_q",
        f"reg [11:0] a_q; {' '.join(lines)} always @(posedge clk) begin {registers} end",
    )


def adder(bits):
    """Two registers and their sum in a third one."""
    return (
        f"input clk, input [{bits - 1}:0] a, b, output reg [{bits - 1}:0] y_q",
        f"reg [{bits - 1}:0] a_q, b_q;always @(posedge clk) begin a_q <= a; b_q <= b; y_q <= a_q + b_q; end",
    )


# Ports and bodies of modules.
CIRCUITS = {
    **{f"random{seed}": random_logic(seed) for seed in range(6)},
    "adder32": adder(32),
    "adder12": adder(12),
    "lut_ram": (
        "input clk, we, input [4:0] r, w, input [7:0] d, output [7:0] y",
        '(* ram_style = "distributed" *) reg [7:0] kept [0:31]; reg [4:0] r_q;'
        "always @(posedge clk) begin r_q <= r; if (we) kept[w] <= d; end "
        "assign y = r_q == 31 ? 0 : kept[r_q];",
    ),
    # The two paths have as many LUTs.
    "block_ram": (
        "input clk, we, input [8:0] r, w, input [31:0] d, output reg y_q, z_q",
        '(* ram_style = "block" *) reg [31:0] kept [0:511]; reg [31:0] row; reg [7:0] a_q;'
        "always @(posedge clk) begin if (we) kept[w] <= d; row <= kept[r]; a_q <= d; "
        "y_q <= ^a_q; z_q <= ^row[7:0]; end",
    ),
    "slices": (
        "input clk, input [7:0] w, a, output [47:0] sum",
        "dsp_chain #(.LENGTH(2), .CASCADE(2), .LANES(1), .PITCH(20)) u (.clk, .w, .a, .sum);",
    ),
    "enable": (
        "input clk, go, input [63:0] d, output reg [63:0] y_q",
        "reg go_q; always @(posedge clk) begin go_q <= go; if (go_q & &d[4:0]) y_q <= d; end",
    ),
    "wire": ("input clk, input d, output reg q", "always @(posedge clk) q <= d;"),
}
LIBRARY = ("dsp_pkg.sv", "delay.sv", "packed_inputs.sv", "dsp_slice.sv", "dsp_chain.sv")


@pytest.fixture(scope="module")
def designs():
    require("pyosys")
    library = {file: (COMMON / file).read_text() for file in LIBRARY}
    return {
        f"depth_{name}": {f"depth_{name}.sv": f"module depth_{name}({ports}); {body} endmodule\n", **library}
        for name, (ports, body) in CIRCUITS.items()
    }


@pytest.fixture(scope="module")
def found(designs):
    """The depth of each circuit by its name."""
    return {name.removeprefix("depth_"): one for name, one in yosys.module_depths(designs).items()}


def test_random_logic_is_as_deep_as_yosys_says(found, designs, tmp_path):
    # On the way from the clock there are a register before the LUTs and one behind them.
    netlists = yosys.module_netlists({name: designs[name] for name in designs if "random" in name})
    names = [name for name, text in netlists.items() if "MUXF" not in text]
    files = {f"{name}.v": netlists[name] for name in names}
    reads = [families.of("xc7").primitives, f"read_verilog {' '.join(files)}"]
    yosys.run(yosys.plan(files, [*reads, *(f"ltp -noff {name}" for name in names)]), tmp_path / "plan")
    said = (tmp_path / "plan" / "yosys.log").read_text()
    lengths = dict(re.findall(r"Longest topological path in (\w+) \(length=(\d+)\)", said))
    assert {name: found[name.removeprefix("depth_")].lut for name in names} == {
        name: int(length) - 2 for name, length in lengths.items()
    }
    assert len(set(lengths.values())) > 1


@pytest.mark.parametrize(("bits", "carry"), [(32, 8), (12, 3)])
def test_a_carry_chain_counts_its_cells(bits, carry, found):
    adder = found[f"adder{bits}"]
    assert (adder.lut, adder.carry) == (1, carry)
    assert adder.end in {f"y_q[{bit}]" for bit in range(bits - 4, bits)}


def test_a_lut_ram_is_read_within_the_cycle(found):
    ram = found["lut_ram"]
    assert (ram.memory, ram.lut) == (1, 1)
    assert ram.end == "y"


def test_a_block_ram_begins_a_path_and_weighs_on_it(found):
    ram = found["block_ram"]
    assert (ram.start, ram.end, ram.lut) == ("kept", "z_q", 2)


def test_sums_go_on_between_slices(found):
    slices = found["slices"]
    assert (slices.dsp, slices.lut) == (1, 0)
    assert slices.end == "u.gen_slice[1].u_slice.gen_dsp48e1.u_dsp (PCIN)"


def test_an_enable_is_told_from_data_and_is_the_widest_net(found):
    enable = found["enable"]
    assert (enable.lut, enable.fanout) == (1, 64)
    assert re.fullmatch(r"y_q\[\d+\] \(enable\)", enable.end)
    assert enable.net.startswith("behind ")


def test_a_wire_has_no_depth(found):
    assert found["wire"] == Depth("d", "q", fanout=1, net="d")


def test_carries_of_ecp5_go_through_both_bits():
    pins = {"CIN": [1], "A0": [2], "B0": [3], "A1": [4], "B1": [5], "S0": [6], "S1": [7], "COUT": [8]}
    outputs = ("S0", "S1", "COUT")
    directions = {pin: "output" if pin in outputs else "input" for pin in pins}
    made = {"type": "CCU2C", "connections": pins, "port_directions": directions}
    arcs = {arc.output: arc.inputs for arc in cells.cell("u_add", made).arcs}
    assert arcs == {6: (1, 2, 3), 7: (1, 2, 3, 4, 5), 8: (1, 2, 3, 4, 5)}


def test_an_unknown_cell_is_named():
    made = {"type": "MAGIC", "connections": {}, "port_directions": {}}
    with pytest.raises(LevadaError) as error:
        cells.cell("u_m", made)
    assert str(error.value) == (
        "u_m: MAGIC is no primitive whose paths are known; add it to levada/synth/cells.py"
    )


def test_layers_are_walked_once(monkeypatch, tmp_path):
    require("pyosys")
    monkeypatch.setenv("LEVADA_CACHE", str(tmp_path))
    random = np.random.default_rng(0)
    layer = graphs.mvau(random, 8, 4, graphs.INT2, graphs.UINT2, graphs.UINT2)
    nodes = graphs.alone(layer, Folding(2, 4, memory="lut")).nodes
    first = yosys.depths(nodes)
    assert list(first) == [node.name for node in nodes]
    assert next(iter(first.values())).lut > 0
    monkeypatch.setattr(yosys.plans, "run", lambda *_args, **_options: pytest.fail("Yosys was started again"))
    assert yosys.depths(nodes) == first
