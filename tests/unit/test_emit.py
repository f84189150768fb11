"""Generated text: golden files of a small network, and that it says just what the graph says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from levada_driver.datatype import BIPOLAR, IntType

from levada import content
from levada.emit import chip, cpp, harness, literals, serial, sv
from levada.layer import Bits, Rom, registered
from levada.sim.single import single
from tests.unit import graphs

GOLDEN = Path(__file__).parent / "golden" / "mlp"
LIBRARY = {path.stem: path.read_text() for path in content.root("hls").rglob("*.sv")}


def texts():
    graph = graphs.connected(graphs.mlp())
    design = sv.sources(graph)
    names = ("accelerator.sv", "mvau_0.sv", "mvau_0_weights.hex", "mvau_2.sv", "mvau_2_sums.sv")
    names += ("dwc_thresholding_0.sv", "argmax_0.sv")
    source = cpp.sources(graph)
    return {
        **{name: design[name] for name in names},
        **{name: source[name] for name in ("accelerator.cpp", "accelerator.hpp")},
        "ports.hpp": harness.ports_header(graph),
        "chip.sv": chip.chip(graph, (2, 1), "0123456789abcdef"),
        "memory_ports.hpp": harness.memory_ports_header(graph, (2, 1)),
    }


@pytest.mark.parametrize("name", sorted(texts()))
def test_golden_files(name, update):
    text = texts()[name]
    if update:
        content.write_whole(GOLDEN / name, text)
    assert text == (GOLDEN / name).read_text()


def test_there_is_no_other_golden_file():
    assert {path.name for path in GOLDEN.iterdir()} == texts().keys()


def whole_design():
    graph = graphs.connected(graphs.mlp())
    files = {**sv.sources(graph), **cpp.sources(graph), "ports.hpp": harness.ports_header(graph)}
    return content.digest(*(text for pair in sorted(files.items()) for text in pair))


def test_another_process_writes_the_same_text():
    code = "import levada.layers; from tests.unit.test_emit import whole_design; print(whole_design())"
    for seed in ("1", "2"):
        env = {**os.environ, "PYTHONHASHSEED": seed, "TZ": f"UTC-{seed}"}
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=env,
            cwd=content.root("hls").parent,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == whole_design()


def test_sources_hold_just_what_the_design_needs():
    graph = graphs.connected(graphs.mlp())
    files = sv.sources(graph)
    layers = {f"{node.name}.sv" for node in graph.nodes} | {"mvau_2_sums.sv"}
    images = {name for name in files if name.endswith(".hex")}
    headers = {path.name for path in content.root("hls").glob("common/*.svh")}
    library = {name for name in files if name.removesuffix(".sv") in LIBRARY}
    assert files.keys() == {"accelerator.sv"} | layers | images | headers | library
    assert images == {f"mvau_{i}_weights.hex" for i in range(2)}
    for name in library:
        assert files[name] == LIBRARY[name.removesuffix(".sv")]
    for name in images:
        (user,) = (text for text in files.values() if f'"{name}"' in text)
        assert user == files[f"{name.removesuffix('_weights.hex')}.sv"]


def used_by(module):
    """Every module or package whose name is a word of the code."""
    code = re.sub(r"//[^\n]*", "", LIBRARY[module])
    return {word for word in re.findall(r"\w+", code) if word in LIBRARY and word != module}


# "fork" is a word of SystemVerilog.
MODULES = {kind: {"fork": "stream_fork"}.get(kind, kind) for kind in registered()}


@pytest.mark.parametrize("kind", sorted(registered()))
def test_packages_and_inner_modules_come_first(kind):
    order = sv.compile_order({MODULES[kind]})
    assert order[-1] == MODULES[kind]
    assert len(set(order)) == len(order)
    for index, module in enumerate(order):
        assert used_by(module) <= set(order[:index]), module


def test_every_module_of_the_library_is_reachable():
    layer = graphs.mvau(np.random.default_rng(0), 4, 3).at(1 << 24)
    graph = graphs.chain([layer])
    around = sv.library_modules(chip.chip(graph, (1, 1), "0" * 16))
    around |= sv.library_modules(serial.sources(graph, (1, 1), 16)[f"{serial.TOP}.sv"])
    assert set(sv.compile_order({*MODULES.values(), "unrolled", *around})) == LIBRARY.keys()


def test_the_compile_list_has_the_top_level_last():
    graph = graphs.connected(graphs.mlp())
    files = sv.sources(graph)
    listed = sv.compile_list(files)
    assert sorted(listed) == sorted(name for name in files if name.endswith(".sv"))
    assert listed[-1] == "accelerator.sv"
    own = [*(node.name for node in graph.nodes), "mvau_2_sums"]
    assert listed[-1 - len(own) : -1] == sorted(f"{name}.sv" for name in own)
    assert listed.index("dot_pkg.sv") < listed.index("dot_lut.sv") < listed.index("mvau.sv")
    assert sv.compile_list(sv.layer_sources(graph.nodes[0]))[-1] == "mvau_0.sv"


def test_the_border_is_numbered_from_the_second_port_on():
    two = graphs.side_by_side([graphs.alone(graphs.Argmax(2, graphs.INT4), f) for f in folds()] * 2)
    assert list(sv.border(two)) == ["s_axis", "s_axis1", "m_axis", "m_axis1"]
    header = harness.ports_header(two)
    assert "#define LEVADA_PORTS s_axis, s_axis1, m_axis, m_axis1\n" in header
    assert "#define LEVADA_INPUTS(X) X(s_axis, ap_int<4>, 4, 2, 1) X(s_axis1, ap_int<4>, 4, 2, 1)\n" in header


def folds():
    return list(graphs.Argmax(2, graphs.INT4).foldings())[-1:]


@pytest.mark.parametrize("kind", sorted(registered()))
def test_the_module_of_a_layer_passes_every_parameter(kind):
    @given(registered()[kind].strategy())
    def run(case):
        graph = single(case.layer, case.folding)
        text = sv.layer_module(graph.nodes[0])
        instance = case.layer.sv(case.folding)
        assert re.findall(r"\.([A-Z_]+)\(", text) == list(instance.params)
        declared = re.findall(
            r"parameter\s+(?:int|logic|string|bit)?[^;=]*?(\w+)\s*=", LIBRARY[instance.module]
        )
        assert set(instance.params) <= set(declared)
        for key, value in instance.params.items():
            if isinstance(value, int):
                assert f".{key}({value})" in text

    run()


@given(st.integers(1, 70), st.integers(1, 400), st.integers(0, 2**32 - 1))
def test_packed_vectors_hold_every_value(width, count, seed):
    width = min(width, 62)
    random = np.random.default_rng(seed)
    values = random.integers(-(2 ** (width - 1)), 2 ** (width - 1), min(count, 3000 // width + 1))
    text = literals.sv_bits(Bits(values, width))
    word = total = 0
    for size, digits in re.findall(r"(\d+)'h([0-9a-f]+)", text):
        assert int(digits, 16) < 1 << int(size)
        word, total = (word << int(size)) | int(digits, 16), total + int(size)
    assert total == width * len(values)
    for index, value in enumerate(values):
        assert (word >> (index * width)) % 2**width == value % 2**width
    assert ("{" in text) == (total > 384)
    assert max(map(len, text.splitlines())) <= 110


def test_memory_images_have_whole_digits():
    assert sv.rom_text(Rom((0, 0x1F, 0x5), 5)) == "00\n1f\n05\n"
    assert sv.rom_text(Rom((1, 0xF), 4)) == "1\nf\n"


def test_literals_of_cpp():
    assert literals.cpp_array(np.array([1, -2, 3])) == "{1, -2, 3}"
    assert literals.cpp_array(np.array([[1, 2], [3, 4]])) == "{{1, 2},\n {3, 4}}"
    types = [BIPOLAR, IntType(3, signed=True), IntType(1, signed=False)]
    assert [literals.cpp_type(dtype) for dtype in types] == ["levada::bipolar", "ap_int<3>", "ap_uint<1>"]


def test_borders_are_padded_to_bytes():
    text = texts()["accelerator.sv"]
    assert "input  logic [15:0] s_axis_tdata," in text  # 3 elements of 4 bits
    assert "output logic [7:0] m_axis_tdata," in text  # an index of 3 bits
    assert "assign m_axis_tdata = 8'(argmax_0_out_tdata);" in text
