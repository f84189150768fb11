"""What a search leaves behind: search.json, its page, and what builds the designs of the front."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Any

from levada import content
from levada.report import searching
from levada.report.search_schema import SEARCH_SCHEMA, SearchReport
from levada.search.search import Design, Found
from levada.search.space import Knob
from levada.search.work import NETWORK, PARTITION


def save(found: Found) -> SearchReport:
    """Writes all files into the folder of the search, those of the front as front/MODEL-1.onnx, ...

    Raises:
        LevadaError: a strategy has noted what cannot be shown; search.json is there.
    """
    front = found.folder / "front"
    for number, index in enumerate(found.front, 1):
        place = found.search.work.place(str(found.designs[index].candidate))
        content.write_whole(_network(found, number), (place / NETWORK).read_bytes())
        content.write_whole(front / f"{number}.partition.toml", (place / PARTITION).read_bytes())
    result = as_json(found)
    path = found.folder / searching.FILE
    content.write_whole(path, json.dumps(result, indent=1) + "\n")
    report = searching.checked(result, path)
    content.write_whole(found.folder / searching.PAGE, searching.page(report))
    return report


def _network(found: Found, number: int) -> Path:
    return found.folder / "front" / f"{found.options.model}-{number}.onnx"


def as_json(found: Found) -> dict[str, Any]:
    """Everything, as JSON values; the designs of the front come first, best quality first."""
    goal, search = found.search.goal, found.search
    space, graph = search.subject.space, search.subject.graph
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
        "unit": search.work.task.unit,
        "candidates": space.size,
        "evaluated": search.evaluated,
        "complete": found.complete,
        "refused": list(space.refused),
        "layers": [
            {"name": n.name, "kind": n.layer.kind, "macs": n.layer.macs(), "reads": list(graph.sources(n))}
            for n in graph.nodes
        ],
        "knobs": [_knob(knob) for knob in space.knobs],
        "designs": [_design(found, found.designs[i], numbers.get(i)) for i in order],
        **search.notes,
    }


def _knob(knob: Knob) -> dict[str, Any]:
    return {"name": str(knob), "what": knob.what, "sites": list(knob.sites), "bits": list(knob.bits)}


def _design(found: Found, design: Design, number: int | None) -> dict[str, Any]:
    goal = found.search.goal
    own: dict[str, Any] = {
        "candidate": str(design.candidate),
        "bits": [{"site": site, **asdict(precision)} for site, precision in design.candidate.choices],
        "quality": design.quality,
        "loss": design.loss,
        "tested": design.tested,
        "cost": asdict(design.cost) | {"share": goal.share(design.cost)},
        "predicted": asdict(design.predicted) | {"share": goal.share(design.predicted)},
        "front": number,
    }
    return own if number is None else own | {"build": command(found, number)}


def command(found: Found, number: int) -> str:
    """Builds a design of the front, in the folding that the search found."""
    goal, model = found.search.goal, found.search.subject.model
    words = ["levada", "build", str(_network(found, number)), "--board", goal.board.name]
    words += ["--partition", str(found.folder / "front" / f"{number}.partition.toml")]
    options = {"--input": model.input, "--data": model.dataset}
    words += [word for name, value in options.items() if value for word in (name, value)]
    if goal.clock_mhz != goal.board.clock_mhz:
        words += ["--clock-mhz", f"{goal.clock_mhz:g}"]
    return shlex.join(words)
