"""Looks into a network while it runs, or moves a little in it: what layers read and give, and would give."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from levada.train.quantizers import Weights, rewrite

if TYPE_CHECKING:
    pass

#: (inputs, output) of one call of a module.
Seen = Callable[[nn.Module, Tensor, Tensor], None]
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


@contextlib.contextmanager
def unrounded(network: nn.Module) -> Iterator[None]:
    """The network in floats: quantizers keep their ranges and do not round."""
    handles = rewrite(network, lambda q: q.clipped)
    try:
        yield
    finally:
        handles.remove()


def observe(network: nn.Module, modules: Sequence[nn.Module], inputs: Sequence[Tensor], seen: Seen) -> None:
    """Runs the network, in evaluation mode, on each of `inputs`; shows what `modules` read and give."""

    def hook(module: nn.Module, arguments: tuple[Any, ...], output: Tensor) -> None:
        seen(module, arguments[0], output)

    handles = [module.register_forward_hook(hook) for module in modules]
    network.eval()
    try:
        with torch.no_grad():
            for batch in inputs:
                network(batch)
    finally:
        for handle in handles:
            handle.remove()


def norms_behind(
    network: nn.Module, layers: Sequence[nn.Module], inputs: Tensor
) -> dict[nn.Module, nn.Module]:
    """For each layer the batch normalisation that reads its very output, where there is one."""
    norms = [module for module in network.modules() if isinstance(module, _NORMS)]
    makers: dict[int, nn.Module] = {}
    kept: list[Tensor] = []  # so that no other tensor gets an id again
    found: dict[nn.Module, nn.Module] = {}

    def see(module: nn.Module, x: Tensor, y: Tensor) -> None:
        if isinstance(module, _NORMS):
            if id(x) in makers:
                found[makers[id(x)]] = module
        else:
            makers[id(y)] = module
            kept.append(y)

    observe(network, [*layers, *norms], [inputs], see)
    return found


def channel_means(values: Tensor) -> Tensor:
    """[N, C, ...] to the mean of each of C channels."""
    return values.transpose(0, 1).flatten(1).mean(dim=1)


@contextlib.contextmanager
def still_statistics(network: nn.Module) -> Iterator[None]:
    """Batch normalisation goes by each batch, and keeps nothing of it."""
    norms = [module for module in network.modules() if isinstance(module, _NORMS)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


class Offset:
    """Added to what the quantizer of some weights gives; its gradient is that of the quantized weights."""

    def __init__(self, weights: Weights) -> None:
        self.value = torch.zeros_like(weights.parameter).requires_grad_()
        self.handle = weights.quantizer.register_forward_hook(self._add)

    def _add(self, _: nn.Module, arguments: tuple[Tensor], quantized: Any) -> Any:  # noqa: ANN401, ARG002
        return quantized._replace(value=quantized.value + self.value)
