"""Plans of tools: what is one, how it is written, and how it is run, with small programs for tools."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from dataclasses import replace

import pytest

from levada import content
from levada.errors import LevadaError
from levada.sim import native
from levada.synth import plan as plans
from levada.synth.plan import Command, CommandFailedError, Plan

# A stand-in for a tool: joins files into one, counts its runs, and fails where a file says so.
JOIN = """\
#!/bin/sh
echo "joining $*"
echo run >>"$RUNS"
target=$1
shift
cat "$@" >"$target"
if grep -q SLOW "$target"; then sleep 60; fi
if grep -q FAIL "$target"; then echo "ERROR: cannot join"; echo "more words"; exit 7; fi
if grep -q NOTHING "$target"; then rm "$target"; fi
"""


def join(target, *sources):
    return Command(("join-files", target, *sources), sources, (target,), f"{target}.log")


def example(first="one\n", second="two\n"):
    commands = (join("a.out", "a.txt"), join("b.out", "rtl/b.txt"), join("whole", "a.out", "b.out"))
    return Plan("files, joined", {"a.txt": first, "rtl/b.txt": second}, commands)


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """The program on the path, a cache of its own; gives how often it ran."""
    program = tmp_path / "bin" / "join-files"
    content.write_whole(program, JOIN)
    program.chmod(0o755)
    runs = tmp_path / "runs"
    runs.touch()
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("RUNS", str(runs))
    monkeypatch.setenv("LEVADA_CACHE", str(tmp_path / "cache"))
    return lambda: len(runs.read_text().splitlines())


def run(plan, folder, version="1.0"):
    plans.write(plan, folder)
    plans.run(plan, folder, version)
    return (folder / "whole").read_text()


def test_the_digest_is_over_everything():
    base = example()
    others = [
        example(first="three\n"),
        replace(
            base,
            files={"b.txt" if name == "a.txt" else name: t for name, t in base.files.items()} | {"a.txt": ""},
        ),
        replace(base, purpose="other"),
        replace(base, commands=base.commands[:2]),
        replace(base, commands=(*base.commands[:2], replace(base.commands[2], arguments=("join-files",)))),
    ]
    assert example().digest == base.digest
    assert len({base.digest, *(other.digest for other in others)}) == len(others) + 1


@pytest.mark.parametrize(
    "command",
    [
        join("c.out", "not-there"),
        join("a.txt", "rtl/b.txt"),
        join("run.sh", "a.txt"),
        join("../c.out", "a.txt"),
        join("/c.out", "a.txt"),
    ],
)
def test_a_plan_is_sound(command):
    with pytest.raises(AssertionError):
        replace(example(), commands=(command,))


def test_a_plan_is_run_and_its_logs_are_kept(tool, tmp_path):
    assert run(example(), tmp_path / "plan") == "one\ntwo\n"
    assert (tmp_path / "plan" / "whole.log").read_text() == "joining whole a.out b.out\n"
    assert tool() == 3


def test_what_is_unchanged_is_not_run_again(tool, tmp_path):
    run(example(), tmp_path / "plan")
    assert run(example(), tmp_path / "other") == "one\ntwo\n"
    assert (tmp_path / "other" / "a.out.log").read_text() == "joining a.out a.txt\n"
    assert tool() == 3
    os.utime(tmp_path / "plan" / "a.txt")  # a time stamp says nothing
    plans.run(example(), tmp_path / "plan", "1.0")
    assert tool() == 3
    assert run(example(second="new\n"), tmp_path / "plan") == "one\nnew\n"
    assert tool() == 5
    run(example(), tmp_path / "plan", "1.1")
    assert tool() == 8


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("FAIL", "join-files ended with exit code 7: ERROR: cannot join"),
        ("NOTHING", "join-files ended well but made no b.out"),
    ],
)
def test_a_failure_names_command_and_log_and_leaves_nothing_else(word, said, tool, tmp_path):
    with pytest.raises(CommandFailedError) as error:
        run(example(second=f"{word}\n"), tmp_path / "plan")
    assert str(error.value) == f"{said}; all that it said is in {error.value.log}"
    assert error.value.log.read_text().startswith("joining b.out rtl/b.txt\n")
    assert not list((tmp_path / "plan").glob("b.out*"))
    assert not (tmp_path / "plan" / "whole").exists()
    assert len(list((tmp_path / "cache" / "plans").iterdir())) <= 1  # the other command's, if it was faster


def test_two_builds_may_run_the_same_command_at_once(tool, tmp_path):
    """One ends while the other has not yet: neither takes anything from the other."""
    first, second, third = example().commands
    within = replace(first, check=lambda _folder: run(example(), tmp_path / "other"))
    assert run(replace(example(), commands=(within, second, third)), tmp_path / "plan") == "one\ntwo\n"
    for folder in ("plan", "other"):
        assert (tmp_path / folder / "a.out.log").read_text() == "joining a.out a.txt\n"


def test_a_failure_is_run_again(tool, tmp_path):
    for _ in range(2):
        with pytest.raises(CommandFailedError):
            run(example(first="FAIL\n"), tmp_path / "plan")
    assert tool() >= 2
    assert run(example(), tmp_path / "plan") == "one\ntwo\n"


def test_a_tool_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setenv("LEVADA_CACHE", str(tmp_path / "cache"))
    with pytest.raises(FileNotFoundError):
        run(example(), tmp_path / "plan")


@pytest.fixture
def interruptible():
    """Shells start what runs in the background with SIGINT ignored, and Python leaves it so."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_ends_the_tools(tool, tmp_path):
    timer = threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT))
    plans.write(example(second="SLOW\n"), tmp_path / "plan")
    start = time.monotonic()
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        plans.run(example(second="SLOW\n"), tmp_path / "plan", "1.0")
    assert time.monotonic() - start < 30
    assert not (tmp_path / "plan" / "b.out").exists()


