"""The hardware linter finds faults planted in small files, and says so in words that tell the way out."""

import pytest

from levada.errors import ToolMissingError
from tests import lint_hardware as lint
from tests.require_tools import require

GOOD = """// Passes a bit through a register.
module good (
    input  logic clk,
    input  logic a,
    output logic b
);

  always_ff @(posedge clk) b <= a;

endmodule
"""


@pytest.fixture
def plant(tmp_path):
    """plant(old, new, name) writes GOOD with one edit into a library of its own."""

    def write(old="", new="", name="good.sv"):
        assert old in GOOD
        path = tmp_path / "hls" / "layer" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(GOOD.replace(old, new, 1))
        return path

    return write


@pytest.mark.parametrize("check", [lint.named_as_file, lint.headed, lint.labelled, lint.readable, lint.short])
def test_a_good_file(plant, check):
    assert list(check(plant())) == []


def test_name(plant):
    path = plant(name="better.sv")
    said = f"{path}: holds good; a file holds the one module or package it is named after"
    assert list(lint.named_as_file(path)) == [said]


def test_two_modules(plant):
    path = plant("endmodule", "endmodule\npackage automatic_pkg;\nendpackage")
    said = f"{path}: holds good and automatic_pkg; a file holds the one module or package it is named after"
    assert list(lint.named_as_file(path)) == [said]


def test_nothing(plant):
    path = plant(GOOD, "// module good\n")
    said = f"{path}: holds nothing; a file holds the one module or package it is named after"
    assert list(lint.named_as_file(path)) == [said]


def test_header(plant):
    path = plant("// Passes", "`default_nettype none\n// Passes")
    said = f"{path}:1: starts without a comment; tell what the file is for in its first line"
    assert list(lint.headed(path)) == [said]


def test_length(plant):
    path = plant("endmodule\n", "endmodule\n" + "\n" * 391)
    assert list(lint.short(path)) == [f"{path}: has 401 lines; split it, 400 are the most"]


@pytest.mark.parametrize(
    ("block", "fault"),
    [
        ("for (genvar i = 0; i < 2; i = i + 1) begin\n  end", True),
        ("for (genvar i = 0; i < f(2); i = i + 1) assign c[i] = a;", True),
        ("generate\n  begin\n  end\n  endgenerate", True),
        ("for (genvar i = 0; i < f(2); i = i + 1) begin : gen_bit\n  end", False),
        ("generate\n  if (N == 1) begin : gen_one\n  end\n  endgenerate", False),
        ("// for (genvar i = 0; i < 2; i = i + 1) begin", False),
        ("always_comb for (int i = 0; i < 2; i = i + 1) begin\n  end", False),
    ],
)
def test_labels(plant, block, fault):
    path = plant("endmodule", f"  {block}\nendmodule")
    said = f"{path}:10: a generate block has no label; write begin : gen_name"
    assert list(lint.labelled(path)) == [said] * fault


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("return a;", "`return`: assign to the function's name"),
        ("import dot_pkg::*;", "`import`: write package::name"),
        ("assign c = '{1, 2};", "an assignment pattern `'{`: assign the elements"),
        ("parameter  type T = int", "`parameter type` or `string`: give a width"),
        ('localparam string S = "a";', "`parameter type` or `string`: give a width"),
        ("if (a inside {1, 2})", "`inside`: compare"),
        ("break;", "`break`: make it the loop's condition"),
        ("foreach (c[i])", "`foreach`: count with `for`"),
    ],
)
def test_what_yosys_does_not_read(plant, code, what):
    path = plant("endmodule", f"  /* break\n*/ {code}\nendmodule")
    assert list(lint.readable(path)) == [f"{path}:11: Yosys does not read {what}"]


@pytest.mark.parametrize("code", ["// return", '$error("break");', "assign returned = a;", "/* inside */"])
def test_words_that_are_no_code(plant, code):
    assert list(lint.readable(plant("endmodule", f"  {code}\nendmodule"))) == []


def test_layout_of_modules(plant):
    require("verible-verilog-format")
    path = plant("  always_ff", "      always_ff")
    said = f"{path}: is not laid out by verible-verilog-format; run python -m tests.lint_hardware --fix"
    assert list(lint.modules_laid_out(path)) == [said]
    assert list(lint.modules_laid_out(path, fix=True)) == []
    assert path.read_text() == GOOD
    assert list(lint.modules_laid_out(path)) == []


def test_layout_of_cpp(tmp_path):
    require("clang-format")
    path = tmp_path / "a.hpp"
    path.write_text("// A.\nvoid a() {\n#pragma HLS pipeline II = 1\nb(); }\n")
    said = f"{path}: is not laid out by clang-format; run python -m tests.lint_hardware --fix"
    assert list(lint.cpp_laid_out(path)) == [said]
    assert list(lint.cpp_laid_out(path, fix=True)) == []
    assert path.read_text() == "// A.\nvoid a() {\n#pragma HLS pipeline II = 1\n  b();\n}\n"
    assert list(lint.cpp_laid_out(path)) == []


