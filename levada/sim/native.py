"""Compiling C++ with what every machine has: g++, objects in parallel, results cached by content."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path

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


def run(command: Sequence[str | Path], cwd: Path | None = None, stdin: bytes | None = None) -> str:
    """Standard output of a tool; LevadaError with the end of what it said if it fails."""
    process = subprocess.run(
        [str(part) for part in command], cwd=cwd, input=stdin, capture_output=True, check=False
    )
    if process.returncode != 0:
        said = (process.stderr + process.stdout).decode(errors="replace").strip().splitlines()
        name = Path(str(command[0])).name
        tail = "\n".join(said[-15:])
        raise LevadaError(f"{name} failed with exit code {process.returncode}:\n{tail}")
    return process.stdout.decode(errors="replace")


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
