"""Work in pieces: each is done once, whoever does it, and an end in the middle of a line costs that piece."""

import fcntl
import json
from dataclasses import dataclass

from tests import once


@dataclass(frozen=True)
class Numbered:
    number: int

    @property
    def key(self):
        return f"piece{self.number}"


def pieces(count):
    return [Numbered(number) for number in range(count)]


def values(found):
    return {key: entry["value"] for key, entry in found.items()}


def test_each_piece_is_done_once(tmp_path):
    done = []

    def do(piece, folder):
        done.append((piece.number, folder))
        return {"value": 90 + piece.number}

    once.work(pieces(3), tmp_path, do)
    found = once.work([*pieces(4), pieces(4)[3]], tmp_path, do)
    assert values(found) == {"piece0": 90, "piece1": 91, "piece2": 92, "piece3": 93}
    assert done == [(number, tmp_path / f"piece{number}") for number in range(4)]
    assert all(entry["seconds"] >= 0 for entry in found.values())


def test_a_line_that_was_cut_off_is_done_again(tmp_path):
    once.work(pieces(2), tmp_path, lambda piece, folder: {"value": 1})
    path = tmp_path / once.RESULTS
    path.write_text(path.read_text()[:-20])
    again = []
    found = once.work(pieces(2), tmp_path, lambda piece, folder: again.append(piece) or {"value": 2})
    assert again == pieces(2)[1:]
    assert values(found) == {"piece0": 1, "piece1": 2}


def test_what_another_process_does_is_waited_for(tmp_path, monkeypatch):
    one, other = pieces(2)
    lock = (tmp_path / f"{one.key}.lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    done = []

    def other_process(_):
        """Ends while this one waits."""
        with (tmp_path / once.RESULTS).open("a") as file:
            file.write(json.dumps({"key": one.key, "value": 5}) + "\n")
        lock.close()

    monkeypatch.setattr(once.time, "sleep", other_process)
    found = once.work([one, other], tmp_path, lambda piece, folder: done.append(piece) or {"value": 6})
    assert done == [other]
    assert values(found) == {one.key: 5, other.key: 6}
