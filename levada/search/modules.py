"""Which quantizers of a network in torch have the width that a knob sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from brevitas.proxy.parameter_quant import WeightQuantProxyFromInjectorBase
from brevitas.proxy.runtime_quant import ActQuantProxyFromInjectorBase

from levada.errors import LevadaError
from levada.search.subject import Subject

if TYPE_CHECKING:
    from torch import nn

Names = tuple[str, ...]


def quantizers_of(subject: Subject) -> tuple[Names, ...]:
    """For each knob of the subject's space, the names of Brevitas' quantizers that it sets, at all widths.

    Knobs are numbered from 1, and for each binary digit a network is built in which all knobs are turned
    whose number has it: where quantizers change tells the number of their knob.

    LevadaError where a knob that can be turned changes none.
    """
    knobs = subject.space.knobs
    with torch.random.fork_rng(devices=[]):
        before = widths_of(subject.network(subject.widest))
        numbers = dict.fromkeys(before, 0)
        for digit in range(len(knobs).bit_length()):
            places = (0 if number >> digit & 1 else -1 for number in range(1, 1 + len(knobs)))
            after = widths_of(subject.network(subject.space.at_places(places)))
            for name, bits in before.items():
                numbers[name] |= (after[name] != bits) << digit
    found = [tuple(name for name, own in numbers.items() if own == n) for n in range(1, 1 + len(knobs))]
    for knob, names in zip(knobs, found, strict=True):
        if not names and len(knob.bits) > 1:
            raise LevadaError(
                f"{subject.model.name}: no quantizer of the family's network has the {knob}; let one of its "
                "widths set each"
            )
    return tuple(found)


def widths_of(network: nn.Module) -> dict[str, int]:
    """The bits of each quantizer of weights or of activations, by the name of its module."""
    kinds = WeightQuantProxyFromInjectorBase | ActQuantProxyFromInjectorBase
    found = {name: module for name, module in network.named_modules() if isinstance(module, kinds)}
    return {name: int(proxy.bit_width()) for name, proxy in found.items() if proxy.is_quant_enabled}
