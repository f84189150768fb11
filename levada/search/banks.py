"""One network in training, whose quantizers can have any width that their knobs have.

Beside each quantizer lie those that the family builds for the other widths. All of a layer's quantizers read
the same float weights, which asks for care where scales differ: see `Bank`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from brevitas.core.scaling import ConstScaling
from torch import Tensor, nn

from levada.precision import TERNARY
from levada.search.quantizers import quantizers_of
from levada.search.space import What
from levada.search.subject import Subject
from levada.train.quantizers import Handles


class Bank:
    """The quantizers of one place in a network, one for each width of its knob, ascending.

    Wide weights have a scale that follows the largest of them, those of few bits may have a constant one,
    which float weights of wide layers do not fit. Such a quantizer gets the weights divided by a factor
    that brings 0.7 of their mean magnitude to 1/2, within -1..1, and what it gives is multiplied by the
    factor with which it is nearest to the float weights. Both are constants for the gradient. What lies
    behind, batch normalisation or a learned factor, takes the latter up in the network that is trained in
    the end, so all widths are about the same size here and the network is as good as one with those scales.
    """

    def __init__(self, knob: int, what: What, quantizers: list[nn.Module]) -> None:
        self.knob, self.what = knob, what
        self._quantizers = quantizers
        fixed = [any(isinstance(m, ConstScaling) for m in q.modules()) for q in quantizers]
        self._stretched = [what == "weight" and own and not all(fixed) for own in fixed]

    def __len__(self) -> int:
        return len(self._quantizers)

    @property
    def bits(self) -> tuple[int, ...]:
        """The widths of the quantizers."""
        return tuple(int(quantizer.bit_width()) for quantizer in self._quantizers)  # type: ignore[operator]

    def value(self, index: int, x: Tensor) -> Tensor:
        """What the quantizer of the width with that index gives, of the shape of x."""
        quantizer = self._quantizers[index]
        if not self._stretched[index]:
            plain: Tensor = quantizer(x).value
            return plain
        factor = x.detach().abs().mean().clamp(min=1e-12) * 2 * TERNARY
        near = x / factor
        near = near + (near.clamp(-1, 1) - near).detach()
        y: Tensor = quantizer(near).value
        nearest = (x * y).sum() / (y * y).sum().clamp(min=1e-12)
        return y * nearest.detach()


#: What a bank gives for the x that came to it.
Change = Callable[[Bank, Tensor], Tensor]


def install(network: nn.Module, subject: Subject, change: Change) -> Handles:
    """Lets `change` say what the quantizers of all knobs give in training; in evaluation nothing changes."""
    return Handles(
        [
            network.get_submodule(name).register_forward_hook(_hook(bank, change))
            for name, bank in banks_of(subject).items()
        ]
    )


def banks_of(subject: Subject) -> dict[str, Bank]:
    """The bank of each quantizer that a knob sets, by the quantizer's name in the family's network."""
    names = quantizers_of(subject)
    others = _networks(subject)
    return {
        name: Bank(index, knob.what, [other.get_submodule(name) for other in others[: len(knob.values)]])
        for index, (knob, found) in enumerate(zip(subject.space.knobs, names, strict=True))
        for name in found
    }


def _networks(subject: Subject) -> list[nn.Module]:
    """Networks with all knobs at their first width, at their second, ..."""
    knobs = subject.space.knobs
    found = []
    with torch.random.fork_rng(devices=[]):
        for place in range(max(len(knob.values) for knob in knobs)):
            places = (min(place, len(knob.values) - 1) for knob in knobs)
            found.append(subject.network(subject.space.at_places(places)))
    return found


def _hook(bank: Bank, change: Change) -> Callable[[Any, tuple[Tensor], Any], Any]:
    def hook(module: Any, arguments: tuple[Tensor], quantized: Any) -> Any:  # noqa: ANN401
        if not module.training:
            return None
        return quantized._replace(value=change(bank, arguments[0]))

    return hook
