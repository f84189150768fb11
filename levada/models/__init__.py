"""The networks that come with levada: every folder of models/ with a `model.toml` is one family.

A model is named `<family>-<variant>`; the family's recipe.toml tells how its variants are trained. The
modules of models/ (network definitions, data sets) are importable below this package; nothing here imports
them, so that looking a model up stays cheap.
"""

from __future__ import annotations

import difflib
import importlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from levada import content, tables
from levada.errors import LevadaError

if TYPE_CHECKING:
    from models.data import Dataset

__path__ = [str(content.root("models"))]

_INPUT = re.compile(r"u?int[1-9]\d*/[1-9]\d*")


@dataclass(frozen=True)
class Model:
    """One trained network: where its files are and what is known about it.

    Attributes:
        name: `<family>-<variant>`.
        family: the folder of models/.
        variant: one of the family's bit widths, e.g. "w2a2".
        description: one line.
        onnx: the trained network as QONNX, batch size 1.
        dataset: what `levada.models.data.load` calls its data, or None.
        input: "TYPE/D": the network's float input is integers of TYPE divided by D; None where not stated.
        samples: an .npz with `inputs` (integers of TYPE) and torch's logits `expected_<variant>` (float32).
        accuracy: percent of the test images classified rightly by the exported file, or None.
        target_fps: the frame rate a build aims for unless told otherwise, or None for as fast as possible.
        bits: bit widths as the family names them, e.g. weight and activation.
    """

    name: str
    family: str
    variant: str
    description: str
    onnx: Path
    dataset: str | None
    input: str | None
    samples: Path
    accuracy: float | None
    bits: Mapping[str, int] = field(hash=False)
    target_fps: float | None = None

    @property
    def demo(self) -> Path | None:
        """The family's demo.json: what the results mean, for the driver's demo page; None without one."""
        path = self.onnx.parent / "demo.json"
        return path if path.is_file() else None

    @property
    def divisor(self) -> int:
        """D of `input`; 1 where that is not stated."""
        return int(self.input.split("/")[1]) if self.input else 1


def names() -> list[str]:
    """All models, by family, each family's variants in the order of its model.toml."""
    return [model.name for folder in _families() for model in _read(folder)]


def find(name: str) -> Model:
    """The model `name`.

    Raises:
        LevadaError: there is none of this name, or the family's model.toml breaks a rule.
    """
    known = {model.name: model for folder in _families() for model in _read(folder)}
    if name not in known:
        close = difflib.get_close_matches(name, known, n=3)
        guess = f"did you mean {' or '.join(close)}? " if close else ""
        raise LevadaError(f"model {name!r} is unknown; {guess}known: {', '.join(known) or 'none'}")
    return known[name]


def load_data(model: Model) -> Dataset:
    """The data set of `model`.

    Raises:
        LevadaError: the model names none, or its files cannot be had (`levada.models.data.UnavailableError`).
    """
    if model.dataset is None:
        raise LevadaError(f"{model.name}: has no data set; name one as `dataset` in its model.toml")
    dataset: Dataset = importlib.import_module(f"{__name__}.data").load(model.dataset)
    return dataset


def _families() -> list[Path]:
    return sorted(path.parent for base in __path__ for path in Path(base).glob("*/model.toml"))


def _read(folder: Path) -> list[Model]:
    """The variants of a family, as its model.toml states them."""
    path = folder / "model.toml"
    table = tables.read(path)
    _known_keys(path, "", table, {"description", "dataset", "input", "samples", "target_fps", "variants"})
    spec = _text(path, table, "input", None)
    if spec is not None and not _INPUT.fullmatch(spec):
        raise LevadaError(f'{path}: input is {spec!r}; write TYPE/D with whole numbers, e.g. "uint8/255"')
    variants = table.get("variants")
    if not isinstance(variants, dict) or not variants:
        raise LevadaError(f"{path}: has no [variants.NAME]; add one table for each trained network")
    return [
        Model(
            name=f"{folder.name}-{variant}",
            family=folder.name,
            variant=variant,
            description=_text(path, table, "description", "") or "",
            onnx=folder / f"{folder.name}-{variant}.onnx",
            dataset=_text(path, table, "dataset", None),
            input=spec,
            accuracy=_accuracy(path, variant, entry),
            samples=folder / _samples(path, table, variant, entry),
            bits=_bits(path, variant, entry),
            target_fps=_rate(path, table),
        )
        for variant, entry in variants.items()
    ]


def _known_keys(path: Path, where: str, table: dict[str, Any], known: set[str]) -> None:
    unknown = sorted(table.keys() - known)
    if unknown:
        raise LevadaError(
            f"{path}: key {where}{unknown[0]} is unknown; use one of {', '.join(sorted(known))}"
        )


def _text(path: Path, table: dict[str, Any], key: str, default: str | None) -> str | None:
    value = table.get(key, default)
    if value is None or (isinstance(value, str) and "\n" not in value):
        return value
    raise LevadaError(f"{path}: {key} is {value!r}; write one line of text in quotes")


def _rate(path: Path, table: dict[str, Any]) -> float | None:
    value = table.get("target_fps")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise LevadaError(f"{path}: target_fps is {value!r}; write frames a second, a number above 0")
    return float(value)


def _accuracy(path: Path, variant: str, entry: object) -> float | None:
    """Checks that the variant's table is one, too: it is the first to look into it."""
    where = f"variants.{variant}"
    if not isinstance(entry, dict):
        raise LevadaError(f"{path}: {where} is {entry!r}; write a table [{where}]")
    _known_keys(path, f"{where}.", entry, {"accuracy", "bits", "samples"})
    value = entry.get("accuracy")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        raise LevadaError(f"{path}: {where}.accuracy is {value!r}; write percent, a number from 0 to 100")
    return float(value)


def _samples(path: Path, table: dict[str, Any], variant: str, entry: dict[str, Any]) -> str:
    """The variant's own samples file, where its inputs have another shape, else the family's."""
    if "samples" in entry and not isinstance(entry["samples"], str):
        raise LevadaError(f"{path}: variants.{variant}.samples is {entry['samples']!r}; write a file name")
    return entry.get("samples") or _text(path, table, "samples", None) or "samples.npz"


def _bits(path: Path, variant: str, entry: dict[str, Any]) -> dict[str, int]:
    where = f"variants.{variant}.bits"
    bits = entry.get("bits", {})
    if not isinstance(bits, dict):
        raise LevadaError(
            f"{path}: {where} is {bits!r}; write a table such as {{ weight = 2, activation = 2 }}"
        )
    for key, value in bits.items():
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 32:
            raise LevadaError(
                f"{path}: {where}.{key} is {value!r}; write a bit width, a whole number from 1 to 32"
            )
    return dict(bits)
