"""Plans of tools: every file and every command first, as a value; then written for anybody, or run here.

A back end that calls external tools makes a plan, so it is tested without them. What a command makes is kept
in the cache under a digest of all that it reads, so it is not run again as long as that is the same.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from levada import content
from levada.emit import script
from levada.errors import LevadaError
from levada.sim import native

#: What is called on this machine for the name that a program has on others.
Programs = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Command:
    """One call of a tool, in the folder of its plan.

    Attributes:
        arguments: the program and what it is called with; ${NAME} in it is a variable of the environment.
        reads: the files of the plan, or of earlier commands, on which its result depends.
        writes: the files that it leaves behind where it ends well.
        log: the file for all that it says.
        check: looks at what it left in a folder, before anything else reads it; raises LevadaError.
    """

    arguments: tuple[str, ...]
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    log: str
    check: Callable[[Path], object] = field(default=lambda _folder: None, repr=False, compare=False)

    @property
    def variables(self) -> list[str]:
        """The variables of the environment that its arguments name."""
        return [name for argument in self.arguments for name in script.VARIABLE.findall(argument)]


@dataclass(frozen=True)
class Plan:
    """What is to be done: files by name, and commands in an order in which they can run.

    Attributes:
        purpose: what the commands are for, in a few words.
        files: texts by name, below the folder in which the commands run.
        commands: those that wait for no other may run side by side.
        variables: what each variable of the environment is that the commands name, in words.
    """

    purpose: str
    files: Mapping[str, str]
    commands: tuple[Command, ...]
    variables: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = {*self.files, script.NAME}
        assert len(known) == len(self.files) + 1, f"{script.NAME} is what runs the plan"
        for command in self.commands:
            assert known.issuperset(command.reads), f"{command.log}: reads what is not there"
            made = [*command.writes, command.log]
            assert known.isdisjoint(made), f"{command.log}: writes over another file"
            known.update(made)
            assert self.variables.keys() >= set(command.variables), f"{command.log}: says not what they are"
        for name in known:
            assert not {"/", ".."} & set(PurePosixPath(name).parts), f"{name}: lies outside of the plan"

    @property
    def digest(self) -> str:
        """What tells the plan from any other."""
        files = (text for pair in sorted(self.files.items()) for text in pair)
        return content.digest(self.purpose, *files, *(repr(command) for command in self.commands))


class CommandFailedError(LevadaError):
    """A command ended badly, for a `reason`; what it said is in the file `log`."""

    def __init__(self, text: str, reason: str, log: Path) -> None:
        super().__init__(f"{text} {reason}; all that it said is in {log}")
        self.reason, self.log = reason, log


def write(plan: Plan, folder: Path) -> None:
    """Writes a folder that any machine with the tools can work on: `run.sh` there runs every command."""
    calls = [script.Call(command.arguments, command.writes, command.log) for command in plan.commands]
    with content.folder_made_whole(folder) as work:
        for name, text in plan.files.items():
            content.write_whole(work / name, text)
        content.write_whole(work / script.NAME, script.text(plan.purpose, plan.digest, calls, plan.variables))
        (work / script.NAME).chmod(0o755)


def run(plan: Plan, folder: Path, version: str, keep: bool = True, programs: Programs | None = None) -> None:
    """Runs a plan in a folder that `write` made, by tools of this version; what it makes lies there, too.

    `keep=False` is for a back end that keeps its results in a form of its own. `programs` are those that have
    another name here.

    Raises:
        CommandFailedError: a command ended badly. Nothing of what it made is left.
        LevadaError: what a command made does not do, as its `check` says.
    """
    for group in _groups(plan):
        jobs = [partial(_make, command, folder, version, keep, programs or {}) for command in group]
        native.side_by_side(jobs, native.JOBS)


def _groups(plan: Plan) -> Iterator[list[Command]]:
    """The commands in groups, each of which reads nothing that is made later or in the same group."""
    there, waiting = set(plan.files), list(plan.commands)
    while waiting:
        ready = [command for command in waiting if there.issuperset(command.reads)]
        yield ready
        waiting = [command for command in waiting if command not in ready]
        there.update(name for command in ready for name in command.writes)


def _make(command: Command, folder: Path, version: str, keep: bool, programs: Programs) -> None:
    """Takes what a command makes from the cache, or runs it and, if wanted, keeps that."""
    read = (part for name in command.reads for part in (name, (folder / name).read_bytes()))
    values = (os.environ[name] for name in command.variables)
    key = content.digest(version, repr(command), *values, *read)
    kept = content.cache_dir("plans") / key
    if kept.exists():
        for name in _made(command):
            shutil.copyfile(kept / name, folder / name)
        return
    try:
        _call(command, folder, key, programs)
        command.check(folder)
        if keep:
            _copy(command, folder, kept)
    except BaseException:
        for name in _made(command):
            (folder / name).unlink(missing_ok=True)
        raise


def _call(command: Command, folder: Path, key: str, programs: Programs) -> None:
    program, *rest = (
        script.VARIABLE.sub(lambda found: os.environ[found[1]], argument) for argument in command.arguments
    )
    log = folder / command.log
    code = native.logged([*programs.get(program, (program,)), *rest], folder, log)
    absent = [name for name in command.writes if not (folder / name).is_file()]
    if code == 0 and not absent:
        return
    # A build that fails leaves no folder behind, but what its tool said.
    failed = content.cache_dir("logs") / key / command.log
    content.write_whole(failed, log.read_bytes())
    if code == 0:
        raise CommandFailedError(f"{program} ended well but", f"made no {absent[0]}", failed)
    words = _last_words(log.read_text(errors="replace"))
    raise CommandFailedError(f"{program} ended with exit code {code}:", words, failed)


def _copy(command: Command, folder: Path, kept: Path) -> None:
    with content.folder_made_whole(kept) as work:
        for name in _made(command):
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, work / name)


def _made(command: Command) -> tuple[str, ...]:
    return (*command.writes, command.log)


def _last_words(said: str) -> str:
    """The first line with an error, which tends to cause the others; else the last line."""
    lines = said.strip().splitlines()
    return next((line for line in lines if "ERROR" in line), lines[-1] if lines else "it said nothing")
