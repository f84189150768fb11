"""What methods see of a network: quantized weights with their parameters, and each quantizer as it acts.

Brevitas computes scale * round(clip(x / scale)) in modules of two kinds, `IntQuant` and, for one bit,
`BinaryQuant` with or without clipping. Hooks on them see weights and activations alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from brevitas.core.quant import BinaryQuant, ClampedBinaryQuant
from brevitas.core.quant.int_base import IntQuant
from torch import Tensor, nn

if TYPE_CHECKING:
    from torch.utils.hooks import RemovableHandle


@dataclass(frozen=True, eq=False)
class Weights:
    """The weights of one layer: a float parameter and the quantizer that the layer reads it through."""

    name: str
    layer: nn.Module

    @property
    def parameter(self) -> nn.Parameter:
        """What is trained: float [outputs, ...]."""
        parameter = self.layer.weight
        assert isinstance(parameter, nn.Parameter)
        return parameter

    @property
    def quantizer(self) -> nn.Module:
        """Takes the parameter, gives a tensor of Brevitas with a field `value`."""
        quantizer = self.layer.weight_quant
        assert isinstance(quantizer, nn.Module)
        return quantizer

    @property
    def bits(self) -> int:
        """Width of the integers."""
        return int(self._quantized().bit_width)

    def integers(self) -> tuple[Tensor, Tensor]:
        """The integers that the parameter stands for now, as floats of its shape, and their scale."""
        with torch.no_grad():
            found = self._quantized()
            return (found.value / found.scale).round(), found.scale

    def bounds(self) -> tuple[int, int]:
        """The least and the greatest integer: -7 and 7 for four bits in narrow range, -1 and 1 for one."""
        if self.bits == 1:
            return -1, 1
        half = 2 ** (self.bits - 1)
        return (1 - half if self.quantizer.is_narrow_range else -half), half - 1

    def _quantized(self) -> Any:  # noqa: ANN401  # brevitas comes without types
        # What methods do to it in training does not change what a weight stands for: no call, no noise.
        training = self.quantizer.training
        try:
            return self.quantizer.eval().forward(self.parameter)
        finally:
            self.quantizer.train(training)


def weights_of(network: nn.Module) -> list[Weights]:
    """All quantized weights, in the order of the network's modules."""
    found = []
    for name, layer in network.named_modules():
        quantizer = getattr(layer, "weight_quant", None)
        if isinstance(quantizer, nn.Module) and getattr(quantizer, "is_quant_enabled", False):
            found.append(Weights(name, layer))
    return found


class Quantized(NamedTuple):
    """One call of a quantizer.

    Attributes:
        name: of the module that quantizes.
        x: what it got.
        clipped: that, within the quantizer's range.
        y: what it gives, with its own gradients.
        scale: of y's integers.
        training: whether the network is being trained.
    """

    name: str
    x: Tensor
    clipped: Tensor
    y: Tensor
    scale: Tensor
    training: bool


Rewrite = Callable[[Quantized], Tensor | None]


class Handles:
    """Hooks that can be taken out again, together and more than once; `names` of the modules, where known."""

    def __init__(self, handles: list[RemovableHandle], names: Sequence[str] = ()) -> None:
        self._handles = handles
        self.names = tuple(names)

    def remove(self) -> None:
        """Leaves the network as it was."""
        for handle in self._handles:
            handle.remove()
        self._handles = []


def rewrite(network: nn.Module, change: Rewrite, *, binary_only: bool = False) -> Handles:
    """Lets `change` say what each quantizer of the network gives from now on; None leaves it as it is."""
    found: dict[str, RemovableHandle] = {}
    for name, module in network.named_modules():
        if isinstance(module, BinaryQuant | ClampedBinaryQuant):
            found[name] = module.register_forward_hook(_binary(name, change))
        elif isinstance(module, IntQuant) and not binary_only:
            found[name] = module.register_forward_hook(_whole(name, change))
    return Handles(list(found.values()), list(found))


def _whole(name: str, change: Rewrite) -> Callable[[Any, tuple[Tensor, ...], Tensor], Tensor | None]:
    def hook(module: Any, arguments: tuple[Tensor, ...], y: Tensor) -> Tensor | None:  # noqa: ANN401
        scale, zero, bits, x = arguments
        least, most = (bound(bits) - zero for bound in (module.min_int, module.max_int))
        clipped = torch.minimum(torch.maximum(x, least * scale), most * scale)
        return change(Quantized(name, x, clipped, y, scale, module.training))

    return hook


def _binary(name: str, change: Rewrite) -> Callable[[Any, tuple[Tensor], Any], Any]:
    def hook(module: Any, arguments: tuple[Tensor], found: Any) -> Any:  # noqa: ANN401
        (x,), (y, scale, *rest) = arguments, found
        clipped = torch.minimum(torch.maximum(x, -scale), scale)
        y = change(Quantized(name, x, clipped, y, scale, module.training))
        return None if y is None else (y, scale, *rest)

    return hook
