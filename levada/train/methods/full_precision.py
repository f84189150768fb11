"""Quantizers that do not round at first, but keep their ranges."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from levada.train.methods import Method, option
from levada.train.quantizers import Handles, Quantized, rewrite

if TYPE_CHECKING:
    import torch

    from levada.train.run import Run


@dataclasses.dataclass(eq=False)
class FullPrecision(Method):
    """Trains without rounding for the first `part` of the epochs.

    Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
    Inference", CVPR 2018, section 3.1: quantization of activations begins when they have settled. Here
    weights wait, too: each quantizer gives

        y = clip(x, least, most)        instead of        y = scale * round(clip(x, least, most) / scale)

    With `part = 1` the exported network is one that was quantized after training.
    """

    part: float = option(1.0, 0.0, 1.0)

    def start(self, run: Run) -> None:
        """Takes rounding out."""
        self.handles: Handles = rewrite(run.network, _clipped)

    def epoch_start(self, run: Run) -> None:
        """Puts it in again."""
        if run.epoch >= self.part * run.recipe.epochs:
            self.handles.remove()

    def finish(self, run: Run) -> None:  # noqa: ARG002
        """The exported network rounds."""
        self.handles.remove()


def _clipped(q: Quantized) -> torch.Tensor:
    return q.clipped
