"""The documentation says what is so: commands, paths, links, numbers, messages, and a whole layer."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from levada_driver import Accelerator, cli

from levada.cli import app
from tests import arithmetic, designs, results

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")]
PAGES += sorted((ROOT / "docs").glob("*.md"))
LAYER_PAGE = ROOT / "docs" / "add-a-layer.md"
LIMITS_PAGE = ROOT / "docs" / "limits.md"
FOLDERS = ("levada", "hls", "models", "boards", "build_flows", "driver", "tests", "docs")
# Options that the text names of programs other than levada.
OTHERS = {"--deep", "--update", "--fix", "--no-deps"}
TO_BE_MADE = {"hls/sign"}
MESSAGE = "…"  # stands for a value in a message that the text quotes

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def blocks(page, language):
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def code(page):
    """Every inline code span outside of fenced blocks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S))


def commands(page):
    """Command lines, without comments: of shell blocks, and inline ones with a word behind the program."""
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    lines += [span for span in code(page) if re.match(r"(levada|make|levada-run|python -m) \S", span)]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def check_levada(words):
    verb = app.commands.get(words[0])
    assert verb, f"levada {words[0]} is no command"
    known = {name for parameter in verb.params for name in parameter.opts} | {"--help"}
    assert {w for w in words if w.startswith("-")} <= known, words
    if len(words) > 1:  # more than a mention: it must be complete
        verb.make_context(f"levada {words[0]}", words[1:])


def check_make(words):
    makefile = (ROOT / "Makefile").read_text()
    targets = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split()
    for word in words:
        name, is_variable, _ = word.partition("=")
        found = re.search(rf"^{name}\s*\?=", makefile, re.MULTILINE) if is_variable else name in targets
        assert found, f"make {word}"


def check_module(words):
    assert words[0] == "-m", words
    path = ROOT / re.sub(r"^levada/models/", "models/", words[1].replace(".", "/"))
    assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), words


def check_pytest(words):
    for word in words:
        assert word.startswith("-") or (ROOT / word).exists() or words[words.index(word) - 1] == "-k", word


CHECKS = {
    "levada": check_levada,
    "make": check_make,
    "levada-run": lambda words: cli._parser().parse_args(words),
    "python": check_module,
    "pytest": check_pytest,
}


@pages
def test_commands(page):
    for program, *words in commands(page):
        name = Path(program).name
        assert name in CHECKS, f"{name} {shlex.join(words)}: not known to this test"
        CHECKS[name](words)


def run_parsers():
    """That of levada-run, and those of its actions."""
    parser = cli._parser()
    (actions,) = (action.choices for action in parser._actions if isinstance(action.choices, dict))
    return [parser, *actions.values()]


@pages
def test_options(page):
    known = {name for verb in app.commands.values() for parameter in verb.params for name in parameter.opts}
    known |= {name for parser in run_parsers() for a in parser._actions for name in a.option_strings}
    for span in code(page):
        if span.startswith("--"):
            assert span.split()[0] in known | OTHERS, span


