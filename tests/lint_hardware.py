"""Lints the hardware library: `python -m tests.lint_hardware [--fix]`, one line a finding, exit code 1.

What tools know is left to them: layout to verible-verilog-format and clang-format, style to
verible-verilog-lint, and Verilator elaborates every module alone. The rest are rules of this library.
`--fix` lays the files out anew before anything is checked.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from levada.emit import sv
from levada.errors import LevadaError, ToolMissingError
from levada.sim.native import JOBS
from levada.sim.rtlsim import verilator_root

ROOT = Path(__file__).resolve().parent.parent
MOST_LINES = 400
MEND = "run python -m tests.lint_hardware --fix"

# Flush left where the default infers a style: the result then depends on the code alone, not on its spaces.
VERIBLE_FORMAT = (
    "--column_limit=110",
    "--port_declarations_alignment=align",
    *(
        f"--{what}_alignment=flush-left"
        for what in (
            "assignment_statement",
            "case_items",
            "formal_parameters",
            "module_net_variable",
            "named_parameter",
            "named_port",
        )
    ),
    "--failsafe_success=false",
)
VERIBLE_LINT = (f"--rules_config={ROOT / '.verible-lint'}",)
CLANG_FORMAT = (f"--style=file:{ROOT / '.clang-format'}",)
VERILATOR = (
    "--lint-only",
    "--quiet",
    "-Wall",
    "+define+LEVADA_ASSERTIONS",
    # The wrapper below leaves every port open.
    "-Wno-PINMISSING",
    # The wrapper's file; that modules are named as their files is checked by `named_as_file`.
    "-Wno-DECLFILENAME",
)
# Warnings that are wrong for good, each with its reason.
VERILATOR_WAIVERS = """`verilator_config
// A tree of one term is a wire: its clock has nothing to do.
lint_off -rule UNUSEDSIGNAL -file "*/adder_tree.sv" -match "Signal is not used: 'clk'*"
lint_off -rule UNUSEDSIGNAL -file "*/shifted_sum.sv" -match "Signal is not used: 'clk'*"
// Levels grow by the worst case of all weights; the sum is modulo 2^SUM_WIDTH, which the caller knows better.
lint_off -rule UNUSEDSIGNAL -file "*/shifted_sum.sv" -match "Bits of signal are not used: 'terms'*"
// A slice adds 48 bits, however many of them hold lanes.
lint_off -rule UNUSEDSIGNAL -file "*/dot_dsp.sv" -match "Bits of signal are not used: 'sum'*"
lint_off -rule UNUSEDSIGNAL -file "*/mult_chain.sv" -match "Bits of signal are not used: 'product'*"
// The tree's sum is modulo 2^BITS.
lint_off -rule UNUSEDSIGNAL -file "*/mult_chain.sv" -match "Bits of signal are not used: 'total'*"
// Simulation does not tell the wires of a cascade from others.
lint_off -rule UNUSEDPARAM -file "*/dsp_slice.sv" -match "Parameter is not used: 'LAST'*"
"""

# What Yosys does not read, or not in every version.
FORBIDDEN = {
    r"\breturn\b": "`return`: assign to the function's name",
    r"\bimport\b": "`import`: write package::name",
    r"'\{": "an assignment pattern `'{`: assign the elements",
    r"\b(?:parameter|localparam)\s+(?:type|string)\b": "`parameter type` or `string`: give a width",
    r"\binside\b": "`inside`: compare",
    r"\bbreak\b": "`break`: make it the loop's condition",
    r"\bforeach\b": "`foreach`: count with `for`",
}


def find_tool(name: str) -> str:
    """A program of a development wheel, beside this Python or on the path."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    found = shutil.which(name, path=path)
    if found is None:
        raise ToolMissingError(
            f"{name} is missing, and the hardware library is linted with it; run make setup"
        )
    return found


def run(command: Sequence[str | Path], **options: object) -> subprocess.CompletedProcess[str]:
    """A tool with its output as text."""
    words = [str(word) for word in command]
    return subprocess.run(words, capture_output=True, text=True, check=False, **options)


def shown(path: Path) -> str:
    """The path as seen from the repository's root."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def modules_laid_out(path: Path, fix: bool = False) -> Iterator[str]:
    """verible-verilog-format leaves the file as it is."""
    command = [find_tool("verible-verilog-format"), *VERIBLE_FORMAT]
    if fix:
        run([*command, "--inplace", path])
    elif run([*command, "--verify", path]).returncode != 0:
        yield f"{shown(path)}: is not laid out by verible-verilog-format; {MEND}"


