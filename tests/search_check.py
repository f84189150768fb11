"""Predicted against real: `python -m tests.search_check [CANDIDATES]`.

A small convolutional network is drawn with random bit widths, exported by Brevitas, streamlined and lowered.
Its layers, folded as a build folds them, are compared with what `levada.search` makes of the same network
with 4 bits everywhere. Weights are random, normalisations calibrated. No hardware is synthesized: estimates
are compared.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from levada.models.blocks import pictures
from levada.models.blocks.calibrate import calibrate
from levada.models.blocks.quantizers import classifier, conv, relu, signed, unsigned
from rich.console import Console
from rich.table import Table
from torch import nn

from levada import boards, build, cost, partition, train
from levada.build.state import Options, required
from levada.export import export
from levada.graph import Graph, Node
from levada.layer import Resources
from levada.search.hardware import Evaluator
from levada.search.requantize import requantized
from levada.search.space import space

SHAPE, WIDTH, CLASSES = (3, 16, 16), 8, 10
WEIGHTS, ACTIVATIONS = (1, 2, 3, 4, 6, 8), (2, 3, 4, 6, 8)
BOARD, FPS = "pynq-z2", 5000.0
SEED, FRAMES = 0, 64
#: What stands for a kind where it is all layers, with adapters and FIFOs.
WHOLE = "whole network"


class Small(nn.Module):
    """A convolution, a residual block, a strided convolution, a global average and a classifier.

    `weights` are the bits of its six layers, `acts` those of its six quantizers behind the input's.
    """

    def __init__(self, weights, acts):
        super().__init__()
        self.first = nn.Sequential(
            unsigned(8, 1 / 255),
            conv(SHAPE[0], WIDTH, 3, weights[0], padding=1),
            nn.BatchNorm2d(WIDTH),
            relu(acts[0]),
        )
        self.main = nn.Sequential(
            conv(WIDTH, WIDTH, 3, weights[1], padding=1),
            nn.BatchNorm2d(WIDTH),
            relu(acts[1]),
            conv(WIDTH, WIDTH, 3, weights[2], padding=1),
            nn.BatchNorm2d(WIDTH),
        )
        self.shared = signed(acts[2], min(1.0, 2.0 ** (3 - acts[2])))
        self.rest = nn.Sequential(
            relu(acts[3], min(1.0, 2.0 ** (3 - acts[3]))),
            nn.MaxPool2d(2),
            conv(WIDTH, WIDTH, 3, weights[3], padding=1, groups=WIDTH),
            nn.BatchNorm2d(WIDTH),
            relu(acts[4]),
            conv(WIDTH, 2 * WIDTH, 1, weights[4], stride=2),
            nn.BatchNorm2d(2 * WIDTH),
            relu(acts[5]),
            nn.Flatten(),
            classifier(2 * WIDTH * 16, CLASSES, weights[5]),
        )

    def forward(self, x):
        """Float [N, 3, 16, 16] in 0..1 to logits [N, 10]."""
        x = self.first(x)
        return self.rest(self.shared(self.main(x)) + self.shared(x))


def real(weights, acts, folder: Path) -> Graph:
    """The network with these widths, as a build lowers it."""
    frames = pictures.draw(FRAMES, SHAPE, seed=1).astype(np.float32) / 255
    with train.one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        network = Small(weights, acts)
        calibrate(network, torch.from_numpy(frames))
        path = folder / "small.onnx"
        path.write_bytes(export(network, (1, *SHAPE)))
    return required(build.lowered(Options(str(path), board=BOARD, samples=2, input="uint8/255")).graph)


@dataclass(frozen=True)
class Pair:
    """A layer, or the whole network, as predicted and as it is; None where the folding is not offered."""

    kind: str
    predicted: Resources | None
    real: Resources

    def percent(self, counted):
        """How much more is predicted than real."""
        have, made = (getattr(used, counted) for used in (self.real, self.predicted))
        return 100 * (made - have) / have


class Check:
    """The network with 4 bits everywhere, from which others are predicted."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.board = folder, boards.load(BOARD)
        self.base = real([4] * 6, [4] * 6, folder)
        self.space = space(self.base, WEIGHTS, ACTIVATIONS, keep=("thresholding_0",), keep_ends=False)
        self.evaluator = Evaluator(self.base, self.board.usable, self.board.clock_mhz)

    def candidates(self, count):
        """The first random ones."""
        random = np.random.default_rng(SEED)
        return [self.space.draw(random) for _ in range(count)]

    def built(self, candidate) -> Graph:
        """The real network of a candidate."""
        precisions = candidate.precisions
        weights = [own.weight for own in precisions.values() if own.weight is not None]
        knobs = [knob for knob in self.space.knobs if knob.what == "activation"]
        return real(weights, [candidate.value(knob) for knob in knobs], self.folder)

    def pairs(self, candidate):
        """What is predicted of each layer at the folding that it really gets, and of the whole network."""
        device = self.board.usable
        folded = partition.fold(self.built(candidate), device, self.board.clock_mhz, FPS)
        predicted = requantized(self.base, candidate.precisions)
        for made, node in zip(predicted.nodes, folded.graph.nodes, strict=True):
            assert_alike(made, node)
            possible = node.folding in made.layer.foldings()
            used = made.layer.resources(node.folding, device) if possible else None
            yield Pair(node.layer.kind, used, node.layer.resources(node.folding, device))
        found = self.evaluator.evaluate(candidate, FPS)
        whole = Resources(found.lut, found.ff, found.dsp, found.bram18)
        yield Pair(WHOLE, whole, cost.total(folded.connected, device))


def assert_alike(predicted: Node, real: Node) -> None:
    """The same layer by name, types and widths; the range of a result that nothing quantizes may differ."""
    quantized = real.layer.precision.activation is not None or real.layer.precision.weight is None
    ports = [(*node.layer.inputs, *(node.layer.outputs * quantized)) for node in (predicted, real)]
    types = [[(port.shape, port.dtype) for port in own] for own in ports]
    assert (predicted.name, types[0]) == (real.name, types[1])
    assert predicted.layer.precision == real.layer.precision, real.name


def table(pairs) -> Table:
    """A row for each kind of layer, and one for whole networks."""
    errors = [f"{name} %, {what}" for name in ("LUT", "FF") for what in ("mean", "worst")]
    made = Table("", "number", "foldable alike", *errors, "DSP equal", "BRAM equal", box=None)
    for kind in sorted({pair.kind for pair in pairs}, key=lambda kind: (kind == WHOLE, kind)):
        own = [pair for pair in pairs if pair.kind == kind]
        known = [pair for pair in own if pair.predicted is not None]
        counts = [len(own), len(known)]
        percents = ([pair.percent(name) for pair in known] for name in ("lut", "ff"))
        shown = [f"{value:+.1f}" for own in percents for value in (np.mean(own), max(own, key=abs))]
        equal = (
            sum(getattr(pair.predicted, name) == getattr(pair.real, name) for pair in known)
            for name in ("dsp", "bram18")
        )
        made.add_row(kind, *map(str, counts), *shown, *map(str, equal))
    return made


def main(count: int = 16) -> int:
    """Prints the table: predicted more than real, in percent of real."""
    with tempfile.TemporaryDirectory() as folder:
        check = Check(Path(folder))
        pairs = [pair for candidate in check.candidates(count) for pair in check.pairs(candidate)]
    Console(width=118).print(table(pairs))
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
