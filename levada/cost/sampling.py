"""Chooses layers, lets Yosys count them, and keeps the results as samples: `make cost-samples`.

The samples of the file stay, and are counted anew where the hardware has changed; kinds that have too few get
more. Counts come from the cache of `levada.synth`, and the file is written after every few layers: a run that
was interrupted goes on where it was.
"""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache

import numpy as np
from rich.console import Console
from rich.progress import track

import levada.layers  # noqa: F401 - fills the registry
from levada import boards, build, partition
from levada.boards import Board
from levada.build.state import Options, required
from levada.cost import samples as files
from levada.cost.samples import Sample
from levada.graph import Graph, Node
from levada.layer import Device, Folding, Layer, Resources, adapter, buffer, divisors, registered
from levada.pipelining import SLOW
from levada.synth import yosys

#: Networks whose layers are sampled: together they have most kinds, and operands of all widths.
MODELS = (
    "tfc-w1a1",
    "tfc-w2a2",
    "cnv-w1a1",
    "cnv-w1a2",
    "dscnn-w4a4",
    "dscnn-w8a8",
    "autoencoder-w4a4",
    "resnet8-w4a4",
    "resnet8-w8a8",
    "espcn-x2-w8a8",
    "xcat-x2-w4a4",
    "lpyolo-w4a4",
    "tinyyolov3-w4a4-96",
)
#: What stands for a model where layers are drawn.
DRAWN = "drawn"
# Samples of a kind: folded by the solver, folded at random, drawn. Kinds with many forms get twice as many.
_SOLVED, _RANDOM, _DRAWN = 8, 6, 4
_MANIFOLD = {"mvau", "vvau", "swu", "thresholding", "fifo"}
# Shares of a model's own frame rate that the solver folds for.
_RATES = (1.0, 0.25)
# Estimated LUTs of the largest layer worth mapping, and how often a random one is looked for.
_MOST_LUTS, _TRIES = 2500, 400
_DEEPEST = 4096
#: The family that samples are chosen for, and those on which the same are counted.
USUAL, OTHERS = "xc7", ("ecp5",)
# A device that everything fits: what a network as a whole takes does not matter here.
_ANY = Device(USUAL, *(10**6,) * 4)
_BATCH = 32


@dataclass(frozen=True, eq=False)
class Pick:
    """A layer with a folding that shall be a sample: see `Sample` for the names."""

    model: str
    name: str
    layer: Layer
    folding: Folding

    @property
    def key(self) -> tuple[str, str, str, str, Folding]:
        """That of its sample."""
        return self.layer.family, self.layer.kind, self.model, self.name, self.folding

    @property
    def node(self) -> Node:
        """The layer alone, under the name that it has in a build, which so finds it in the cache."""
        kind, *words = self.name.split()
        name = kind
        if self.model == DRAWN:
            name = f"{kind}_{words[0]}"
        elif words:  # an adapter or a buffer is named after the layer that reads it
            reader, place = required(lowered(self.model)[0].consumer(words[0]))
            name = f"{kind}_{reader.name}" + (f"_{place}" if place else "")
        return Node(name, self.layer, (), (), self.folding)

    @property
    def form(self) -> tuple[object, ...]:
        """What makes it another circuit than others, apart from the contents of memories."""
        params = self.layer.sv(self.folding).params
        return self.layer.kind, *(value for value in params.values() if isinstance(value, int))

    @property
    def sensible(self) -> bool:
        """Whether it is mapped in seconds, and no product with constants: such a circuit is its weights."""
        if self.layer.macs() and self.folding.memory == "constant":
            return False
        return self.layer.resources(self.folding, board().usable).lut <= _MOST_LUTS

    def sample(self, counted: Resources) -> Sample:
        """The sample that it becomes."""
        stated = self.layer.terms(self.folding)
        own = (self.layer.kind, self.model, self.name, self.folding)
        return Sample(*own, counted, stated, self.layer.family)

    def on(self, family: str) -> Pick | None:
        """The same on a chip of another family; None where that cannot be folded so."""
        layer = replace(self.layer, family=family)
        return replace(self, layer=layer) if self.folding in layer.foldings() else None


@cache
def board() -> Board:
    """The board for whose share of a chip networks are folded."""
    return boards.load("pynq-z2")


@cache
def lowered(model: str) -> tuple[Graph, float]:
    """A network as layers, and the frame rate that it is meant for."""
    state = build.lowered(Options(model, samples=1))
    return required(state.graph), required(state.target_fps)


def found(sample: Sample) -> Pick:
    """The layer of a sample."""
    layer = replace(_layer(sample), family=sample.family)
    return Pick(sample.model, sample.layer, layer, sample.folding)


def _layer(sample: Sample) -> Layer:
    name, *numbers = sample.layer.split()
    if sample.model == DRAWN:
        return drawn(sample.kind)[int(numbers[0])].layer
    graph, _ = lowered(sample.model)
    if not numbers:
        return graph.node(name).layer
    tensor, first, second = numbers
    return registered()[name](graph.tensors[tensor], int(first), int(second))  # type: ignore[call-arg,arg-type]


@cache
def drawn(kind: str) -> tuple[Pick, ...]:
    """Layers of a kind as its strategy draws them, always the same ones."""
    from hypothesis import HealthCheck, Phase, given, seed, settings

    cases: list[Pick] = []
    cls = registered()[kind]
    quiet = settings(
        max_examples=60,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )

    @seed(0)
    @quiet
    @given(cls.strategy())
    def collect(case):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        layer = replace(case.layer, pipelining=SLOW)  # the networks' own, at their boards' clock
        cases.append(Pick(DRAWN, f"{kind} {len(cases)}", layer, case.folding))

    collect()
    return tuple(cases)


