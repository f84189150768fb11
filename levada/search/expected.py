"""What a distribution of widths is expected to cost in hardware, with gradients.

Each layer has a table of what it takes at each combination of the few knobs that it depends on. Where the
widths of knobs are drawn independently, the expected sum is a sum of the tables, each contracted with the
distributions of its knobs: linear in each of them, and exact but for converters and FIFOs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from levada import cost
from levada.layer import Device
from levada.search.joint import Layer
from levada.search.layers import Knobs
from levada.search.space import Space

FloatArray = npt.NDArray[np.float64]
#: For each knob of a space, the probabilities of its widths.
Distributions = Sequence[Tensor]

#: The smooth maximum is a norm of this order: of two equal shares it is 4 % too large.
_ORDER = 16
#: What counts as a budget of 0: using a single one of what there is none of is worse than all else.
_NONE = 0.01
#: Turns of all layers, after which their foldings are balanced.
_ROUNDS = 20
#: Parts of a move that are tried.
_STEPS = np.concatenate([[0.0], np.geomspace(1 / 256, 1, 17)])


@dataclass(frozen=True)
class Table:
    """What a layer takes: shares of the budget [widths of each of its knobs ..., 4], as in `cost.FIELDS`."""

    knobs: Knobs
    shares: Tensor


@dataclass(frozen=True)
class Tables:
    """All layers of a network within one interval."""

    layers: tuple[Table, ...]

    def shares(self, distributions: Distributions) -> Tensor:
        """The expected share of each resource, [4]."""
        total = torch.zeros(len(cost.FIELDS))
        for table in self.layers:
            rest = table.shares
            for knob in table.knobs:
                rest = torch.tensordot(distributions[knob], rest, dims=1)
            total = total + rest
        return total

    def share(self, distributions: Distributions) -> Tensor:
        """The largest expected share, made smooth: a norm of all four."""
        found = self.shares(distributions)
        most = found.detach().max().clamp(min=1e-12)  # a power of large numbers would be infinite
        norm: Tensor = most * torch.linalg.vector_norm(found / most, _ORDER)
        return norm


class Expected:
    """The foldings of all layers, from which tables for any interval are made."""

    def __init__(self, layers: Sequence[Layer], space: Space, budget: Device) -> None:
        self._layers = [_Offers(layer, space, np.maximum(_NONE, cost.budget(budget))) for layer in layers]

    def tables(self, interval: int, distributions: Distributions) -> Tables:
        """Each layer in its best foldings within so many cycles, for widths that are drawn from these.

        What is best depends on which resource is scarce, and that on all layers. So the smooth maximum of all
        shares is made small, layer by layer in turns: its gradient is the price of each resource, each
        combination of widths takes what is cheapest then, and the layer goes as far towards that as is best.
        Lacoste-Julien et al., "Block-Coordinate Frank-Wolfe Optimization for Structural SVMs", ICML 2013. So
        a layer may be the mean of several foldings; one that cannot be so fast counts as several of its
        fastest, side by side.
        """
        given = [p.detach().numpy().astype(np.float64) for p in distributions]
        joints = [layer.joint(given) for layer in self._layers]
        offers = [layer.within(interval) for layer in self._layers]
        rows = [_cheapest(own, np.ones(len(cost.FIELDS))) for own in offers]
        used = np.array([joint @ own for joint, own in zip(joints, rows, strict=True)])
        for _ in range(_ROUNDS):
            for index, (joint, own) in enumerate(zip(joints, offers, strict=True)):
                total = used.sum(axis=0)
                better = _cheapest(own, _prices(total))
                move = joint @ better - used[index]
                step = _step(total, move)
                rows[index] = (1 - step) * rows[index] + step * better
                used[index] += step * move
        return Tables(tuple(layer.table(own) for layer, own in zip(self._layers, rows, strict=True)))


def _prices(shares: FloatArray) -> FloatArray:
    """The gradient of the smooth maximum, up to a factor."""
    found: FloatArray = (shares / max(float(shares.max()), 1e-12)) ** (_ORDER - 1)
    return found


def _step(shares: FloatArray, move: FloatArray) -> float:
    """The part of a move, from 0 to 1, after which the smooth maximum is least."""
    after = shares + _STEPS[:, None] * move
    return float(_STEPS[np.argmin(np.linalg.norm(after, ord=_ORDER, axis=1))])


class _Offers:
    """A layer's foldings: cycles [combinations, most] and shares [combinations, most, 4], padded."""

    def __init__(self, layer: Layer, space: Space, budget: FloatArray) -> None:
        self.knobs = layer.knobs
        self._sizes = tuple(len(space.knobs[knob].values) for knob in layer.knobs)
        most = max(len(cycles) for cycles, _ in layer.offers.values())
        # What there is less than `most` of is filled up with the first one.
        chosen = [np.arange(most) % len(cycles) for cycles, _ in layer.offers.values()]
        pairs = list(zip(layer.offers.values(), chosen, strict=True))
        self._cycles = np.array([cycles[index] for (cycles, _), index in pairs], np.float64)
        self._shares = np.array([used[index] for (_, used), index in pairs]) / budget

    def within(self, interval: int) -> FloatArray:
        """Shares [combinations, most, 4] within an interval; infinite where a folding is too slow."""
        fastest = self._cycles.min(axis=1, keepdims=True)
        slow = self._cycles > np.maximum(fastest, interval)
        copies = np.maximum(1, fastest / interval)
        return np.where(slow[..., None], np.inf, self._shares * copies[..., None])

    def joint(self, distributions: Sequence[FloatArray]) -> FloatArray:
        """The probability of each combination, [combinations]."""
        found = np.ones(1)
        for knob in self.knobs:
            found = np.multiply.outer(found, distributions[knob]).reshape(-1)
        return found

    def table(self, rows: FloatArray) -> Table:
        """Of shares [combinations, 4]."""
        return Table(self.knobs, torch.tensor(rows.reshape(*self._sizes, -1), dtype=torch.float32))


def _cheapest(rows: FloatArray, prices: FloatArray) -> FloatArray:
    """The row of least price of each combination, [combinations, 4]."""
    prices = np.maximum(prices, 1e-6)  # what is free is not taken for nothing
    index = np.argmin((rows * prices).sum(axis=2), axis=1)
    found: FloatArray = np.take_along_axis(rows, index[:, None, None], axis=1)[:, 0]
    return found
