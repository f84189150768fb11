"""Layer by layer: what each layer reads in the network as it is now, and what it should give."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from levada.train.observe import observe, unrounded
from levada.train.own import Own, quantizers_of
from levada.train.quantizers import Weights, weights_of

if TYPE_CHECKING:
    from levada.train.run import Run

#: What a layer reads and what it should give, call by call.
Pairs = list[tuple[Tensor, Tensor]]


def layers_in_turn(run: Run, batches: int) -> Iterator[tuple[Weights, Pairs]]:
    """Each layer, in the order in which they run, with pairs of some batches.

    It reads what layers before it give as they are by then, and should give what it gives in the network
    without rounding. All scales are made constants before.
    """
    inputs = list(run.some_inputs(batches))
    layers = {weights.layer: weights for weights in weights_of(run.network)}
    with unrounded(run.network):
        wanted = _calls(run.network, list(layers), inputs)
    for quantizer in quantizers_of(run.network):
        if quantizer.weights is not None:
            quantizer.give_scale(Own(quantizer.scale))
    for layer, floats in wanted.items():
        rounded = _calls(run.network, [layer], inputs)[layer]
        yield layers[layer], [(x, y) for (x, _), (_, y) in zip(rounded, floats, strict=True)]


def error(layer: Any, x: Tensor, weights: Tensor, wanted: Tensor) -> Tensor:  # noqa: ANN401
    """Mean square of what a layer with such weights gives for x, against what is wanted."""
    result: Tensor = (layer.inner_forward_impl(x, weights, layer.bias) - wanted).square().mean()
    return result


def _calls(
    network: nn.Module, layers: list[nn.Module], inputs: list[Tensor]
) -> dict[nn.Module, list[tuple[Tensor, Tensor]]]:
    """What each layer reads and gives, call by call; layers in the order in which they run."""
    found: dict[nn.Module, list[tuple[Tensor, Tensor]]] = defaultdict(list)
    observe(network, layers, inputs, lambda layer, x, y: found[layer].append((x, y)))
    return dict(found)