def test_no_tool_starts_until_the_outermost_block_has_ended(tmp_path):
    def inner():
        with pytest.raises(OSError, match="inner"):
            native.side_by_side([fail], 1)
        native.run(["true"])

    def fail():
        raise OSError("inner")

    with pytest.raises(LevadaError) as error:
        native.side_by_side([inner], 1)
    assert str(error.value) == "stopped"
    assert native.run(["true"]) == ""


def script(folder, **environment):
    env = {**os.environ, **environment}
    return subprocess.run([folder / "run.sh"], env=env, capture_output=True, text=True, check=False, cwd="/")


def test_the_script_runs_all_of_it(tool, tmp_path):
    plans.write(example(), tmp_path / "plan")
    before = {path.name for path in (tmp_path / "plan").rglob("*")}
    assert before == {"a.txt", "rtl", "b.txt", "run.sh"}
    for times in (1, 2):
        done = script(tmp_path / "plan")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines() == [
            "levada: join-files a.out a.txt",
            "levada: join-files b.out rtl/b.txt",
            "levada: join-files whole a.out b.out",
            "levada: done",
        ]
        assert (tmp_path / "plan" / "whole").read_text() == "one\ntwo\n"
        assert tool() == 3 * times


def test_the_script_stops_at_the_first_failure(tool, tmp_path):
    plans.write(example(first="FAIL\n"), tmp_path / "plan")
    done = script(tmp_path / "plan")
    assert done.returncode == 7
    assert done.stderr.splitlines()[-1] == (
        "levada: join-files ended with exit code 7; all that it said is in a.out.log"
    )
    assert tool() == 1


def test_the_script_misses_what_is_not_made(tool, tmp_path):
    plans.write(example(first="NOTHING\n"), tmp_path / "plan")
    done = script(tmp_path / "plan")
    assert (done.returncode, done.stderr) == (1, "levada: the command ended well but made no a.out\n")


def test_the_script_asks_for_its_tools(tmp_path):
    plans.write(example(), tmp_path / "plan")
    done = script(tmp_path / "plan", PATH="/usr/bin:/bin")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "levada: join-files is not on PATH; add it\n"


def test_arguments_are_quoted():
    odd = Command(("tool", "a b", "$x", "it's"), (), ("an out",), "log")
    folderless = plans.script.text("x", "0", [plans.script.Call(odd.arguments, odd.writes, odd.log)], {})
    assert """run log tool 'a b' '$x' 'it'"'"'s'\nmade 'an out'\n""" in folderless


def test_a_program_may_have_another_name_here(tool, tmp_path):
    joined = replace(join("whole", "a.txt"), arguments=("joiner", "whole", "a.txt"))
    plan = Plan("files, joined", {"a.txt": "one\n"}, (joined,))
    plans.write(plan, tmp_path / "plan")
    plans.run(plan, tmp_path / "plan", "1.0", programs={"joiner": ("join-files",)})
    assert (tmp_path / "plan" / "whole").read_text() == "one\n"
    assert "joiner whole a.txt" in (tmp_path / "plan" / "run.sh").read_text()


def somewhere_else():
    """A plan that reads a file whose folder a variable tells."""
    command = Command(("join-files", "whole", "${DATA}/a b.txt"), (), ("whole",), "whole.log")
    return Plan("a file from elsewhere", {}, (command,), {"DATA": "the folder with a b.txt"})


def test_variables_are_found_where_the_plan_runs(tool, tmp_path, monkeypatch):
    for name in ("here it is", "there"):
        content.write_whole(tmp_path / name / "a b.txt", f"{name}\n")
        monkeypatch.setenv("DATA", str(tmp_path / name))
        assert run(somewhere_else(), tmp_path / "plan") == f"{name}\n"
        done = script(tmp_path / "plan")
        assert (done.returncode, done.stderr) == (0, "")
        assert (tmp_path / "plan" / "whole").read_text() == f"{name}\n"
    assert tool() == 4


def test_the_script_asks_for_variables(tool, tmp_path, monkeypatch):
    monkeypatch.delenv("DATA", raising=False)
    plans.write(somewhere_else(), tmp_path / "plan")
    done = script(tmp_path / "plan")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "levada: DATA is not set; it names the folder with a b.txt\n"
    assert tool() == 0


def test_a_plan_says_what_its_variables_are():
    with pytest.raises(AssertionError):
        replace(somewhere_else(), variables={})


def test_what_a_command_made_is_looked_at(tool, tmp_path):
    """What fails its check is not kept, and nothing reads it."""

    def check(folder):
        if "two" in (folder / "b.out").read_text():
            raise LevadaError("b.out has a two")

    first, second, third = example().commands
    plan = replace(example(), commands=(first, replace(second, check=check), third))
    assert plan.digest == example().digest
    for _ in range(2):
        with pytest.raises(LevadaError, match=r"^b\.out has a two$"):
            run(plan, tmp_path / "plan")
        assert not (tmp_path / "plan" / "b.out").exists()
        assert not (tmp_path / "plan" / "whole").exists()
    other = replace(plan, files=plan.files | {"rtl/b.txt": "three\n"})
    assert run(other, tmp_path / "plan") == "one\nthree\n"