def slugs(page):
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pages
def test_links(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        assert not anchor or anchor in slugs(found), target


@pages
def test_paths(page):
    for span in code(page):
        word = span.split()[0].rstrip("/")
        if word.startswith(tuple(f"{folder}/" for folder in FOLDERS)) and word not in TO_BE_MADE:
            assert (ROOT / word).exists(), span


@pages
def test_no_page_has_long_lines(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
    long = [
        line for line in text.splitlines() if len(line) > 118 and not line.startswith(("|", "![", "    "))
    ]
    assert long == []


def test_results():
    """The README's tables are those of docs/results.json, which `python -m tests.results` writes."""
    measured = json.loads(results.FILE.read_text())
    for mark, rows in results.tables(measured).items():
        assert results.block(mark, rows) in results.README.read_text()


def test_benchmarks():
    """The tables of docs/benchmarks.md are those of docs/benchmarks.json and docs/arithmetic.json."""
    page = designs.PAGE.read_text()
    tables = designs.tables(designs.measured()) | arithmetic.tables(json.loads(arithmetic.FILE.read_text()))
    assert results.between_marks(page, tables) == page


def test_driver_snippet():
    (snippet,) = blocks(ROOT / "README.md", "python")
    used = {
        node.func.attr
        for node in ast.walk(ast.parse(snippet))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert {"run", "selftest", "info"} <= used
    assert all(hasattr(Accelerator, name) for name in used - {"zeros"})


def literals():
    """Every text of the sources, with MESSAGE for what is filled in."""
    for folder in ("levada", "hls", "driver", "models"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.JoinedStr):
                    yield "".join(p.value if isinstance(p, ast.Constant) else MESSAGE for p in node.values)
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


def test_messages():
    """What docs/limits.md says a user reads stands in the sources, with values filled in or without."""
    texts = list(literals())
    forms = [re.escape(text).replace(MESSAGE, ".+") for text in texts if sum(map(str.isalpha, text)) > 8]
    known, filled = "\0".join(texts), re.compile("|".join(f"(?:{form})" for form in forms))
    quoted = re.findall(r"“([^”]+)”", " ".join(LIMITS_PAGE.read_text().split()))
    assert len(quoted) > 10
    assert [text for text in quoted if not (text in known or filled.fullmatch(text) or text == "so")] == []


CHECK_LAYER = """
import levada.layers
from hypothesis import HealthCheck, given, settings, strategies as st
from levada.layer import registered
from tests.layers.netlist import NetlistSim
from tests.layers.test_layers import assert_equal, check_simulators, combined, expected

def draws(size):
    # Hypothesis' first example is the smallest there is; the second is a random one.
    quick = settings(max_examples=2, derandomize=True, database=None, deadline=None,
                     suppress_health_check=list(HealthCheck))
    layers = st.lists(registered()["sign"].strategy(), min_size=size, max_size=size)
    return lambda test: quick(given(layers)(test))()

draws(8)(check_simulators)

@draws(2)
def check_netlist(cases):
    graph, data = combined(cases)
    run = NetlistSim(graph).run(*data, stalls=0.3, seed=3)
    assert_equal(graph, "netlist", run.outputs, expected(graph, data))
"""

LINT_LAYER = """
from pathlib import Path
from tests import lint_hardware as lint
for checks, name in ((lint.MODULE_CHECKS, "sign.sv"), (lint.CPP_CHECKS, "sign.hpp")):
    for check in checks:
        for finding in check(Path("hls/sign", name).resolve()):
            print(finding)
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """Runs Python in a copy of the repository that has the page's layer, as a reader would add it."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("levada", "hls", "models", "boards", "build_flows", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", ".clang-format", ".verible-lint"):
        shutil.copy(ROOT / name, folder)
    layer = folder / "hls" / "sign"
    layer.mkdir()
    for language, suffix in (("python", "py"), ("cpp", "hpp"), ("systemverilog", "sv")):
        (text,) = blocks(LAYER_PAGE, language)
        (layer / f"sign.{suffix}").write_text(text)

    def python(*arguments):
        env = {**os.environ, "PYTHONPATH": str(folder), "LEVADA_OFFLINE": "1"}
        command = [sys.executable, *map(str, arguments)]
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert Path(python("-c", "import levada; print(levada.__file__)")).is_relative_to(folder)
    return python


@pytest.mark.slow
def test_the_layer_of_the_page_is_exact_at_every_level(checkout):
    checkout("-c", CHECK_LAYER)


@pytest.mark.slow
def test_the_layer_of_the_page_is_used_by_a_build(checkout, tmp_path):
    estimate = ("--flow", "estimate", "--out", tmp_path / "out", "--json")
    report = json.loads(checkout("-m", "levada.cli", "build", "tfc-w1a1", *estimate))
    assert report["layers"][0]["name"] == "sign_0"
    assert report["levels"]["graph"]["mismatches"] == 0


def test_the_layer_of_the_page_is_listed_and_clean(checkout):
    rows = json.loads(checkout("-m", "levada.cli", "layers", "--json"))
    (row,) = (row for row in rows if row["kind"] == "sign")
    assert row["operators"] == ["MultiThreshold"]
    assert checkout("-c", LINT_LAYER) == ""
    config = ("--config", ROOT / "pyproject.toml")
    checkout("-m", "ruff", "check", *config, "hls/sign")
    checkout("-m", "ruff", "format", "--check", *config, "hls/sign")