def cpp_laid_out(path: Path, fix: bool = False) -> Iterator[str]:
    """clang-format leaves the file as it is."""
    command = [find_tool("clang-format"), *CLANG_FORMAT]
    if fix:
        run([*command, "-i", path])
    elif run([*command, "--dry-run", "--Werror", path]).returncode != 0:
        yield f"{shown(path)}: is not laid out by clang-format; {MEND}"


def styled(path: Path) -> Iterator[str]:
    """verible-verilog-lint finds nothing."""
    process = run([find_tool("verible-verilog-lint"), *VERIBLE_LINT, path])
    said = (process.stdout + process.stderr).splitlines()
    if process.returncode != 0 and not said:
        said = [f"{path}: verible-verilog-lint failed with exit code {process.returncode}"]
    for line in said:
        yield line.replace(str(path), shown(path))


def library_of(path: Path) -> Path:
    """The library that a module belongs to: in its common/, modules may lie one folder deeper."""
    return path.parents[2] if path.parents[1].name == "common" else path.parents[1]


def elaborates_alone(path: Path) -> Iterator[str]:
    """The module with default parameters, and all it instantiates, pass Verilator without a warning."""
    if not re.search(r"^module\b", code_of(path.read_text()), re.MULTILINE):
        return  # a package is checked within the modules that use it
    library = {file.stem: file for file in library_of(path).rglob("*.sv")}
    yield from verilate(path, [library[name] for name in sv.compile_order({path.stem})])


def verilate(path: Path, files: Sequence[Path]) -> Iterator[str]:
    """Verilator's warnings about the module of `path`, given its files in their order.

    The top is a wrapper, as Verilator does not join a module that instantiates itself to its copies when that
    module is the top. No default parameter names a memory image that is read here: that is done at run time.
    """
    with tempfile.TemporaryDirectory(prefix="levada-lint-") as folder:
        work = Path(folder)
        (work / "waivers.vlt").write_text(VERILATOR_WAIVERS)
        (work / "lint_top.sv").write_text(f"module lint_top;\n  {path.stem} u_dut ();\nendmodule\n")
        headers = library_of(path).rglob("*.svh")
        includes = [f"-I{include}" for include in sorted({file.parent for file in headers})]
        command = [
            verilator_root() / "bin" / "verilator_bin",
            *VERILATOR,
            *includes,
            "--top-module",
            "lint_top",
        ]
        environment = {**os.environ, "VERILATOR_ROOT": str(verilator_root())}
        sources = [file.resolve() for file in files]
        process = run([*command, "waivers.vlt", *sources, "lint_top.sv"], cwd=work, env=environment)
    found = [
        line for line in process.stderr.splitlines() if line.startswith("%") and "Exiting due" not in line
    ]
    for line in found or process.stderr.splitlines()[:1] * (process.returncode != 0):
        yield f"{shown(path)}: verilator: {line.replace(f'{ROOT}/', '').lstrip('%')}"


def code_of(text: str) -> str:
    """The source without comments and the contents of strings, its lines where they were."""
    found = r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"'
    return re.sub(found, lambda match: re.sub(r"[^\n]", " ", match.group()), text, flags=re.DOTALL)


def line_of(text: str, index: int) -> int:
    """Number of the line that holds the character."""
    return text.count("\n", 0, index) + 1


def named_as_file(path: Path) -> Iterator[str]:
    """The file holds one module (or package), and that has its name."""
    names = re.findall(
        r"^\s*(?:module|package)\s+(?:automatic\s+)?(\w+)", code_of(path.read_text()), re.MULTILINE
    )
    if names != [path.stem]:
        held = " and ".join(names) or "nothing"
        yield f"{shown(path)}: holds {held}; a file holds the one module or package it is named after"


def headed(path: Path) -> Iterator[str]:
    """The file tells what it holds before anything else."""
    if not path.read_text().startswith("// "):
        yield f"{shown(path)}:1: starts without a comment; tell what the file is for in its first line"


def short(path: Path) -> Iterator[str]:
    """The file is read in one go."""
    lines = len(path.read_text().splitlines())
    if lines > MOST_LINES:
        yield f"{shown(path)}: has {lines} lines; split it, {MOST_LINES} are the most"


