"""Look-alikes of published files in place of the real ones: a data set knows their checksums then."""

from __future__ import annotations

import dataclasses
import hashlib


def nothing_set(monkeypatch, tmp_path):
    """An empty cache, no supplied data, and the network allowed."""
    monkeypatch.setenv("LEVADA_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LEVADA_DATA", raising=False)
    monkeypatch.delenv("LEVADA_OFFLINE", raising=False)


def replace(monkeypatch, module, files, mirrors=()):
    """Makes a data set's module know the checksums of `files`, {name: bytes}, and these mirrors."""
    kinds = {name: checksum.partition(":")[0] for name, checksum in module.PUBLISHED.files.items()}
    made = {name: f"{kinds[name]}:{hashlib.new(kinds[name], raw).hexdigest()}" for name, raw in files.items()}
    monkeypatch.setattr(
        module, "PUBLISHED", dataclasses.replace(module.PUBLISHED, files=made, mirrors=mirrors)
    )


def supply(monkeypatch, tmp_path, name, files):
    """Writes files into the user's folder for the data set `name`; returns the folder."""
    folder = tmp_path / "mine" / name
    folder.mkdir(parents=True, exist_ok=True)
    for file, raw in files.items():
        (folder / file).write_bytes(raw)
    monkeypatch.setenv("LEVADA_DATA", str(tmp_path / "mine"))
    return folder


def give(monkeypatch, tmp_path, module, files):
    """Both: look-alikes that are supplied, with the checksums to match."""
    nothing_set(monkeypatch, tmp_path)
    replace(monkeypatch, module, files)
    return supply(monkeypatch, tmp_path, module.PUBLISHED.name, files)