def test_style(plant):
    require("verible-verilog-lint")
    assert list(lint.styled(plant())) == []
    path = plant("  always_ff", "  localparam int count = 1;\n  always_ff")
    (said,) = lint.styled(path)
    assert said.startswith(f"{path}:8:18-22: Localparam name does not match the naming convention")


def test_what_cannot_be_parsed(plant):
    require("verible-verilog-lint")
    path = plant("endmodule", "")
    (said, *_) = lint.styled(path)
    assert said == f"{path}:11:1: syntax error (unexpected EOF)"


def test_unlabelled_branch_is_found_by_the_style_check(plant):
    require("verible-verilog-lint")
    (said,) = lint.styled(plant("  always_ff", "  if (1) begin\n  end\n  always_ff"))
    assert "[generate-label]" in said


def test_warnings_of_verilator(plant):
    require("verilator")
    path = plant()
    assert list(lint.verilate(path, [path])) == []
    path = plant("  always_ff", "  logic spare;\n  always_ff")
    said = f"{path}: verilator: Warning-UNUSEDSIGNAL: {path}:8:9: Signal is not driven, nor used: 'spare'"
    assert list(lint.verilate(path, [path])) == [said]


def test_missing_submodule(plant):
    require("verilator")
    path = plant("endmodule", "  absent u_absent ();\nendmodule")
    (said,) = lint.verilate(path, [path])
    assert said.startswith(f"{path}: verilator: Error-MODMISSING: {path}:10:3: Cannot find file containing")


def test_a_package_is_not_elaborated(plant):
    assert list(lint.elaborates_alone(plant(GOOD, "package good;\nendpackage\n"))) == []


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("import levada.layers", None),
        ("from levada import layers", None),
        ("from levada.layer import Layer", None),
        ("import levada.layers.mvau.mvau", "levada.layers.mvau.mvau"),
        ("from levada.layers import mvau", "levada.layers.mvau"),
        ("from levada.layers.mvau.mvau import Mvau", "levada.layers.mvau.mvau.Mvau"),
    ],
)
def test_kinds_of_layers_are_not_named(tmp_path, code, name):
    path = tmp_path / "lower.py"
    path.write_text(f"def lower():\n    {code}\n")
    said = f"{path}:2: imports {name}; ask levada.layer for the registered kinds"
    assert list(lint.kinds_unnamed(path)) == [said] * (name is not None)


def test_all_files_are_looked_at():
    modules = {path.stem for path in lint.module_files()}
    assert {"mvau", "dot_pkg", "credit_fifo"} <= modules
    assert {"stream_check", "fifo_proof"} <= {path.stem for path in lint.harness_files()}
    assert {"levada.hpp", "mvau.hpp", "rtlsim.cpp"} <= {path.name for path in lint.cpp_files()}


@pytest.fixture
def library(monkeypatch, plant):
    """The linter looks at nothing but one planted module, with the checks that need no tool."""
    path = plant()
    monkeypatch.setattr(lint, "module_files", lambda: [path])
    monkeypatch.setattr(lint, "harness_files", list)
    monkeypatch.setattr(lint, "cpp_files", list)
    monkeypatch.setattr(lint, "compiler_files", list)
    monkeypatch.setattr(lint, "MODULE_CHECKS", (lint.headed, lint.readable))
    return path


def test_exit_codes(library, capsys):
    assert lint.main([]) == 0
    assert capsys.readouterr().out == ""
    library.write_text("return\nbreak\n")
    assert lint.main([]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{library}:1: starts without a comment; tell what the file is for in its first line",
        f"{library}:1: Yosys does not read `return`: assign to the function's name",
        f"{library}:2: Yosys does not read `break`: make it the loop's condition",
    ]


def test_fix_only_changes_the_layout(library, capsys):
    require("verible-verilog-format")
    library.write_text(GOOD.replace("  always_ff", "always_ff"))
    assert lint.main(["--fix"]) == 0
    assert library.read_text() == GOOD


def test_missing_tool(library, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(lint, "MODULE_CHECKS", (lint.modules_laid_out,))
    monkeypatch.setattr(lint.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert lint.main([]) == ToolMissingError.exit_code == 3
    assert capsys.readouterr().err == (
        "lint_hardware: verible-verilog-format is missing, and the hardware library is linted with it; "
        "run make setup\n"
    )


def test_require_skips_here_and_fails_in_ci(monkeypatch):
    assert require("pytest")
    monkeypatch.delenv("LEVADA_CI", raising=False)
    with pytest.raises(pytest.skip.Exception) as skipped:
        require("no_such_tool")
    assert str(skipped.value) == "no_such_tool is missing; `levada doctor` tells how to install it"
    monkeypatch.setenv("LEVADA_CI", "1")
    with pytest.raises(pytest.fail.Exception) as failed:
        require("no_such_tool")
    assert str(failed.value) == (
        "no_such_tool is missing; `levada doctor` tells how to install it "
        "(LEVADA_CI is set, so it must be there)"
    )
