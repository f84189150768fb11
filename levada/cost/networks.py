"""Whole networks as Yosys counts them, beside their estimates: `make cost-networks`.

Each network of models/ is folded for the rate of its model.toml, generated and mapped. What was counted is
kept in networks/, a file a network. Coefficients are fitted to samples of single layers, not to these: how
near they come here is how good the estimates are. Counts come from the cache of `levada.synth`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from levada import content, cost, models, partition
from levada.build.state import required
from levada.cost import fit, sampling
from levada.cost import samples as files
from levada.cost.samples import Sample
from levada.layer import Resources, weighed
from levada.synth import yosys
from levada.terms import Counted

FOLDER = Path(__file__).with_name("networks")
#: Most error of a whole network, in percent; DSP slices and block RAMs are exact.
MOST: dict[Counted, float] = {"lut": 10, "ff": 15}


@dataclass(frozen=True)
class Network:
    """A network of models/, what Yosys `counted` of the whole of it, and its layers with their own counts."""

    model: str
    counted: Resources
    layers: tuple[Sample, ...]

    @property
    def estimated(self) -> Resources:
        """What the layers' terms take by the coefficients of today."""
        return sum((weighed(layer.stated, layer.family) for layer in self.layers), Resources())

    def percent(self, counted: Counted) -> float:
        """How much more is estimated than counted."""
        have, made = getattr(self.counted, counted), getattr(self.estimated, counted)
        return float(100 * (made - have) / have)


def read(model: str) -> Network:
    """What is kept of a network."""
    top, *layers = map(json.loads, _file(model).read_text().splitlines())
    return Network(model, Resources(**top), tuple(map(files.parsed, layers)))


def write(network: Network) -> None:
    """Keeps what was counted of a network: the whole in the first line, a layer in each of the others."""
    rows = [asdict(network.counted), *map(files.plain, network.layers)]
    content.write_whole(_file(network.model), "".join(f"{json.dumps(row)}\n" for row in rows))


def known() -> list[str]:
    """The networks of which counts are kept."""
    return sorted(path.stem for path in FOLDER.glob("*.jsonl"))


def _file(model: str) -> Path:
    return FOLDER / f"{model}.jsonl"


def refreshed(network: Network) -> Network:
    """The network with the terms that its layers state today."""
    return replace(network, layers=tuple(fit.refreshed(network.layers)))


def counted(model: str) -> Network:
    """Folds a network for its own rate and lets Yosys count it.

    LevadaError where it does not fit the board.
    """
    graph, fps = sampling.lowered(model)
    board = sampling.board()
    connected = required(partition.fold(graph, board.usable, board.clock_mhz, fps).connected)
    picks = list(sampling.joined(model, connected))
    alone = yosys.synthesize_layers(connected.nodes)
    layers = tuple(pick.sample(alone[node.name]) for pick, node in zip(picks, connected.nodes, strict=True))
    return Network(model, yosys.synthesize(connected), layers)


def table(networks: Iterable[Network]) -> Table:
    """Estimates and counts, a row a network."""
    made = Table(
        "network", "layers", *(f"{name}, counted" for name in cost.FIELDS), "LUT %", "FF %", box=None
    )
    for network in networks:
        pairs = zip(cost.vector(network.estimated), cost.vector(network.counted), strict=True)
        errors = (f"{network.percent(name):+.1f}" for name in MOST)
        made.add_row(network.model, str(len(network.layers)), *(f"{e}, {c}" for e, c in pairs), *errors)
    return made


def main(wanted: list[str]) -> int:
    """Counts all networks, or the named ones, and prints all errors.

    With `--stated` nothing is counted: the terms of what is kept are stated anew.
    """
    console = Console()
    if wanted == ["--stated"]:
        for model in known():
            write(refreshed(read(model)))
    else:
        for model in wanted or models.names():
            write(counted(model))
    console.print(table(map(read, known())))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
