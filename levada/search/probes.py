"""Looks at how the loss of a trained network depends on what its quantizers give."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from levada import content, train
from levada.search.banks import Bank, banks_of
from levada.search.joint import Losses
from levada.search.transplant import transplanted
from levada.search.trials import Result
from levada.search.work import Work
from levada.train.task import Batch

if TYPE_CHECKING:
    from levada.search.context import Search


@dataclass(frozen=True, eq=False)
class Probe:
    """One call of the quantizer of a knob, in evaluation mode.

    Attributes:
        bank: the knob's quantizers of all widths, with the knob's index.
        x: what is quantized: weights [outputs, ...], or activations [N, ...].
        scale: of the integers; one number, or one for each output channel [outputs, 1, ...].
        zero: added to what the quantizer gives: a gradient with regard to it is one of the quantized values.
    """

    bank: Bank
    x: Tensor
    scale: Tensor
    zero: Tensor

    @property
    def size(self) -> int:
        """How many weights there are, or activations of one example."""
        return self.zero.numel() // (1 if self.bank.what == "weight" else len(self.zero))

    def moved(self, place: int) -> Tensor:
        """By how much the values are others at the width of that place than at the widest; as x."""
        with torch.no_grad():
            return self.bank.value(place, self.x) - self.bank.value(len(self.bank) - 1, self.x)


#: Takes the loss for a batch and the probes; gives for each probe what each width costs, the narrowest first.
Measure = Callable[[Tensor, Sequence[Probe]], list[list[float]]]


@contextlib.contextmanager
def probed(network: nn.Module, banks: dict[str, Bank]) -> Iterator[list[Probe]]:
    """The calls of these quantizers while it is entered, one after the other."""
    probes: list[Probe] = []

    def hook(bank: Bank, _: nn.Module, arguments: tuple[Tensor], quantized: Any) -> Any:  # noqa: ANN401
        zero = torch.zeros_like(quantized.value).requires_grad_()
        probes.append(Probe(bank, arguments[0].detach(), quantized.scale.detach(), zero))
        return quantized._replace(value=quantized.value + zero)

    handles = [
        network.get_submodule(name).register_forward_hook(functools.partial(hook, bank))
        for name, bank in banks.items()
    ]
    try:
        yield probes
    finally:
        for handle in handles:
            handle.remove()


def costs(work: Work, batches: int, measure: Measure, _: str) -> Result:
    """What each width of each knob costs by a measure, as the mean of some training batches.

    The network is the widest candidate with the weights at `work.start`. Batches are the first ones of an
    epoch, of all that it has if they are fewer, the same on every run.

    Raises:
        TimeUpError: the time of `work` is over.
    """
    subject, seed = work.subject, work.recipe.seed
    widest = subject.widths(subject.widest)
    found = [[0.0] * len(knob.values) for knob in subject.space.knobs]
    losses = []
    with train.one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = transplanted(subject.model, work.start, widest, widest).eval()
        data = list(itertools.islice(work.task.batches(np.random.default_rng(seed)), batches))
        with probed(network, banks_of(subject)) as probes:
            for batch in data:
                work.deadline.check()
                losses.append(_add(found, network, probes, work, batch, measure))
    count = len(data)
    return {"loss": sum(losses) / count, "costs": [[one / count for one in own] for own in found]}


def _add(
    found: list[list[float]],
    network: nn.Module,
    probes: list[Probe],
    work: Work,
    batch: Batch,
    measure: Measure,
) -> float:
    """Adds what a batch says to what was found; returns its loss."""
    probes.clear()
    loss = work.task.loss(network(batch.inputs), batch.targets)
    for probe, own in zip(probes, measure(loss, probes), strict=True):
        for place, cost in enumerate(own):
            found[probe.bank.knob][place] += cost
    return float(loss.detach())


def losses(search: Search, kind: str, batches: int, measure: Measure) -> Losses:
    """The costs by a measure for all widths of all knobs, remembered in the search's storage.

    Args:
        search: whose widest candidate is asked.
        kind: of the measure, with all numbers that its costs depend on.
        batches: of training examples.
        measure: of a module's top level, as it is sent to other processes.
    """
    search.train_widest()
    search.log(f"{kind} on {batches} batches")
    space = search.subject.space
    study = f"{kind} of {batches} batches {content.digest(repr(space))[:12]}"
    evaluate = functools.partial(costs, search.work, batches, measure)
    (result,) = search.evaluate(study, [str(search.subject.widest)], evaluate)
    pairs = zip(space.knobs, result["costs"], strict=True)
    return [dict(zip(knob.values, own, strict=True)) for knob, own in pairs]
