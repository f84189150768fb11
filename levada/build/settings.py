"""Several networks in one build: the file that lists them, and what each step does for those but the first.

input = "uint8/255"          # as --input says it; may be left out

[[setting]]                  # the widest first
name = "w4"
onnx = "digits-w4a4.onnx"    # beside this file

[[setting]]
name = "w2"
onnx = "digits-w4a4@w2.onnx"
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from levada import joined, tables
from levada.build.state import State, required
from levada.errors import LevadaError

SUFFIX = ".settings.toml"


@dataclass(frozen=True)
class SettingsFile:
    """The networks of a file, by the names of their settings, and what their input is."""

    networks: dict[str, Path]
    input: str | None


def is_file(name: str) -> bool:
    """Whether a model is given as a file of settings."""
    return name.endswith(SUFFIX)


def read(path: Path) -> SettingsFile:
    """The networks that a file lists; LevadaError where it breaks a rule."""
    table = tables.read(path)
    tables.check_keys(path, "", table, ["setting"], ["input"])
    entries = table["setting"]
    if not isinstance(entries, list) or not 2 <= len(entries) <= joined.MOST:
        raise LevadaError(f"{path}: setting must be 2 to {joined.MOST} tables [[setting]]; list the networks")
    networks: dict[str, Path] = {}
    for entry in entries:
        own = tables.table(path, "setting", entry)
        tables.check_keys(path, "setting.", own, ["name", "onnx"])
        name = tables.text(path, "setting.name", own["name"])
        if name in networks:
            raise LevadaError(f"{path}: two settings have the name {name!r}; rename one")
        networks[name] = path.parent / tables.text(path, "setting.onnx", own["onnx"])
    spec = table.get("input")
    return SettingsFile(networks, None if spec is None else tables.text(path, "input", spec))


def load(state: State, found: SettingsFile, step: Callable[[State], None]) -> None:
    """Loads all networks by `step`: the first as the build's own, the rest as its `others`."""
    options = replace(state.options, input=state.options.input or found.input)
    for number, (name, path) in enumerate(found.networks.items()):
        own = replace(options, model=str(path))
        if number == 0:
            state.options = own
            step(state)
            state.setting = name
            continue
        other = State(own, state.board, state.work, _named(state.log, name), setting=name)
        step(other)
        state.others.append(other)


def _named(log: Callable[[str], None], name: str) -> Callable[[str], None]:
    def say(line: str) -> None:
        log(f"setting {name}: {line}")

    return say


def check_hosts(state: State) -> None:
    """The host gives the same integers in all settings, and takes as many; LevadaError where not."""
    own = required(state.network)
    for other in state.others:
        its = required(other.network)
        if required(own.host_input).to_json() != required(its.host_input).to_json():
            raise LevadaError(
                f"setting {other.setting}: the host would have to quantize the input otherwise than for "
                f"{state.setting}; quantize it alike in all settings"
            )
