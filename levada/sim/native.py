"""Compiling C++ with what every machine has: g++, objects in parallel, results cached by content."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

from levada import content
from levada.errors import LevadaError, ToolMissingError

JOBS = max(1, len(os.sched_getaffinity(0)))


@cache
def compiler() -> str:
    """Path of the C++ compiler: `$CXX` or g++."""
    found = shutil.which(os.environ.get("CXX", "g++"))
    if found is None:
        raise ToolMissingError("g++ is missing, and simulation compiles C++; on Debian: apt install g++")
    return found


@cache
def compiler_version() -> str:
    """First line of `--version`: part of every cache key."""
    return run([compiler(), "--version"]).splitlines()[0]


@dataclass(frozen=True)
class Finished:
    """How a tool ended, and what it said on both outputs."""

    code: int
    stdout: str
    stderr: str


class _Children:
    """The tools that run now, so that an interrupted build can end them instead of waiting."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._stopping = False
        self._blocks = 0

    def start(
        self,
        command: Sequence[str | Path],
        cwd: Path | None,
        env: Mapping[str, str] | None,
        log: IO[str] | None = None,
    ) -> subprocess.Popen[str]:
        """With a `log` for both outputs, the tool leads a group of processes, which end with it."""
        with self._lock:
            if self._stopping:
                raise LevadaError("stopped")
            process = subprocess.Popen(
                [str(part) for part in command],
                cwd=cwd,
                env=None if env is None else {**os.environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=log or subprocess.PIPE,
                stderr=subprocess.STDOUT if log else subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=log is not None,
            )
            self._running.add(process)
            return process

    def finished(self, process: subprocess.Popen[str]) -> None:
        with self._lock:
            self._running.discard(process)

    def stop(self) -> None:
        with self._lock:
            self._stopping = True
            for process in self._running:
                _kill(process)

    def enter(self) -> None:
        with self._lock:
            self._blocks += 1

    def leave(self) -> None:
        """Tools may start again after the outermost block: what is left of the inner ones is not wanted."""
        with self._lock:
            self._blocks -= 1
            self._stopping = self._stopping and self._blocks > 0


def _kill(process: subprocess.Popen[str]) -> None:
    """Ends a tool, and those that it started where they are a group of their own."""
    with contextlib.suppress(ProcessLookupError):
        if os.getpgid(process.pid) == process.pid:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


_children = _Children()


@contextmanager
def stoppable() -> Iterator[None]:
    """A block in which an exception, Ctrl-C among them, ends every tool that still runs for it."""
    try:
        yield
    except BaseException:
        _children.stop()
        raise


def side_by_side(jobs: Sequence[Callable[[], None]], most: int) -> None:
    """Runs jobs, up to `most` at once; the first failure, or Ctrl-C, ends the tools of all the others."""
    _children.enter()
    try:
        with ThreadPoolExecutor(most) as pool, stoppable():
            for future in as_completed([pool.submit(job) for job in jobs]):
                future.result()
    finally:
        _children.leave()


#: How simulators are compiled: for long runs, or for short ones, where compiling takes the time.
LONG_RUNS, SHORT_RUNS = "-O2", "-O0"


def call(
    command: Sequence[str | Path], cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> Finished:
    """Runs a tool to its end, whatever that is; `env` adds to the environment."""
    process = _children.start(command, cwd, env)
    try:
        stdout, stderr = process.communicate()
    finally:
        _children.finished(process)
    return Finished(process.returncode, stdout, stderr)


def logged(command: Sequence[str | Path], cwd: Path, log: Path) -> int:
    """Runs a tool to its end, with all that it says in `log`; gives its exit code."""
    with log.open("w") as output:
        process = _children.start(command, cwd, None, output)
        try:
            return process.wait()
        except BaseException:
            _kill(process)
            process.wait()
            raise
        finally:
            _children.finished(process)


def run(command: Sequence[str | Path], cwd: Path | None = None) -> str:
    """Standard output of a tool; LevadaError with the end of what it said if it fails."""
    done = call(command, cwd)
    if done.code != 0:
        tail = "\n".join((done.stderr + done.stdout).strip().splitlines()[-15:])
        raise LevadaError(f"{Path(str(command[0])).name} failed with exit code {done.code}:\n{tail}")
    return done.stdout


def compile_objects(jobs: Sequence[tuple[Path, Path, Sequence[str]]]) -> None:
    """Compiles (source, object, flags) in parallel."""
    with ThreadPoolExecutor(JOBS) as pool:
        done = [
            pool.submit(run, [compiler(), *flags, "-c", source, "-o", target])
            for source, target, flags in jobs
        ]
        for future in done:
            future.result()


def precompiled(text: str, flags: Sequence[str]) -> list[str]:
    """Flags that include the header `text`, parsed once for each set of flags and kept in the cache."""
    key = content.digest(compiler_version(), text, *flags)
    with made_once("headers", key, "header.hpp.gch") as (target, work):
        if work is not None:
            header = target.with_name("header.hpp")
            content.write_whole(header, text)
            run([compiler(), *flags, "-x", "c++-header", header, "-o", work / "header.hpp.gch"])
    return ["-include", str(target.with_name("header.hpp"))]


@contextmanager
def made_once(kind: str, key: str, name: str) -> Iterator[tuple[Path, Path | None]]:
    """Yields (final path, work folder or None if it exists already) for a cached file of this content.

    The block leaves the file under `name` in the work folder; it is renamed into the cache at its end.
    """
    target = content.cache_dir(kind) / key / name
    if target.exists():
        yield target, None
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=target.parent, prefix=".work."))
    try:
        yield target, work
        (work / name).replace(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
