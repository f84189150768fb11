"""Brings a network of random weights to life: batch normalisation fitted to given inputs, in one pass.

Each layer's statistics are taken after those before it have been fitted, so that every quantizer sees values
of about the range it was made for. What the normalisation computes has few bits:

    y = (x - mean) * gamma / 2**k + beta,    gamma of 4 bits, mean and beta on the lattice of x and of y

so that float32 is exact, in whatever order an implementation computes it, and no y lies on the boundary
between two integers of the quantizer behind. Behind bytes divided by 255 sums are not exact, but they are
near multiples of a power of two divided by 255; gamma is a power of two there, and no y comes near a
boundary.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

#: One factor in so many is negative, as it happens in trained networks.
_NEGATIVE = 8
#: A channel that hardly varies is not blown up.
_LEAST_VARIANCE = 1e-3
_GAMMA_BITS = 4
_FINEST = 18  # lattices of 2**-18 and coarser are looked for
_BYTES = 255
_BOUNDARIES = 2.0**-7  # what the boundaries between a quantizer's integers are multiples of


def calibrate(network: nn.Module, inputs: Tensor) -> None:
    """Sets mean and variance of each batch normalisation to what `inputs` [N, ...] give there.

    Factors and offsets are drawn from torch's random state, around 1 and 0. The network ends in evaluation
    mode.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)]
    hooks = [norm.register_forward_pre_hook(_fit) for norm in norms]
    network.eval()
    with torch.no_grad():
        for norm in norms:
            norm.eps = 0.0
            norm.weight.uniform_(0.75, 1.25)
            norm.weight.mul_(torch.where(torch.rand_like(norm.weight) < 1 / _NEGATIVE, -1.0, 1.0))
            norm.bias.normal_(0, 0.25)
        network(inputs)
    for hook in hooks:
        hook.remove()


def _fit(norm: nn.Module, arguments: tuple[Tensor]) -> None:
    """A hook before a normalisation: [N, C] or [N, C, H, W] gives C means, variances, factors and offsets."""
    assert isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    values = arguments[0].transpose(0, 1).flatten(1).double()
    variance, mean = torch.var_mean(values, dim=1, unbiased=False)
    deviation = variance.clamp(min=_LEAST_VARIANCE * variance.mean().item()).sqrt()
    power = torch.exp2(deviation.log2().round())
    step, found = _lattice(values)
    bytes_step, bytes_found = _lattice(values * _BYTES, near=0.1)
    step = torch.where(found, step, bytes_step / _BYTES)
    bits = torch.where(found, _GAMMA_BITS, 1)
    gamma = norm.weight.double() * power / deviation
    ulp = torch.exp2(gamma.abs().log2().floor() + 1 - bits)
    gamma = (gamma / ulp).round() * ulp
    fine = step * ulp / power
    unit = torch.where(found, 1.0, 1 / _BYTES)
    fine = torch.minimum(fine, _BOUNDARIES * unit)
    offset = (norm.bias / fine).round() * fine + fine / 2
    found |= bytes_found
    norm.running_mean.copy_(torch.where(found, (mean / step).round() * step, mean))
    norm.running_var.copy_(power**2)
    norm.weight.copy_(gamma)
    norm.bias.copy_(torch.where(found, offset, norm.bias))


def _lattice(values: Tensor, near: float = 0.0) -> tuple[Tensor, Tensor]:
    """The coarsest power of two that all values of a row [C, ...] are multiples of, and whether there is one.

    They may miss the multiples by the part `near`.
    """
    step = torch.ones(len(values), dtype=torch.float64)
    found = torch.zeros(len(values), dtype=torch.bool)
    for exponent in range(_FINEST + 1):
        whole = values * 2.0**exponent
        now = ((whole - whole.round()).abs() <= near).all(dim=1) & ~found
        step[now] = 2.0**-exponent
        found |= now
        if found.all():
            break
    return step, found
