"""dot_dsp against plain dot products in simulation: as written, and as a netlist of DSP slices.

As written, the slices are dsp_slice's behavioural half. In the netlist they are DSP48E1 in the model that
Yosys ships, which its authors test against the vendor's. Both halves give the true sums after the same number
of cycles, so they agree with each other on the modes that dot_dsp uses.
"""

from __future__ import annotations

import json

import pytest
from levada_driver.datatype import BIPOLAR

from levada import slices
from levada.emit import sv
from levada.synth import yosys
from tests.layers.netlist import primitives
from tests.require_tools import require
from tests.unit import dsp_benches as benches
from tests.unit.test_dsp import INT2, INT3, INT4, INT6, INT8, UINT2, UINT3, UINT4, UINT6, UINT8

VECTORS = 1_000_000
UNITS = (
    # The longest chains and several of them, shorter ones at the end, each kind of operand.
    benches.unit("w4a4", INT4, UINT4, lanes=3, simd=18),
    benches.unit("w4a4_signed", INT4, INT4, lanes=3, simd=8),
    benches.unit("w3a3", INT3, UINT3, lanes=4, simd=5),
    benches.unit("w3a3_signed", INT3, INT3, lanes=5, simd=3),
    benches.unit("w2a2", INT2, UINT2, lanes=4, simd=23),
    benches.unit("ternary_a2", INT2, UINT2, lanes=8, simd=6, narrow=True),
    benches.unit("w6a6", INT6, UINT6, lanes=2, simd=8),
    benches.unit("w8a8", INT8, UINT8, lanes=2, simd=3),
    benches.unit("w8a8_narrow", INT8, UINT8, lanes=2, simd=7, narrow=True),
    benches.unit("w4a8", INT4, UINT8, lanes=2, simd=1),
    benches.unit("bipolar_a4", BIPOLAR, UINT4, lanes=5, simd=2),
    benches.unit("w4_bipolar", INT4, BIPOLAR, lanes=4, simd=9),
    benches.unit("w4a4_pixels", INT4, UINT4, lanes=2, simd=9, pixels=2),
    benches.unit("w8a8_wide", INT8, UINT8, lanes=2, simd=9, shape=slices.DSP48E2),
    benches.unit("w2a2_pixels", INT2, UINT2, lanes=2, simd=7, pixels=3),
    benches.unit("w4a4_ultra", INT4, INT4, lanes=3, simd=11, shape=slices.DSP48E2),
    benches.unit("w4a4_mult", INT4, UINT4, lanes=2, simd=18, shape=slices.MULT18X18D),
    benches.unit("w3a3_mult_signed", INT3, INT3, lanes=3, simd=5, shape=slices.MULT18X18D),
    benches.unit("w8a8_mult", INT8, UINT8, lanes=1, simd=9, shape=slices.MULT18X18D),
    benches.unit("bipolar_mult", BIPOLAR, UINT4, lanes=3, simd=4, shape=slices.MULT18X18D),
    benches.unit("w2a2_mult_pixels", INT2, UINT2, lanes=2, simd=7, pixels=2, shape=slices.MULT18X18D),
)
# Few of them: Yosys and the compiler take a while with the vendor's slices.
MAPPED = tuple(
    unit for unit in UNITS if unit.name in {"w4a4_signed", "ternary_a2", "bipolar_a4", "w2a2_pixels"}
)


def as_written(units):
    return {name: text for unit in units for name, text in benches.sources(unit).items()}


def test_every_sum_is_right():
    require("verilator")
    assert benches.errors(UNITS, as_written(UNITS), VECTORS) == {unit.name: 0 for unit in UNITS}


def test_one_slice_more_than_allowed_is_wrong():
    require("verilator")
    units = [benches.overfull(unit) for unit in UNITS if unit.dot.packing.lanes > 1]
    errors = benches.errors(units, as_written(units), VECTORS // 100)
    assert min(errors.values()) > 0, errors


@pytest.mark.slow
def test_the_primitives_agree():
    require("verilator")
    require("pyosys")
    mapped = yosys.module_netlists({unit.name: benches.sources(unit) for unit in MAPPED})
    netlists = {f"{name}.sv": text for name, text in mapped.items()}
    assert all("DSP48E1" in text for text in netlists.values())
    netlists["cells_sim.sv"] = primitives()
    assert benches.errors(MAPPED, netlists, VECTORS // 10) == {unit.name: 0 for unit in MAPPED}


@pytest.mark.slow
def test_a_chip_of_another_family_has_its_own_slices():
    """There is no public model of a DSP48E2: its netlist is made and its cells are counted, no more."""
    require("pyosys")
    units = [unit for unit in UNITS if unit.dot.shape is slices.DSP48E2]
    netlists = yosys.module_netlists({unit.name: benches.sources(unit) for unit in units}, "xcup")
    assert [netlists[unit.name].count("  DSP48E2 #(") for unit in units] == [unit.dot.simd for unit in units]
    counted = yosys.synthesize_modules({unit.name: benches.sources(unit) for unit in units}, "xcup")
    assert counted == {unit.name: unit.dot.resources for unit in units}


@pytest.mark.slow
@pytest.mark.parametrize("unit", [unit for unit in UNITS if not unit.dot.shape.cascade], ids=lambda u: u.name)
def test_multipliers_of_an_ecp5(unit, tmp_path):
    """Of a MULT18X18D there is no public model either. A CCU2C is two LUTs with their carry."""
    require("pyosys")
    files = benches.sources(unit)
    lines = (
        f"read_verilog -sv -defer {' '.join(sv.compile_list(files))}",
        f"synth_lattice -family ecp5 -top {unit.name}",
        "check -assert",
        "tee -q -o cells.json stat -json",
    )
    yosys.run(yosys.plan(files, lines), tmp_path / "plan")
    (module,) = json.loads((tmp_path / "plan" / "cells.json").read_text())["modules"].values()
    cells = module["num_cells_by_type"]
    assert cells["MULT18X18D"] == unit.dot.resources.dsp
    assert cells["LUT4"] + 2 * cells["CCU2C"] == pytest.approx(unit.dot.resources.lut, rel=0.15)


@pytest.mark.slow
def test_costs_are_those_that_yosys_counts():
    require("pyosys")
    counted = yosys.synthesize_modules({unit.name: benches.sources(unit) for unit in MAPPED})
    assert counted == {unit.name: unit.dot.resources for unit in MAPPED}
