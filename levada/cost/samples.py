"""The samples that estimates are fitted to: layers with a folding, and what Yosys counted of each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from levada import content
from levada.layer import Folding, Resources
from levada.terms import Terms

#: One JSON object a line, in the order of `Sample.key`.
FILE = Path(__file__).with_name("samples.jsonl")
_USUAL = "xc7"


@dataclass(frozen=True)
class Sample:
    """A layer of `kind` with a folding, and what Yosys `counted` of it.

    `layer` is the name of a node of the lowered network `model`. An adapter or a buffer between layers is
    "<kind> <tensor> <first> <second>": elements a beat in and out, or elements a beat and depth. The layers
    of the model "drawn" are those that `Layer.strategy` draws: "<kind> <index>". `family` is that of the chip
    (`levada.slices.SHAPES`).

    `stated` are the terms of the layer when the coefficients were fitted.
    """

    kind: str
    model: str
    layer: str
    folding: Folding
    counted: Resources
    stated: Terms
    family: str = _USUAL

    @property
    def key(self) -> tuple[str, str, str, str, Folding]:
        """What tells samples apart."""
        return self.family, self.kind, self.model, self.layer, self.folding


def read(path: Path = FILE) -> list[Sample]:
    """The samples of a file; none where there is none."""
    if not path.exists():
        return []
    return [parsed(json.loads(line)) for line in path.read_text().splitlines()]


def write(samples: Iterable[Sample], path: Path = FILE) -> None:
    """Writes samples in their own order, so that the same ones give the same file."""
    lines = [json.dumps(plain(sample)) for sample in sorted(samples, key=lambda sample: sample.key)]
    content.write_whole(path, "".join(f"{line}\n" for line in lines))


def plain(sample: Sample) -> dict[str, object]:
    """A sample as JSON takes it; family and folding only where they are not as usual."""
    usual = Folding()
    folding = {key: value for key, value in asdict(sample.folding).items() if value != getattr(usual, key)}
    made = asdict(sample) | {"folding": folding, "stated": sample.stated.plain()}
    if sample.family == _USUAL:
        del made["family"]
    return made


def parsed(data: Mapping[str, Any]) -> Sample:
    """What `plain` made, as a sample."""
    return Sample(
        data["kind"],
        data["model"],
        data["layer"],
        Folding(**data["folding"]),
        Resources(**data["counted"]),
        Terms(**data["stated"]),
        data.get("family", _USUAL),
    )
