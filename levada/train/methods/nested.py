"""Weights of few bits within those of many: one training for several precisions."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import nn

from levada.errors import LevadaError
from levada.train.methods import Method, option
from levada.train.quantizers import weights_of
from levada.train.settings import Kept, save, widths
from levada.train.statistics import reestimate

if TYPE_CHECKING:
    from levada.train.run import Run


@dataclasses.dataclass(eq=False)
class Nested(Method):
    """All settings learn at once: a setting of b bits takes the upper b bits of each weight.

    After the idea of Wu et al., "Vertical Layering of Quantized Neural Networks for Heterogeneous Inference",
    2022, with the steps of slimmable networks (Yu and Huang, "Universally Slimmable Networks and Improved
    Training Techniques", ICCV 2019). With the integers W of n bits in two's complement

        W_b = (W >> (n - b)) << (n - b)        for n > b, else W
        loss = mean of the task's loss with W, with the narrowest, and with one between drawn anew each step

    and the gradient of each goes straight through to the float weights. Statistics of normalisation are those
    of each batch in training; at the end they are measured for each setting with `batches` batches, as
    bn_reestimation does. The training leaves a network a setting, and a file that lists them.
    """

    excludes: ClassVar[frozenset[str]] = frozenset({"bn_reestimation", "full_precision", "saq"})
    last: ClassVar[bool] = True  # what others write into the network is measured, too

    bits: str = option("4,2")
    batches: int = option(100, 1)

    def start(self, run: Run) -> None:
        """Looks whether the widest setting is that of the weights."""
        self._widths = widths(self.bits, f"{run.title}: nested")
        most = max((weights.bits for weights in weights_of(run.network)), default=0)
        if most != self._widths[0]:
            raise LevadaError(
                f"{run.title}: nested: bits is {self.bits!r}, and the network's widest weights have {most}; "
                f"begin with {most}"
            )
        self._kept = Kept(run.network)

    def loss(self, run: Run, outputs: torch.Tensor, loss: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """The mean with those of narrower settings."""
        *between, narrowest = self._widths[1:]
        chosen = [narrowest]
        if between:
            chosen.append(between[int(torch.randint(len(between), ()))])
        for bits in chosen:
            self._kept.bits = bits
            loss = loss + run.task.loss(run.network(run.batch.inputs), run.batch.targets)
        self._kept.bits = None
        return loss / (1 + len(chosen))

    def finish(self, run: Run) -> None:
        """Measures the normalisation of each setting; the network is the widest one then."""
        norms = {
            name: module
            for name, module in run.network.named_modules()
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)
        }
        found = {}
        for bits in reversed(self._widths):
            self._kept.bits = bits
            reestimate(run.network, run.some_inputs(self.batches))
            found[bits] = {
                f"{name}.{key}": value.detach().clone()
                for name, norm in norms.items()
                for key, value in norm.named_buffers()
            }
        self._kept.remove()
        if run.fabric.is_global_zero:
            save(run.folder, found)