def labelled(path: Path) -> Iterator[str]:
    """Every loop and branch of a generate region is a block with a label: it names the hierarchy."""
    code = code_of(path.read_text())
    for match in re.finditer(r"\bfor\s*\(\s*genvar\b|\bgenerate\b", code):
        start = code.index("(", match.start()) if match.group().startswith("for") else None
        rest = code[closing(code, start) if start is not None else match.end() :]
        begins_labelled = re.match(r"\s*begin\s*:\s*\w+", rest)
        if not begins_labelled and (start is not None or re.match(r"\s*begin\b", rest)):
            line = line_of(code, match.start())
            yield f"{shown(path)}:{line}: a generate block has no label; write begin : gen_name"


def closing(code: str, opening: int) -> int:
    """The place after the bracket that closes the one at `opening`."""
    depth = 0
    for index in range(opening, len(code)):
        depth += {"(": 1, ")": -1}.get(code[index], 0)
        if depth == 0:
            return index + 1
    return len(code)


def readable(path: Path) -> Iterator[str]:
    """No construct that Yosys cannot read."""
    code = code_of(path.read_text())
    for pattern, text in FORBIDDEN.items():
        for match in re.finditer(pattern, code):
            yield f"{shown(path)}:{line_of(code, match.start())}: Yosys does not read {text}"


def kinds_unnamed(path: Path) -> Iterator[str]:
    """A module of the compiler imports no kind of layer: a new kind is then no edit of the compiler."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in getattr(node, "names", []) if isinstance(alias, ast.alias)]
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{name}" for name in names]
        for name in names:
            if name.startswith("levada.layers."):
                said = f"imports {name}; ask levada.layer for the registered kinds"
                yield f"{shown(path)}:{node.lineno}: {said}"


Check = Callable[[Path], Iterator[str]]
HARNESS_CHECKS: tuple[Check, ...] = (
    named_as_file,
    headed,
    labelled,
    readable,
    short,
    modules_laid_out,
    styled,
)
MODULE_CHECKS: tuple[Check, ...] = (*HARNESS_CHECKS, elaborates_alone)
CPP_CHECKS: tuple[Check, ...] = (headed, short, cpp_laid_out)
COMPILER_CHECKS: tuple[Check, ...] = (kinds_unnamed,)


def module_files() -> list[Path]:
    """Every SystemVerilog file of the library."""
    return sorted((ROOT / "hls").rglob("*.sv"))


def harness_files() -> list[Path]:
    """Every SystemVerilog file of the proofs, whose elaboration is the proofs' own affair."""
    return sorted((ROOT / "tests" / "formal").glob("*.sv"))


def cpp_files() -> list[Path]:
    """Every C++ file of the library, of the simulators and of test benches."""
    library = [path for path in (ROOT / "hls").rglob("*") if path.suffix in {".hpp", ".cpp"}]
    compiler = [*(ROOT / "levada" / "sim").glob("*.[ch]pp"), *(ROOT / "levada" / "emit").rglob("*.cpp")]
    return sorted([*library, *compiler])


def compiler_files() -> list[Path]:
    """Every module of the compiler; the kinds themselves lie in hls/."""
    return sorted((ROOT / "levada").rglob("*.py"))


def findings() -> list[str]:
    """Everything the checks have to say, by file."""
    jobs = [(check, path) for path in module_files() for check in MODULE_CHECKS]
    jobs += [(check, path) for path in harness_files() for check in HARNESS_CHECKS]
    jobs += [(check, path) for path in cpp_files() for check in CPP_CHECKS]
    jobs += [(check, path) for path in compiler_files() for check in COMPILER_CHECKS]
    with ThreadPoolExecutor(JOBS) as pool:
        return [line for found in pool.map(lambda job: list(job[0](job[1])), jobs) for line in found]


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the findings; 1 if there are any, 3 if a tool is missing."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.lint_hardware", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--fix", action="store_true", help="lay the files out anew first")
    try:
        if parser.parse_args(arguments).fix:
            for path in [*module_files(), *harness_files()]:
                list(modules_laid_out(path, fix=True))
            for path in cpp_files():
                list(cpp_laid_out(path, fix=True))
        found = findings()
    except LevadaError as error:
        print(f"lint_hardware: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    print(*found, sep="\n", end="\n" if found else "")  # noqa: T201
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
