"""What quantizers of a trained network may have of their own: a scale, a bit width, input thresholds.

Families build quantizers whose scales are constants, or follow from the weights. What a training has chosen
instead stands in the modules of this file, in buffers whose names begin with `own`. So the names in a state
dictionary say which quantizers have which, and `adopt` puts them into a network fresh from its family.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from brevitas.core.quant import RescalingIntQuant
from torch import Tensor, nn

from levada.train.quantizers import Weights, weights_of


class Own(nn.Module):
    """A constant in place of a module that gives a quantizer its scale or its bits."""

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.own: Tensor
        self.register_buffer("own", value.detach().clone())

    def forward(self, *_: Any) -> Tensor:  # noqa: ANN401  # whatever the module in its place is given
        """The constant."""
        return self.own


class _Count(torch.autograd.Function):
    """step * |{k: x >= thresholds[0, k]}|; in an exported file QONNX's MultiThreshold."""

    @staticmethod
    def forward(_: Any, x: Tensor, thresholds: Tensor, step: float) -> Tensor:  # noqa: ANN401
        return step * torch.bucketize(x, thresholds[0], right=True).to(x.dtype)

    @staticmethod
    def symbolic(g: Any, x: Any, thresholds: Any, step: float) -> Any:  # noqa: ANN401
        options = {"out_scale_f": step, "out_dtype_s": "FLOAT32"}
        result = g.op("qonnx.custom_op.general::MultiThreshold", x, thresholds, **options)
        result.setType(x.type())
        return result


class Staircase(nn.Module):
    """step * |{k: x >= thresholds[k]}|, before a quantizer of that step, which has nothing left to round."""

    def __init__(self, thresholds: Tensor, step: Tensor) -> None:
        super().__init__()
        self.own_thresholds: Tensor
        self.own_step: Tensor
        self.register_buffer("own_thresholds", thresholds.detach().reshape(1, -1).clone())
        self.register_buffer("own_step", step.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        """Of the same shape as x."""
        found: Tensor = _Count.apply(x, self.own_thresholds, float(self.own_step))  # type: ignore[no-untyped-call]
        return found


@dataclass(frozen=True, eq=False)
class Quantizer:
    """A quantizer to integers of two bits and more.

    Attributes:
        name: of the module.
        module: Brevitas' quantizer, which asks parts of it for scale and bits.
        weights: what it quantizes; None for activations.
    """

    name: str
    module: Any  # brevitas comes without types
    weights: Weights | None

    @property
    def bits(self) -> Tensor:
        """Width of the integers."""
        found: Tensor = self.module.msb_clamp_bit_width_impl()
        return found

    @property
    def scale(self) -> Tensor:
        """The scale of now: one number, or one for each output channel [outputs, 1, ...]."""
        x = torch.zeros(1) if self.weights is None else self.weights.parameter
        found: Tensor = self.module.scaling_impl(x, self.module.int_scaling_impl(self.bits))
        return found

    @property
    def bounds(self) -> tuple[Tensor, Tensor]:
        """The least and the greatest integer."""
        return self.module.int_quant.min_int(self.bits), self.module.int_quant.max_int(self.bits)

    def give_scale(self, source: nn.Module) -> None:
        """Takes the scale from another module: (x, largest integer) to a scale."""
        self.module.scaling_impl = source

    def give_bits(self, source: nn.Module) -> None:
        """Takes the bit width from another module."""
        self.module.msb_clamp_bit_width_impl = source

    def quantized(self, x: Tensor, scale: Tensor) -> Tensor:
        """What x would be with another scale."""
        least, most = self.bounds
        return torch.minimum(torch.maximum((x / scale).round(), least), most) * scale


def quantizers_of(network: nn.Module) -> list[Quantizer]:
    """All quantizers to integers of two bits and more, in the order of the network's modules."""
    weights = {f"{w.name}.weight_quant".removeprefix("."): w for w in weights_of(network)}
    return [
        Quantizer(name, module, weights.get(name.rpartition(".")[0]))
        for name, module in network.named_modules()
        if isinstance(module, RescalingIntQuant)
    ]


def adopt(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Gives quantizers what `state`, of a trained network, says that they have of their own."""
    for path, module in _own(state):
        parent, _, leaf = path.rpartition(".")
        setattr(network.get_submodule(parent), leaf, module)


def shared(state: Mapping[str, Any]) -> dict[str, Any]:
    """What of a state dictionary any network of its family has: all but what quantizers have of their own."""
    return {name: value for name, value in state.items() if not name.rpartition(".")[2].startswith("own")}


def _own(state: Mapping[str, Tensor]) -> Iterator[tuple[str, nn.Module]]:
    for name, value in state.items():
        path, _, leaf = name.rpartition(".")
        if leaf == "own":
            yield path, Own(value)
        elif leaf == "own_thresholds":
            yield path, Staircase(value, state[f"{path}.own_step"])
