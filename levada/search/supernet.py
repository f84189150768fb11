"""One network for all candidates: each quantizer is a bank of those of all widths, on one shared weight.

The network is the family's own at the widest candidate. Where a knob sets a quantizer, that becomes a `Bank`:
the family's quantizers for each width of the knob, taken from networks that it builds at these widths. So a
candidate that is selected computes what the family's own network computes, with the shared weights.

The network has the largest shape. In a smaller one quantizers see the weights for the first channels that
their layer reads, and give 0 for all others: what those hold counts for nothing. Layers that a shape lacks
pass on what they read.

Three things are not shared. A batch normalisation whose results go straight to an activation's quantizer is
one for each width of that (Yu et al., "Slimmable Neural Networks", ICLR 2019, have one for each number of
channels): a range that suits 16 steps is too wide for 4. A layer with a bias has no normalisation behind it
that would make up for weights which rounding has made larger or smaller as a whole: each of its widths has
factors of its own for the output channels, learned like weights. And quantizers of weights whose scale is
fixed see the shared weights at another size; see `Fitted`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from levada.errors import LevadaError
from levada.models import Model
from levada.precision import TERNARY
from levada.search.modules import widths_of
from levada.search.quantizers import quantizers_of
from levada.train.task import Shape, wide_family_of

if TYPE_CHECKING:
    from levada.search.space import Candidate, What
    from levada.search.subject import Subject

#: What weights are divided by, in units of their mean size, before quantizers of so many bits with scale 1.
_SIZES = {1: 1.0, 2: 2 * TERNARY}


class Bank(nn.Module):
    """Modules of which one acts, by the width that it is for.

    Attributes:
        what: "weight" or "activation".
        place: which of these widths of the network decides; None for a single choice.
        choices: the modules, by bits.
        bits: which of them acts.
    """

    def __init__(self, what: What, place: int | None, choices: Mapping[int, nn.Module]) -> None:
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
    """Quantizers of weights, with what layers of Brevitas and bounds of families ask of one.

    Attributes:
        layer: the name of the layer, where shapes have fewer of its weights; else None.
        size: of the weights that count; None for all.
        factors: of the weights before they are rounded, by bits, [outputs, 1, ...]; empty for 1.
    """

    requires_quant_input = False
    is_quant_enabled = True

    def __init__(self, what: What, place: int | None, choices: Mapping[int, nn.Module]) -> None:
        super().__init__(what, place, choices)
        self.layer: str | None = None
        self.size: torch.Size | None = None
        self.factors = nn.ParameterDict()

    def forward(self, weights: Tensor) -> Any:  # noqa: ANN401  # a quantized tensor of Brevitas
        """What the active one gives for the weights of the channels that count, and 0 for all others."""
        if self.factors:
            weights = weights * self.factors[str(self.bits)]
        if self.size is None:
            return self.active(weights)
        # All rows: quantizers have a scale for each, and rows of channels that do not count are read by none.
        columns = self.size[1]
        found = self.active(weights[:, :columns])
        missing = (0, 0) * (weights.ndim - 2) + (0, weights.shape[1] - columns)
        return found._replace(value=nn.functional.pad(found.value, missing))

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
        widths = sorted({bits for knob in subject.space.knobs for bits in knob.values})
        others = {bits: subject.network(subject.uniform(bits, bits)) for bits in widths}
    normalised = _normalised(subject, network)
    for knob, place, paths in zip(subject.space.knobs, subject.places, quantizers_of(subject), strict=True):
        for one in (one for path in paths for one in (path, *normalised.get(path, ()))):
            choices = {bits: others[bits].get_submodule(one) for bits in knob.values}
            _put(network, one, _bank(network, one, knob.what, place, choices))
    _reshape(subject, network)
    return network


class Passed(nn.Module):
    """A module that some shapes lack, and then passes on what it reads.

    Attributes:
        path: the name of the module in the family's network.
        inner: the module.
        lacked: whether the selected shape lacks it.
    """

    def __init__(self, path: str, inner: nn.Module) -> None:
        super().__init__()
        self.path, self.inner = path, inner
        self.lacked = False

    def forward(self, x: Tensor) -> Any:  # noqa: ANN401  # as the module has it
        """What the module gives, or x."""
        return x if self.lacked else self.inner(x)


def select(network: nn.Module, subject: Subject, candidate: Candidate) -> None:
    """Lets a supernet of a subject compute what the network of the candidate does."""
    widths = subject.all_widths(candidate)
    layout = _layout(subject.model, candidate.shape)
    for module in network.modules():
        if isinstance(module, Bank) and module.place is not None:
            module.bits = (widths.weights if module.what == "weight" else widths.activations)[module.place]
        if isinstance(module, Quantizers) and module.layer is not None:
            module.size = layout.sizes.get(module.layer)
        elif isinstance(module, Passed):
            module.lacked = module.path not in layout.modules


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
    layer = network.get_submodule(path.rpartition(".")[0])
    weights = cast("Tensor", layer.weight)
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
    bank = Quantizers(what, place, choices)
    if layer.bias is not None:
        ones = (len(weights), *(1,) * (weights.ndim - 1))
        bank.factors.update({str(bits): nn.Parameter(torch.ones(ones)) for bits in choices})
    return bank


class _Layout(NamedTuple):
    """The names of a network's modules, and the sizes of its quantized weights by the name of their layer."""

    modules: frozenset[str]
    sizes: Mapping[str, torch.Size]


@functools.lru_cache(maxsize=4096)
def _layout(model: Model, shape: Shape) -> _Layout:
    family = wide_family_of(model)
    with torch.random.fork_rng(devices=[]):
        network = family.build(model.variant, family.widths_of(model.variant, shape))
    modules = dict(network.named_modules())
    sizes = {name: m.weight.shape for name, m in modules.items() if hasattr(m, "weight_quant")}
    return _Layout(frozenset(modules), cast("Mapping[str, torch.Size]", sizes))


def _reshape(subject: Subject, network: nn.Module) -> None:
    """Lets a supernet take all shapes of its subject."""
    modules = dict(network.named_modules())
    largest = _layout(subject.model, subject.space.own.shape)
    for dim in subject.space.dims:
        smaller = _layout(subject.model, subject.space.own.turned(dim, dim.values[0]).shape)
        for path, size in smaller.sizes.items():
            if size != largest.sizes[path]:
                _quantizers_at(modules, path).layer = path
        for path in sorted(largest.modules - smaller.modules):
            parent, _, name = path.rpartition(".")
            if parent in smaller.modules and not isinstance(
                modules[path], Passed
            ):  # what lies within goes along
                modules[path] = Passed(path, modules[path])
                setattr(modules[parent], name, modules[path])


def _quantizers_at(modules: dict[str, nn.Module], path: str) -> Quantizers:
    """The quantizers of a layer's weights; a bank of one where no knob sets it."""
    name = f"{path}.weight_quant"
    if not isinstance(modules[name], Quantizers):
        bits = int(cast("Any", modules[name]).bit_width())
        modules[name] = Quantizers("weight", None, {bits: modules[name]})
        modules[path].weight_quant = modules[name]
    return cast("Quantizers", modules[name])


def _put(network: nn.Module, path: str, module: nn.Module) -> None:
    parent, _, name = path.rpartition(".")
    setattr(network.get_submodule(parent), name, module)
