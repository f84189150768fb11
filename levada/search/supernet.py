"""One network for all candidates: each quantizer is a bank of those of all widths, on one shared weight.

The network is the family's own at the widest candidate. Where a knob sets a quantizer, that becomes a `Bank`:
the family's quantizers for each width of the knob, taken from networks that it builds at these widths. So a
candidate that is selected computes what the family's own network computes, with the shared weights.

Two things are not shared. A batch normalisation whose results go straight to an activation's quantizer is one
for each width of that (Yu et al., "Slimmable Neural Networks", ICLR 2019, have one for each number of
channels): a range that suits 16 steps is too wide for 4. And quantizers of weights whose scale is fixed see
the shared weights at another size; see `Fitted`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from levada.errors import LevadaError
from levada.search.modules import quantizers_of, widths_of
from levada.search.transplant import TERNARY
from levada.train.task import Widths, wide_family_of

if TYPE_CHECKING:
    from levada.search.space import What
    from levada.search.subject import Subject

#: What weights are divided by, in units of their mean size, before quantizers of so many bits with scale 1.
_SIZES = {1: 1.0, 2: 2 * TERNARY}


class Bank(nn.Module):
    """Modules of which one acts, by the width that it is for.

    Attributes:
        what: "weight" or "activation".
        place: which of these widths of the network decides.
        choices: the modules, by bits.
        bits: which of them acts.
    """

    def __init__(self, what: What, place: int, choices: Mapping[int, nn.Module]) -> None:
        super().__init__()
        self.what, self.place = what, place
        self.choices = nn.ModuleDict({str(bits): module for bits, module in choices.items()})
        self.bits = max(choices)

    @property
    def active(self) -> nn.Module:
        """The one that acts."""
        return self.choices[str(self.bits)]

    def forward(self, *arguments: Any) -> Any:  # noqa: ANN401  # as the modules have them
        """What the active one gives."""
        return self.active(*arguments)


class Quantizers(Bank):
    """Quantizers of weights, with what layers of Brevitas and bounds of families ask of one."""

    requires_quant_input = False
    is_quant_enabled = True

    def bit_width(self) -> Tensor:
        """The active width."""
        return torch.tensor(float(self.bits))


class Fitted(nn.Module):
    """A quantizer whose scale is fixed at 1, for weights of any size.

    It gives

        y = s * q(w / s),    s = mean(|w|) for one bit,    s = 2 * 0.7 * mean(|w|) for two

    so that of two bits the integers are 0 below 0.7 * mean(|w|): Li, Zhang and Liu, "Ternary Weight
    Networks", 2016, equation 6; s of one bit is that of Rastegari et al., "XNOR-Net", ECCV 2016, equation 6.
    The mean is one of each output channel, or of the layer. In a network that stands alone the weights w / s
    are trained, and a normalisation or a factor behind the layer takes up s.
    """

    def __init__(self, quantizer: nn.Module, bits: int, *, per_channel: bool) -> None:
        super().__init__()
        self.quantizer, self.bits, self.per_channel = quantizer, bits, per_channel

    def size(self, weights: Tensor) -> Tensor:
        """s, of the shape of `weights` [outputs, ...] with 1 for each dimension that is averaged."""
        dims = list(range(1, weights.ndim)) if self.per_channel else list(range(weights.ndim))
        mean = weights.detach().abs().mean(dim=dims, keepdim=True)
        return _SIZES[self.bits] * mean.clamp(min=torch.finfo(weights.dtype).tiny)

    def forward(self, weights: Tensor) -> Any:  # noqa: ANN401  # a quantized tensor of Brevitas
        """The quantized weights, in the shared weights' size."""
        size = self.size(weights)
        found = self.quantizer(weights / size)
        return found._replace(value=found.value * size, scale=found.scale * size)


def build(subject: Subject) -> nn.Module:
    """The untrained supernet of a subject, with weights from torch's random state, the widest one selected.

    Raises:
        LevadaError: the family's network has no quantizers that its widths set.
    """
    network = subject.network(subject.widest)
    with torch.random.fork_rng(devices=[]):
        widths = sorted({bits for knob in subject.space.knobs for bits in knob.bits})
        others = {bits: subject.network(subject.uniform(bits, bits)) for bits in widths}
    normalised = _normalised(subject, network)
    for knob, place, paths in zip(subject.space.knobs, subject.places, quantizers_of(subject), strict=True):
        for one in (one for path in paths for one in (path, *normalised.get(path, ()))):
            choices = {bits: others[bits].get_submodule(one) for bits in knob.bits}
            _put(network, one, _bank(network, one, knob.what, place, choices))
    return network


def select(network: nn.Module, widths: Widths) -> None:
    """Lets a supernet compute what the network with these widths does."""
    for bank in banks(network):
        bank.bits = (widths.weights if bank.what == "weight" else widths.activations)[bank.place]


def banks(network: nn.Module) -> Iterator[Bank]:
    """All banks of a supernet."""
    return (module for module in network.modules() if isinstance(module, Bank))


def _normalised(subject: Subject, network: nn.Module) -> dict[str, list[str]]:
    """For each quantizer, the normalisations whose results go to it as they are, and to no other one."""
    norms = (nn.BatchNorm1d, nn.BatchNorm2d)
    given: list[tuple[str, Tensor]] = []  # tensors are kept, so that no other one gets their memory
    taken: list[tuple[str, Tensor]] = []
    handles = [
        module.register_forward_hook(lambda _, __, result, path=path: given.append((path, result)))
        for path, module in network.named_modules()
        if isinstance(module, norms)
    ]
    handles += [
        network.get_submodule(path).register_forward_pre_hook(
            lambda _, arguments, path=path: taken.append((path, arguments[0]))
        )
        for path in widths_of(network)
    ]
    shape = wide_family_of(subject.model).samples(subject.model.variant).shape[1:]
    with torch.no_grad():
        network.eval()(torch.zeros(1, *shape))
    network.train()
    for handle in handles:
        handle.remove()
    readers = {
        norm: {path for path, tensor in taken if tensor.data_ptr() == result.data_ptr()}
        for norm, result in given
    }
    found: dict[str, list[str]] = {}
    for norm, paths in readers.items():
        if len(paths) == 1:
            found.setdefault(paths.pop(), []).append(norm)
    return found


def _bank(network: nn.Module, path: str, what: What, place: int, choices: dict[int, nn.Module]) -> Bank:
    if what == "activation":
        return Bank(what, place, choices)
    weights = cast("Tensor", network.get_submodule(path.rpartition(".")[0]).weight)
    with torch.no_grad():
        scales = {bits: proxy(weights).scale for bits, proxy in choices.items()}
        larger = {bits: proxy(4 * weights).scale for bits, proxy in choices.items()}
    per_channel = any(scale.numel() > 1 for scale in scales.values())
    for bits, scale in scales.items():
        if torch.equal(scale, larger[bits]):
            if bits not in _SIZES:
                raise LevadaError(
                    f"{path}: its scale at {bits} bits is {float(scale):g} whatever the weights are; only "
                    "weights of one and of two bits may have a fixed scale in a supernet"
                )
            choices[bits] = Fitted(choices[bits], bits, per_channel=per_channel)
    return Quantizers(what, place, choices)


def _put(network: nn.Module, path: str, module: nn.Module) -> None:
    parent, _, name = path.rpartition(".")
    setattr(network.get_submodule(parent), name, module)
