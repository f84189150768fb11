"""A network of two layers with three knobs, and its hardware as tables: costs are known without a build."""

from __future__ import annotations

import importlib
import itertools
from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from levada.layer import Device
from levada.precision import Precision
from levada.search.expected import Expected
from levada.search.joint import Layer
from levada.search.space import Candidate, Knob, Space
from levada.search.subject import Subject

quantizers = importlib.import_module("levada.models.blocks.quantizers")
BITS = (2, 4, 8)
DEVICE = Device("xc7", lut=100, ff=1000, dsp=10, bram18=10)
OWN = Candidate((("one", Precision(4, 4)), ("two", Precision(4))))
KNOBS = (
    Knob("weight", ("one",), BITS),
    Knob("activation", ("one",), BITS),
    Knob("weight", ("two",), BITS),
)
SPACE = Space("small", OWN, KNOBS)


class Small(Subject):
    """A network of two layers whose hardware is given as tables."""

    def __init__(self):
        super().__init__(SimpleNamespace(name="small", variant=""), None, SPACE, (0, 0, 1))

    def network(self, candidate):
        first, act, last = (candidate.value(knob) for knob in KNOBS)
        return nn.Sequential(
            quantizers.linear(6, 16, first),
            nn.BatchNorm1d(16),
            quantizers.relu(act),
            quantizers.linear(16, 3, last),
            nn.BatchNorm1d(3),
        )


def layers():
    """LUTs of a product grow with both widths; in slices, it needs one for each started 4 bits."""
    found = []
    for knobs in ((0, 1), (1, 2)):
        offers = {}
        for bits in itertools.product(BITS, BITS):
            in_luts = [10, bits[0] * bits[1], 10, 0, 0]
            in_slices = [10, 2, 10, -(-bits[0] // 4), 1]
            slow = [40, bits[0] * bits[1] // 4, 10, 0, 0]
            rows = np.array([in_luts, in_slices, slow], np.int64)
            offers[bits] = rows[:, 0], rows[:, 1:]
        found.append(Layer(knobs, offers))
    return found


def expected(device=DEVICE):
    return Expected(layers(), SPACE, device)


def drawn(seed):
    random = torch.Generator().manual_seed(seed)
    return [torch.rand(len(knob.values), generator=random).softmax(dim=0) for knob in KNOBS]


def certain(*bits):
    return [nn.functional.one_hot(torch.tensor(BITS.index(b)), len(BITS)).float() for b in bits]


def table_share(device):
    """The true share: that of the table for the candidate itself, and what converters take beside it."""

    def share_at(candidate, interval):
        one = certain(*(candidate.value(knob) for knob in KNOBS))
        return 1.1 * float(expected(device).tables(interval, one).shares(one).max())

    return share_at
