"""Recipes: how a network is trained, as recipe.toml of its family says it.

seed = 1
epochs = 20
batch_size = 64
learning_rate = 0.01
data = "div2k"              # instead of the family's data, where there is a choice

[[method]]                  # any number of them, in this order; none unless named
name = "distillation"
teacher = "digits-w4a4"

[variants.w2a2]             # overrides for one variant; a list of methods takes the place of all above
epochs = 40
[[variants.w2a2.method]]
name = "bn_reestimation"
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from levada import tables
from levada.errors import LevadaError
from levada.models import Model

Value = bool | int | float | str


@dataclass(frozen=True)
class MethodSpec:
    """A method by the name of its file in levada/train/methods/, and those of its options that are given."""

    name: str
    options: tuple[tuple[str, Value], ...] = ()


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: Adam, its rate falling to 0 along half a cosine.

    Attributes:
        seed: of the initial weights and of all chance in training.
        epochs: passes through the training data.
        batch_size: examples a step; a rest that does not fill a batch is left out of that epoch.
        learning_rate: of the first step.
        shift: pixels by which images are moved at most, in both directions, in tasks that do so.
        methods: what is done beside that, in this order.
        data: the data set to train on, for a family that can do so with several; its usual one if None.
    """

    seed: int
    epochs: int
    batch_size: int
    learning_rate: float
    shift: int = 0
    methods: tuple[MethodSpec, ...] = ()
    data: str | None = None


def find(model: Model, path: Path | None = None) -> Recipe:
    """The recipe at `path`, else that of the model's family, with what [variants.NAME] overrides.

    Raises:
        LevadaError: the file is missing or breaks a rule.
    """
    path = path or model.onnx.parent / "recipe.toml"
    table = tables.read(path)
    variants = tables.table(path, "variants", table.pop("variants", {}))
    override = variants.get(model.variant, {})
    table |= tables.table(path, f"variants.{model.variant}", override)
    fields = dataclasses.fields(Recipe)
    needed = sorted(field.name for field in fields if field.default is dataclasses.MISSING)
    tables.check_keys(path, "", table, needed, ("shift", "data", "method"))
    methods = _methods(path, table.pop("method", []))
    data = table.pop("data", None)
    if data is not None and not isinstance(data, str):
        raise LevadaError(f"{path}: data is {data!r}; write the name of a data set in quotes")
    for key, value in table.items():
        _check_number(path, key, value)
    return Recipe(methods=methods, data=data, **table)


def _check_number(path: Path, key: str, value: object) -> None:
    """A recipe's number: above 0, except that the seed and the shift may be 0."""
    if key != "learning_rate":
        tables.whole(path, key, value, 0 if key in {"seed", "shift"} else 1)
    elif isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise LevadaError(f"{path}: {key} is {value!r}; write a number above 0")


def _methods(path: Path, entries: object) -> tuple[MethodSpec, ...]:
    if not isinstance(entries, list):
        raise LevadaError(f"{path}: method is {entries!r}; write tables [[method]]")
    found = tuple(_method(path, tables.table(path, "[method]", entry)) for entry in entries)
    _check_combination(path, [method.name for method in found])
    return found


def _method(path: Path, entry: dict[str, Any]) -> MethodSpec:
    from levada.train import methods

    name = entry.get("name")
    if not isinstance(name, str) or name not in methods.names():
        known = ", ".join(methods.names())
        raise LevadaError(f"{path}: a [[method]] has the name {name!r}; use one of {known}")
    fields = {field.name: field for field in dataclasses.fields(methods.find(name))}
    given = {key: value for key, value in entry.items() if key != "name"}
    tables.check_keys(path, f"{name}.", given, (), sorted(fields))
    for key, value in given.items():
        _check_option(path, f"{name}.{key}", value, fields[key])
    return MethodSpec(name, tuple(sorted(given.items())))


def _check_option(path: Path, key: str, value: object, field: dataclasses.Field[Any]) -> None:
    """Of the type of its default, within the bounds that the field states (`methods.option`)."""
    kind = type(field.default)
    fits = isinstance(value, int | float if kind is float else kind)
    if not fits or isinstance(value, bool) != (kind is bool):
        wanted = {bool: "true or false", int: "a whole number", float: "a number", str: "text in quotes"}
        raise LevadaError(f"{path}: {key} is {value!r}; write {wanted[kind]}")
    if isinstance(value, int | float):
        least, most = field.metadata["least"], field.metadata["most"]
        if not least <= value <= most:
            raise LevadaError(f"{path}: {key} is {value!r}; write a number from {least:g} to {most:g}")


def _check_combination(path: Path, names: list[str]) -> None:
    from levada.train import methods

    for index, name in enumerate(names):
        if name in names[:index]:
            raise LevadaError(f"{path}: the method {name} stands there twice; leave one out")
        for other in methods.find(name).excludes & set(names):
            raise LevadaError(f"{path}: the methods {name} and {other} exclude each other; leave one out")
