"""Batch normalisation measured again at the end."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, ClassVar

from levada.train.methods import Method, option
from levada.train.statistics import reestimate

if TYPE_CHECKING:
    from levada.train.run import Run


@dataclasses.dataclass(eq=False)
class BnReestimation(Method):
    """Mean and variance of each normalisation, taken anew with the final weights.

    While weights jump between two integers, the moving averages that training keeps belong to no weights at
    all. Before export they are replaced by the plain mean of the statistics of `batches` training batches (of
    one epoch at most); see `levada.train.statistics`.

    Sun et al., "Hybrid 8-bit Floating Point (HFP8) Training and Inference for Deep Neural Networks", NeurIPS
    2019; Nagel et al., "Overcoming Oscillations in Quantization-Aware Training", ICML 2022.
    """

    last: ClassVar[bool] = True  # for the network as it is exported

    batches: int = option(100, 1)

    def finish(self, run: Run) -> None:
        """The network as it is then."""
        reestimate(run.network, run.some_inputs(self.batches))
