"""Results are written whole or not at all, whatever goes wrong and whoever writes at the same time."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import pytest

from levada import content
from levada.errors import LevadaError
from levada.sim import native


class OddError(Exception):
    """Nothing that levada itself raises."""


FAILURES = (OddError, KeyboardInterrupt, SystemExit)


def tree(folder):
    """Every path below a folder, and what the files hold."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize("data", ["text\nwith ä", b"\x00bytes\xff"])
def test_write_whole_writes_text_and_bytes(tmp_path, data):
    path = tmp_path / "new" / "folder" / "file"
    content.write_whole(path, data)
    content.write_whole(path, data)
    assert path.read_bytes() == (data if isinstance(data, bytes) else data.encode())
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tree(path.parent.parent)) == ["folder", "folder/file"]


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("method", ["replace", "chmod"])
def test_write_whole_interrupted_keeps_the_earlier_file(tmp_path, monkeypatch, failure, method):
    path = tmp_path / "file"
    path.write_text("earlier")

    def fail(*_args):
        raise failure

    monkeypatch.setattr(Path, method, fail)
    with pytest.raises(failure):
        content.write_whole(path, "later")
    assert tree(tmp_path) == {"file": b"earlier"}


def test_write_whole_of_what_cannot_be_encoded_leaves_nothing(tmp_path):
    with pytest.raises(UnicodeEncodeError):
        content.write_whole(tmp_path / "file", "\ud800")
    assert tree(tmp_path) == {}


def build(target, text, failure=None):
    with content.folder_made_whole(target) as work:
        (work / "sub").mkdir()
        (work / "sub" / "file").write_text(text)
        if failure is not None:
            raise failure


def test_a_folder_replaces_the_earlier_one_at_the_end(tmp_path):
    target = tmp_path / "deep" / "out"
    build(target, "first")
    (target / "left over").write_text("x")
    with content.folder_made_whole(target) as work:
        (work / "other").write_text("second")
        assert (target / "left over").exists()
    assert tree(tmp_path / "deep") == {"out": None, "out/other": b"second"}
    assert target.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("earlier", [True, False])
def test_a_folder_that_fails_leaves_nothing_behind(tmp_path, failure, earlier):
    target = tmp_path / "out"
    if earlier:
        build(target, "earlier")
    before = tree(tmp_path)
    with pytest.raises(failure):
        build(target, "later", failure())
    assert tree(tmp_path) == before


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("call", [1, 2])
def test_a_folder_interrupted_while_it_takes_its_place(tmp_path, monkeypatch, failure, call):
    target = tmp_path / "out"
    build(target, "earlier")
    before = tree(tmp_path)
    rename, calls = Path.rename, []

    def sometimes(path, to):
        calls.append(path)
        if len(calls) == call:
            raise failure
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", sometimes)
    with pytest.raises(failure):
        build(target, "later")
    assert tree(tmp_path) == before


def test_a_folder_where_none_can_be(tmp_path):
    (tmp_path / "file").write_text("x")
    target = tmp_path / "file" / "out"
    with pytest.raises(LevadaError) as error:
        build(target, "text")
    assert str(error.value) in {
        f"{target}: cannot write there ({reason}); choose another --out"
        for reason in ("File exists", "Not a directory")
    }


def test_a_digest_knows_where_parts_end():
    assert content.digest("ab", "c") != content.digest("a", "bc") != content.digest("abc")
    assert content.digest("ä") == content.digest("ä".encode())
    sized = (2).to_bytes(8, "little") + b"ab"
    assert content.digest("ab") == hashlib.sha256(sized).hexdigest()


def test_the_cache_is_where_it_is_asked_to_be(tmp_path, monkeypatch):
    monkeypatch.setenv("LEVADA_CACHE", str(tmp_path))
    assert content.cache_dir("kind") == tmp_path / "kind"
    assert (tmp_path / "kind").is_dir()


@pytest.mark.parametrize("kind", ["hls", "boards", "models", "build_flows"])
def test_content_is_found(kind):
    assert any(content.root(kind).iterdir())


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LEVADA_CACHE", str(tmp_path))
    return tmp_path


def test_a_cache_entry_is_made_once(cache):
    made = []
    for _ in range(3):
        with native.made_once("kind", "key", "file") as (target, work):
            if work is not None:
                made.append(work)
                (work / "file").write_text("result")
    assert len(made) == 1
    assert target == cache / "kind" / "key" / "file"
    assert tree(cache) == {"kind": None, "kind/key": None, "kind/key/file": b"result"}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_cache_entry_that_fails_is_none(cache, failure):
    def make():
        with native.made_once("kind", "key", "file") as (_, work):
            (work / "file").write_text("half")
            raise failure

    for _ in range(2):
        with pytest.raises(failure):
            make()
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_many_writers_of_one_cache_entry(cache):
    together = threading.Barrier(4)
    seen = []

    def make(number):
        with native.made_once("kind", "key", "file") as (target, work):
            together.wait(10)  # all have found the entry missing
            (work / "file").write_text("the same from each")
            together.wait(10)
        seen.append((number, target.read_text()))

    threads = [threading.Thread(target=make, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(seen) == [(number, "the same from each") for number in range(4)]
    assert tree(cache) == {"kind": None, "kind/key": None, "kind/key/file": b"the same from each"}


def test_many_writers_of_one_file(tmp_path):
    texts = [str(number) * 100_000 for number in range(4)]
    threads = [
        threading.Thread(target=content.write_whole, args=(tmp_path / "file", text)) for text in texts * 4
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (tmp_path / "file").read_text() in texts
    assert list(tree(tmp_path)) == ["file"]
