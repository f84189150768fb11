"""Weights of one network as the beginning of another with other widths."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from levada.models import Model
from levada.precision import TERNARY
from levada.train.quantizers import weights_of
from levada.train.task import Widths, wide_family_of

if TYPE_CHECKING:
    from torch import Tensor, nn


def transplanted(model: Model, start: Path, widest: Widths, widths: Widths) -> nn.Module:
    """A network with other widths, and no larger, that begins with trained weights.

    `widest` are what these weights were trained with, but for the shape, which is that of `widths`.
    Scales and widths that methods have chosen for it are left. Weights whose scale is 1 at these widths, and
    was none before, are stretched so that they are quantized well: what lies behind is expected to learn the
    new scale, as batch normalisation does.
    """
    from levada.train.own import shared
    from levada.train.run import load_weights, read

    network = wide_family_of(model).build(model.variant, widths)
    load_weights(network, _cut(shared(read(start)), network))
    former = wide_family_of(model).build(model.variant, widest)
    for weights, before in zip(weights_of(network), weights_of(former), strict=True):
        if weights.bits <= 2 < before.bits:
            parameter = weights.parameter.data
            factor = 0.5 / (TERNARY * parameter.abs().mean())
            weights.parameter.data = (parameter * factor).clamp(-1, 1)
    return network


def _cut(state: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """The weights of a network that is no larger: of each tensor the first rows, columns and channels."""
    sizes = {name: value.shape for name, value in network.state_dict().items()}
    return {name: value[tuple(map(slice, sizes[name]))] for name, value in state.items() if name in sizes}
