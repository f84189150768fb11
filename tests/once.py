"""Long work in pieces: each is done once, by whichever process, and kept as a line of a file."""

from __future__ import annotations

import contextlib
import fcntl
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

RESULTS = "results.jsonl"
_POLL = 5.0  # seconds between looks at what other processes have done


class Piece(Protocol):
    """Some work with a result."""

    @property
    def key(self) -> str:
        """Of all that its result depends on, but for the code; a name of a file."""


P = TypeVar("P", bound=Piece)
#: What is kept of a piece.
Entry = dict[str, Any]


def results(folder: Path) -> dict[str, Entry]:
    """What has been done, by the pieces' keys; a line that an end has cut off counts for nothing."""
    path, found = folder / RESULTS, {}
    for line in path.read_text().splitlines() if path.is_file() else []:
        with contextlib.suppress(json.JSONDecodeError):
            entry = json.loads(line)
            found[entry["key"]] = entry
    return found


def work(pieces: Sequence[P], folder: Path, do: Callable[[P, Path], Entry]) -> dict[str, Entry]:
    """Does what no other process does, waits for those, and returns all results.

    Args:
        pieces: what is to be done, in this order.
        folder: for the results, and for a folder of each piece.
        do: takes a piece and its folder, in which it may go on from what an interruption has left there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    while missing := [piece for piece in pieces if piece.key not in results(folder)]:
        if not sum(_one(piece, folder, do) for piece in missing):
            time.sleep(_POLL)
    return results(folder)


def _one(piece: P, folder: Path, do: Callable[[P, Path], Entry]) -> bool:
    """Does a piece, unless another process is at it or was."""
    with (folder / f"{piece.key}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # it goes when the process does
        except BlockingIOError:
            return False
        if piece.key in results(folder):
            return True
        start = time.monotonic()
        entry = do(piece, folder / piece.key)
        entry = {"key": piece.key, "seconds": round(time.monotonic() - start, 1)} | entry
        with (folder / RESULTS).open("a") as file:
            # A line before it may have been cut off.
            file.write("\n" + json.dumps(entry) + "\n")
    return True
