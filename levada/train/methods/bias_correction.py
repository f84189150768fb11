"""What quantization shifts on average is taken back."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn

from levada.train.methods import Method, option
from levada.train.observe import channel_means, norms_behind, observe, unrounded
from levada.train.quantizers import weights_of

if TYPE_CHECKING:
    from levada.train.run import Run


@dataclasses.dataclass(eq=False)
class BiasCorrection(Method):
    """The mean of each channel of each layer becomes that of the network without rounding.

    Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV 2019, section
    4.2 and appendix D, with means of real examples. Rounded weights W' and activations x' shift a sum, on
    average, and layer by layer, in the order in which they run, the shift

        e = mean(W' x') - mean(W x)        over `batches` batches and all pixels, for each channel

    is taken off: added to the mean of the batch normalisation behind, or subtracted from the layer's bias.
    A layer with neither, such as one that ends a network, stays as it is, and the log says so. It belongs
    behind `full_precision` and whatever chooses scales and integers.
    """

    # That would measure the means anew.
    excludes: ClassVar[frozenset[str]] = frozenset({"bn_reestimation"})

    batches: int = option(10, 1)

    def finish(self, run: Run) -> None:
        """Measures and corrects one layer after the other."""
        inputs = list(run.some_inputs(self.batches))
        names = {weights.layer: weights.name for weights in weights_of(run.network)}
        norms = norms_behind(run.network, list(names), inputs[0])
        with unrounded(run.network):
            wanted = _means(run.network, list(names), inputs)
        for layer, mean in wanted.items():  # in the order in which they ran
            shift = _means(run.network, [layer], inputs)[layer] - mean
            if not _correct(layer, norms.get(layer), shift):
                run.log(f"{run.title}: bias_correction leaves {names[layer]}, which has no bias")


def _means(network: nn.Module, layers: list[nn.Module], inputs: list[Tensor]) -> dict[nn.Module, Tensor]:
    """The mean of each channel that each layer gives, over batches of one size."""
    sums: dict[nn.Module, Tensor] = {}

    def see(layer: nn.Module, _: Tensor, output: Tensor) -> None:
        sums[layer] = sums.get(layer, torch.zeros(())) + channel_means(output)

    observe(network, layers, inputs, see)
    return {layer: total / len(inputs) for layer, total in sums.items()}


def _correct(layer: nn.Module, norm: nn.Module | None, shift: Tensor) -> bool:
    with torch.no_grad():
        if norm is not None:
            assert isinstance(norm.running_mean, Tensor)
            norm.running_mean.add_(shift)
        elif isinstance(layer.bias, nn.Parameter):
            layer.bias.sub_(shift)
        else:
            return False
    return True
