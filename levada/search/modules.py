"""Which quantizers of a network in torch have which of its widths."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from brevitas.proxy.parameter_quant import WeightQuantProxyFromInjectorBase
from brevitas.proxy.runtime_quant import ActQuantProxyFromInjectorBase

from levada.errors import LevadaError
from levada.models import Model
from levada.search.space import LEAST, MOST, What
from levada.train.task import Shape, Widths, wide_family_of

if TYPE_CHECKING:
    from torch import nn

Names = tuple[str, ...]
#: The fields of `Widths`.
KINDS: dict[What, str] = {"weight": "weights", "activation": "activations"}


class Kept(NamedTuple):
    """Places of widths."""

    weights: tuple[int, ...]
    activations: tuple[int, ...]


def set_by(count: int, network: Callable[[Sequence[bool]], nn.Module]) -> tuple[Names, ...]:
    """For each of so many numbers, the names of the quantizers that change in a network when it is turned.

    They are numbered from 1, and for each binary digit a network is built in which all are turned that have
    it: where quantizers change tells the number.
    """
    with torch.random.fork_rng(devices=[]):
        before = widths_of(network([False] * count))
        numbers = dict.fromkeys(before, 0)
        for digit in range(count.bit_length()):
            after = widths_of(network([bool(number >> digit & 1) for number in range(1, 1 + count)]))
            for name, bits in before.items():
                numbers[name] |= (after[name] != bits) << digit
    return tuple(tuple(name for name, own in numbers.items() if own == n) for n in range(1, 1 + count))


def possible(model: Model, own: Widths, what: What) -> tuple[int, ...]:
    """The bits that all widths of a kind can have at once."""
    family, legal = wide_family_of(model), []
    for bits in range(LEAST, MOST + 1):
        with contextlib.suppress(LevadaError):
            family.build(model.variant, uniform(own, what, bits))
            legal.append(bits)
    return tuple(legal)


def uniform(own: Widths, what: What, bits: int) -> Widths:
    """Widths that are the same for all of a kind."""
    if what == "weight":
        return own._replace(weights=(bits,) * len(own.weights))
    return own._replace(activations=(bits,) * len(own.activations))


def kept(model: Model, own: Widths, shape: Shape) -> Kept:
    """Which widths of a network it still has in another shape.

    LevadaError where the family's layers have other names then.
    """
    left = wide_family_of(model).widths_of(model.variant, shape)
    if (len(left.weights), len(left.activations)) == (len(own.weights), len(own.activations)):
        return Kept(tuple(range(len(own.weights))), tuple(range(len(own.activations))))
    return _kept(model, own, left)


@functools.lru_cache(maxsize=1024)
def _kept(model: Model, own: Widths, left: Widths) -> Kept:
    with torch.random.fork_rng(devices=[]):
        here = widths_of(wide_family_of(model).build(model.variant, left))
    named = _named(model, own)
    found = {
        what: tuple(place for place, names in enumerate(named[what]) if any(name in here for name in names))
        for what in KINDS
    }
    for what, name in KINDS.items():
        if len(found[what]) != len(getattr(left, name)):
            shape = ", ".join(f"{name}={number}" for name, number in left.shape)
            raise LevadaError(
                f"{model.name}: with {shape} it has {len(getattr(left, name))} widths of {name}, but "
                f"{len(found[what])} of the names of the larger network; let layers keep their names"
            )
    return Kept(found["weight"], found["activation"])


@functools.lru_cache(maxsize=16)
def _named(model: Model, own: Widths) -> Mapping[What, tuple[Names, ...]]:
    """For each width of a network, the names of the quantizers that have it."""
    bits = {what: possible(model, own, what) for what in KINDS}
    split = len(own.weights)

    def network(turned: Sequence[bool]) -> nn.Module:
        weights = tuple(bits["weight"][0 if one else -1] for one in turned[:split])
        activations = tuple(bits["activation"][0 if one else -1] for one in turned[split:])
        return wide_family_of(model).build(model.variant, Widths(weights, activations, own.shape))

    found = set_by(split + len(own.activations), network)
    return {"weight": found[:split], "activation": found[split:]}


def widths_of(network: nn.Module) -> dict[str, int]:
    """The bits of each quantizer of weights or of activations, by the name of its module."""
    kinds = WeightQuantProxyFromInjectorBase | ActQuantProxyFromInjectorBase
    found = {name: module for name, module in network.named_modules() if isinstance(module, kinds)}
    return {name: int(proxy.bit_width()) for name, proxy in found.items() if proxy.is_quant_enabled}
