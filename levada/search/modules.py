"""Which quantizers of a network in torch have the width that a knob sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from levada.errors import LevadaError
from levada.search.subject import Subject

if TYPE_CHECKING:
    from torch import nn

Names = tuple[str, ...]


def quantizers_of(network: nn.Module, subject: Subject) -> tuple[Names, ...]:
    """For each knob of the subject's space, the names of Brevitas' quantizers in `network` that it sets.

    Found by turning each knob from its lowest to its highest width: what changes belongs to it. Names of
    modules are the same at all widths.

    LevadaError where a knob that can be turned changes none.
    """
    with torch.random.fork_rng(devices=[]):
        lowest = subject.narrowest
        before = _widths(subject.network(lowest))
        found = []
        for knob in subject.space.knobs:
            after = _widths(subject.network(lowest.turned(knob, knob.bits[-1])))
            found.append(tuple(name for name, bits in after.items() if bits != before[name]))
            if len(knob.bits) > 1 and not found[-1]:
                raise LevadaError(f"{subject.model.name}: the {knob} change no quantizer of the network")
    known = _widths(network)
    assert all(name in known for names in found for name in names)
    return tuple(found)


def _widths(network: nn.Module) -> dict[str, int]:
    """The bits of each quantizer of weights or of activations, by the name of its module."""
    found = {}
    for name, module in network.named_modules():
        quantizer = name.rpartition(".")[2]
        if quantizer in {"weight_quant", "act_quant"} and getattr(module, "is_quant_enabled", False):
            found[name] = int(module.bit_width())
    return found
