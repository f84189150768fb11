"""Partition: one folding for every layer, within the board's budget.

Each layer offers its foldings with cycles and cost. For a frame interval T each layer takes the cheapest
folding of at most T cycles; layers do not interact, so this is the cheapest network of interval T, by the
scalar price `Resources.share`. The fastest interval that fits is found by bisection over the intervals that
some folding has; with a target rate, T follows from it.
"""

from __future__ import annotations

import time
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from levada import cost
from levada.errors import LevadaError
from levada.graph import Graph, check_folding, verify
from levada.layer import Device, Folding, Layer, Resources


@dataclass(frozen=True)
class Choice:
    """A folding with what it costs."""

    folding: Folding
    cycles: int
    resources: Resources
    price: float


@dataclass(frozen=True)
class Partition:
    """The graph with its foldings, what was aimed for, and how long finding it took."""

    graph: Graph
    objective: str
    gap: float | None
    seconds: float


def fold(graph: Graph, device: Device, clock_mhz: float, target_fps: float | None) -> Partition:
    """Folds every layer: for `target_fps` at least cost, or (None) as fast as `device` allows.

    LevadaError where the target cannot be met, naming the slowest layer, or where nothing fits.
    """
    start = time.perf_counter()
    choices = {node.name: offers(node.layer, device) for node in graph.nodes}
    if target_fps is not None:
        interval = int(min(clock_mhz * 1e6 / target_fps, 1e18))  # any layer is done by then
        picked = _cheapest(choices, interval)
        _check_reached(picked, choices, interval, target_fps, clock_mhz)
        objective = f"at least {target_fps:,.0f} FPS at least cost"
    else:
        picked = _fastest(choices, device)
        objective = "as fast as the board allows"
    foldings = {name: choice.folding for name, choice in picked.items() if choice is not None}
    result = with_foldings(graph, foldings)
    _check_fits(result, device)
    # Layers do not interact, so the cheapest of each is the cheapest network; the fastest is only the fastest
    # among those.
    gap = 0.0 if target_fps is not None else None
    return Partition(result, objective, gap, time.perf_counter() - start)


def _check_fits(graph: Graph, device: Device) -> None:
    used = cost.per_layer(graph, device)
    over = cost.excess(cost.total(graph, device), device)
    if over:
        most = max(used, key=lambda name: used[name].share(device))
        part = ", ".join(f"{key} {value}" for key, value in asdict(used[most]).items() if value)
        raise LevadaError(
            f"{graph.name}: does not fit the board ({'; '.join(over)}), {most} takes most of it ({part}); "
            "lower --target-fps or its bits"
        )


def offers(layer: Layer, device: Device) -> list[Choice]:
    """Foldings that no other one beats in both cycles and price, fastest first."""
    everything = []
    for folding in layer.foldings():
        used = layer.resources(folding, device)
        everything.append(Choice(folding, layer.cycles(folding), used, used.share(device)))
    everything.sort(key=lambda choice: (choice.cycles, choice.price, choice.folding))
    best: list[Choice] = []
    for choice in everything:
        if not best or choice.price < best[-1].price:
            best.append(choice)
    return best


def _cheapest(choices: Mapping[str, list[Choice]], interval: int) -> dict[str, Choice | None]:
    """The cheapest choice of at most `interval` cycles for each layer; None where there is none."""
    # Offers fall in price as they rise in cycles, so the last one that is fast enough is the cheapest.
    fits = {name: [c for c in offered if c.cycles <= interval] for name, offered in choices.items()}
    return {name: fast[-1] if fast else None for name, fast in fits.items()}


def _check_reached(
    picked: Mapping[str, Choice | None],
    choices: Mapping[str, list[Choice]],
    interval: int,
    target_fps: float,
    clock_mhz: float,
) -> None:
    for name, choice in picked.items():
        if choice is None:
            least = choices[name][0].cycles
            most = clock_mhz * 1e6 / least
            raise LevadaError(
                f"{name}: takes at least {least} cycles a frame, {target_fps:g} FPS at {clock_mhz:g} MHz "
                f"leave {interval}; choose --target-fps {most:.0f} or less, or a higher --clock-mhz"
            )


def _fastest(choices: Mapping[str, list[Choice]], device: Device) -> dict[str, Choice | None]:
    intervals = sorted({choice.cycles for offered in choices.values() for choice in offered})
    low, high = 0, len(intervals) - 1
    while low < high:
        middle = (low + high) // 2
        if _fits(_cheapest(choices, intervals[middle]), device):
            high = middle
        else:
            low = middle + 1
    return _cheapest(choices, intervals[low])


def _fits(picked: Mapping[str, Choice | None], device: Device) -> bool:
    chosen = [choice for choice in picked.values() if choice is not None]
    used = sum((choice.resources for choice in chosen), Resources())
    return len(chosen) == len(picked) and not cost.excess(used, device)


def with_foldings(graph: Graph, foldings: Mapping[str, Folding]) -> Graph:
    """The graph folded as given; LevadaError for a name or a folding that is not possible."""
    names = {node.name for node in graph.nodes}
    for name in sorted(foldings.keys() - names):
        raise LevadaError(f"{name}: no such layer in {graph.name}; it has {', '.join(sorted(names))}")
    nodes = tuple(replace(node, folding=foldings.get(node.name, node.folding)) for node in graph.nodes)
    for node in nodes:
        check_folding(node.name, node.layer, node.folding)
    return verify(graph.with_nodes(nodes), "folded")


def to_toml(graph: Graph) -> str:
    """`partition.toml`: the folding of every layer, to read, edit and feed back with --partition."""
    lines = [
        f"# How the layers of {graph.name} are folded. Edit and give back with --partition FILE.",
        "# pe: output channels, simd: input channels of a cycle; mmv: pixels; "
        "dsp_pe: lanes of pe in DSP slices;",
        "# memory: where the parameters live. An illegal value is answered with the legal ones near it.",
    ]
    for node in graph.nodes:
        lines += ["", f"[{node.name}]  # {node.layer.kind}, {node.layer.cycles(node.folding)} cycles a frame"]
        for key, value in asdict(node.folding).items():
            lines.append(f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}")
    return "\n".join([*lines, ""])


def from_toml(path: Path) -> dict[str, Folding]:
    """The foldings of a `partition.toml`, by layer; LevadaError for anything else in it."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise LevadaError(f"{path}: there is no such file; a build writes one as partition.toml") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise LevadaError(f"{path}: cannot be read as TOML ({error})") from error
    return {name: _folding(path, name, table) for name, table in tables.items()}


def _folding(path: Path, name: str, table: Any) -> Folding:  # noqa: ANN401 - whatever the file holds
    known = {field.name: type(field.default) for field in fields(Folding)}
    if not isinstance(table, dict):
        raise LevadaError(f"{path}: {name} is {table!r}; write a table [{name}] with pe, simd, ...")
    for key, value in table.items():
        if key not in known:
            raise LevadaError(f"{path}: [{name}] has {key!r}; use {', '.join(known)}")
        if type(value) is not known[key] or (known[key] is int and value < (key != "dsp_pe")):
            wanted = "a whole number" if known[key] is int else "text"
            raise LevadaError(f"{path}: [{name}] {key} = {value!r}; write {wanted}")
    return Folding(**table)