def solved(model: str) -> Iterator[Pick]:
    """The layers of a model as they are folded and joined for some frame rates."""
    graph, fps = lowered(model)
    for rate in _RATES:
        folded = partition.fold(graph, _ANY, board().clock_mhz, fps * rate)
        yield from joined(model, required(folded.connected))


def joined(model: str, connected: Graph) -> Iterator[Pick]:
    """The layers of a model that is folded and connected."""
    tensors = lowered(model)[0].tensors
    for node in connected.nodes:
        name = node.name
        if type(node.layer) in (adapter(), buffer()):
            tensor = node.inputs[0]
            while tensor not in tensors:  # "<tensor>_<kind>" is the same behind another one
                tensor = tensor.rpartition("_")[0]
            name = f"{node.layer.kind} {tensor} {_numbers(node.layer)}"
        yield Pick(model, name, node.layer, node.folding)


def _numbers(layer: Layer) -> str:
    """The two numbers that an adapter or a buffer is made of, besides its tensor."""
    own = (getattr(layer, field.name) for field in fields(layer) if not field.kw_only)
    first, second = (value for value in own if isinstance(value, int))
    return f"{first} {second}"


def random_picks(kind: str, random: np.random.Generator) -> Iterator[Pick]:
    """Layers of a kind at random foldings, and random adapters and buffers of random tensors; without end."""
    cls = registered()[kind]
    nodes = [(model, node) for model in MODELS for node in lowered(model)[0].nodes if node.layer.kind == kind]
    while cls in (adapter(), buffer()) or nodes:
        if nodes:
            model, node = nodes[random.integers(len(nodes))]
            foldings = list(node.layer.foldings())
            yield Pick(model, node.name, node.layer, foldings[random.integers(len(foldings))])
            continue
        model = str(random.choice(MODELS))
        graph, _ = lowered(model)
        name = str(random.choice(sorted(graph.tensors)))
        beats = [beat for beat in divisors(graph.tensors[name].size) if beat <= 256]
        first, second = (int(beat) for beat in random.choice(beats, 2))
        if cls is buffer():
            second = int(2 ** random.uniform(1, np.log2(_DEEPEST)))
        layer = cls(graph.tensors[name], first, second)  # type: ignore[call-arg,arg-type]
        yield Pick(model, f"{kind} {name} {first} {second}", layer, next(layer.foldings()))


class Chooser:
    """Takes layers for which there is no sample yet, a number of each kind."""

    def __init__(self, known: Iterable[Sample]) -> None:
        known = list(known)
        self._have = Counter((sample.kind, sample.model == DRAWN) for sample in known)
        self._forms = {found(sample).form for sample in known}

    def take(self, offered: Iterable[Pick], kind: str, enough: int) -> Iterator[Pick]:
        """Picks of a form of their own, until the kind has enough of their sort."""
        for pick in offered:
            sort = (kind, pick.model == DRAWN)
            if self._have[sort] >= enough:
                break
            if pick.sensible and pick.form not in self._forms:
                self._forms.add(pick.form)
                self._have[sort] += 1
                yield pick


def picks(known: Iterable[Sample]) -> list[Pick]:
    """More layers, for every kind that has not enough samples; the kinds take turns."""
    folded = [pick for model in MODELS for pick in solved(model)]
    chooser = Chooser(known)
    rows = []
    for kind in registered():
        times = 2 if kind in _MANIFOLD else 1
        random = np.random.default_rng([*kind.encode()])
        own = [pick for pick in folded if pick.layer.kind == kind]
        offered = (own[i] for i in random.permutation(len(own)))
        anywhere = itertools.islice(random_picks(kind, random), _TRIES)
        rows.append(
            [
                *chooser.take(offered, kind, _SOLVED * times),
                *chooser.take(anywhere, kind, (_SOLVED + _RANDOM) * times),
                *chooser.take(drawn(kind), kind, _DRAWN * times),
            ]
        )
    return [pick for turn in itertools.zip_longest(*rows) for pick in turn if pick is not None]


def batches(chosen: Iterable[Pick]) -> list[list[Pick]]:
    """Picks that can be mapped together: of one family, and no two of a batch have one name."""
    made: list[dict[str, Pick]] = []
    for pick in chosen:
        name = pick.node.name
        fitting = (batch for batch in made if len(batch) < _BATCH and _joins(pick, name, batch))
        batch = next(fitting, None)
        if batch is None:
            made.append(batch := {})
        batch[name] = pick
    return [list(batch.values()) for batch in made]


def _joins(pick: Pick, name: str, batch: Mapping[str, Pick]) -> bool:
    family = next(iter(batch.values())).layer.family
    return name not in batch and family == pick.layer.family


def count(chosen: Sequence[Pick], kept: Callable[[list[Sample]], None]) -> None:
    """Lets Yosys count what was chosen, a batch at a time, and hands over the samples of each batch."""
    for batch in track(batches(chosen), "counting", console=Console(stderr=True)):
        counted = yosys.synthesize_layers([pick.node for pick in batch], batch[0].layer.family)
        kept([pick.sample(counted[pick.node.name]) for pick in batch])


def main() -> int:
    """Brings the file of samples up to date, and up to number."""
    samples = {sample.key: sample for sample in files.read()}

    def keep(more: list[Sample]) -> None:
        samples.update({sample.key: sample for sample in more})
        files.write(samples.values())

    count([found(sample) for sample in samples.values()], keep)
    chosen = [sample for sample in samples.values() if sample.family == USUAL]
    count(picks(chosen), keep)
    for family in OTHERS:
        twins = (found(sample).on(family) for sample in chosen)
        count([twin for twin in twins if twin is not None and twin.key not in samples], keep)
    return 0


if __name__ == "__main__":
    sys.exit(main())
