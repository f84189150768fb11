"""What a search leaves behind: search.json, its page, and what builds the designs of the front."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Any

from levada import content
from levada.graph import Graph
from levada.report.search_schema import SEARCH_SCHEMA
from levada.report.searching import FILE, PAGE, checked, page
from levada.search.search import Design, Found
from levada.search.space import Candidate, Knob
from levada.search.work import NETWORK, PARTITION, hardware

#: The folder of the designs of the front.
FRONT = "front"


def save(found: Found) -> dict[str, Any]:
    """Writes all files into the folder of the search, those of the front as front/MODEL-1.onnx, ...

    Returns:
        What search.json holds.

    Raises:
        LevadaError: a strategy has noted what cannot be shown; search.json is there.
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
    path = found.folder / FILE
    content.write_whole(path, json.dumps(result, indent=1) + "\n")
    content.write_whole(found.folder / PAGE, page(checked(result, path)))
    return result


def _files(found: Found, number: int) -> tuple[Path, Path]:
    """Of a design of the front: the network and its folding."""
    front = found.folder / FRONT
    return front / f"{found.options.model}-{number}.onnx", front / f"{number}.partition.toml"


def as_json(found: Found) -> dict[str, Any]:
    """Everything, as JSON values; the designs of the front come first, best quality first."""
    goal, search = found.search.goal, found.search
    space = search.subject.space
    numbers = {index: number for number, index in enumerate(found.front, 1)}
    order = [*found.front, *(i for i in range(len(found.designs)) if i not in numbers)]
    return {
        "schema": SEARCH_SCHEMA,
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
        "candidates": space.size,
        "evaluated": search.evaluated,
        "complete": found.complete,
        "refused": list(space.refused),
        "layers": _layers(search.subject.graph),
        "knobs": [_knob(knob) for knob in space.knobs],
        "dims": [asdict(dim) for dim in space.dims],
        "designs": [_design(found, found.designs[i], numbers.get(i)) for i in order],
        **search.notes,
    }


def _layers(graph: Graph) -> list[dict[str, Any]]:
    return [
        {"name": n.name, "kind": n.layer.kind, "macs": n.layer.macs(), "reads": list(graph.sources(n))}
        for n in graph.nodes
    ]


def _knob(knob: Knob) -> dict[str, Any]:
    return {"name": str(knob), "what": knob.what, "sites": list(knob.sites), "bits": list(knob.values)}


def _design(found: Found, design: Design, number: int | None) -> dict[str, Any]:
    goal = found.search.goal
    own: dict[str, Any] = {
        "candidate": str(design.candidate),
        **_widths(found, design.candidate),
        "quality": design.quality,
        "loss": design.loss,
        "tested": design.tested,
        "cost": asdict(design.cost) | {"share": goal.share(design.cost)},
        "predicted": asdict(design.predicted) | {"share": goal.share(design.predicted)},
        "front": number,
    }
    if number is None or not _files(found, number)[0].is_file():
        return own
    return own | {"build": command(found, number)}


def _widths(found: Found, candidate: Candidate) -> dict[str, Any]:
    """The widths of a candidate by the names of its own layers, and its shape."""
    if not candidate.shape:
        return {"bits": [{"site": site, **asdict(precision)} for site, precision in candidate.choices]}
    here, _ = hardware(found.search.work, candidate.shape)
    own = [(site, precision) for site, precision in candidate.choices if site in here.sites]
    rows = [{"site": here.sites[site], **asdict(precision), "name": site} for site, precision in own]
    shape = {"bits": rows, "shape": dict(candidate.shape)}
    if candidate.shape == found.search.subject.space.own.shape:
        return shape
    return shape | {"layers": _layers(here.graph)}


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
