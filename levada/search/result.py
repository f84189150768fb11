"""What a search leaves behind: search.json, and for each design of its front the files that a build takes."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from levada import content
from levada.search.search import Design, Found
from levada.search.work import NETWORK, PARTITION

SCHEMA = 1
FILE, FRONT = "search.json", "front"


def save(found: Found) -> dict[str, Any]:
    """Writes all files into the folder of the search, those of the front as front/1.onnx, ...

    Returns:
        What search.json holds.
    """
    with content.folder_made_whole(found.folder / FRONT) as front:
        for number, index in enumerate(found.front, 1):
            place = found.search.work.place_of(found.designs[index].candidate)
            if not (place / NETWORK).is_file():
                found.search.log(f"front {number}: its files are where another machine trained it")
                continue
            network, folding = (path.name for path in _files(found, number))
            content.write_whole(front / network, (place / NETWORK).read_bytes())
            content.write_whole(front / folding, (place / PARTITION).read_bytes())
    result = as_json(found)
    content.write_whole(found.folder / FILE, json.dumps(result, indent=1) + "\n")
    return result


def _files(found: Found, number: int) -> tuple[Path, Path]:
    """Of a design of the front: the network and its folding."""
    front = found.folder / FRONT
    return front / f"{found.options.model}-{number}.onnx", front / f"{number}.partition.toml"


def as_json(found: Found) -> dict[str, Any]:
    """Everything, as JSON values; the designs of the front come first, best quality first."""
    goal, search = found.search.goal, found.search
    numbers = {index: number for number, index in enumerate(found.front, 1)}
    order = [*found.front, *(i for i in range(len(found.designs)) if i not in numbers)]
    return {
        "schema": SCHEMA,
        "model": found.options.model,
        "board": goal.board.name,
        "clock_mhz": goal.clock_mhz,
        "target_fps": goal.target_fps,
        "budget": asdict(goal.budget),
        "strategy": found.options.strategy,
        "seed": found.options.seed,
        "epochs": search.recipe.epochs,
        "finetune": search.finetune,
        "unit": search.work.task.unit,
        "candidates": search.subject.space.size,
        "evaluated": search.evaluated,
        "complete": found.complete,
        "refused": list(search.subject.space.refused),
        "designs": [_design(found, found.designs[i], numbers.get(i)) for i in order],
        **search.notes,
    }


def _design(found: Found, design: Design, number: int | None) -> dict[str, Any]:
    own: dict[str, Any] = {
        "candidate": str(design.candidate),
        "quality": design.quality,
        "loss": design.loss,
        "tested": design.tested,
        "cost": asdict(design.cost),
        "predicted": asdict(design.predicted),
        "front": number,
    }
    if number is None or not _files(found, number)[0].is_file():
        return own
    return own | {"build": command(found, number)}


def command(found: Found, number: int) -> str:
    """Builds a design of the front, in the folding that the search found."""
    goal, model = found.search.goal, found.search.subject.model
    network, folding = map(str, _files(found, number))
    words = ["levada", "build", network, "--board", goal.board.name, "--partition", folding]
    options = {"--input": model.input, "--data": model.dataset}
    words += [word for name, value in options.items() if value for word in (name, value)]
    if goal.clock_mhz != goal.board.clock_mhz:
        words += ["--clock-mhz", f"{goal.clock_mhz:g}"]
    return shlex.join(words)


def table(found: Found) -> Table:
    """The front, best quality first; print it with rich."""
    unit = found.search.work.task.unit
    shown = Table(
        "", f"Quality, {unit}", "Tested", "FPS", "LUT", "FF", "DSP", "BRAM18", "Bits", box=box.SIMPLE_HEAD
    )
    for column in shown.columns[:-1]:
        column.justify = "right"
    for number, index in enumerate(found.front, 1):
        design = found.designs[index]
        cost = design.cost
        counts = (f"{count:,.0f}" for count in (cost.fps, cost.lut, cost.ff, cost.dsp, cost.bram18))
        tested = "-" if design.tested is None else f"{design.tested:.2f}"
        shown.add_row(str(number), f"{design.quality:.2f}", tested, *counts, str(design.candidate))
    return shown
