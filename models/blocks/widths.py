"""Bits for each layer of a network and its shape, checked against what its family can build."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from levada.errors import LevadaError
from levada.train.task import Shape, Widths

#: Activations of one bit would be -1 and 1, with which nothing can be padded.
WEIGHTS, ACTIVATIONS = (1, 8), (2, 8)
#: Channels of a layer, unless a family says otherwise.
CHANNELS = (1, 1024)


def chosen(
    family: str,
    own_of: Callable[[Shape], Widths],
    given: Widths | None,
    weights: tuple[int, int] = WEIGHTS,
    activations: tuple[int, int] = ACTIVATIONS,
) -> Widths:
    """The widths that a network is to have: those given, else its own.

    `own_of` says what it has by itself at a shape; `weights` and `activations` are the least and the most
    bits that the family builds.

    Raises:
        LevadaError: not as many as there are layers or quantizers, or bits out of bounds.
    """
    if given is None:
        return own_of(())
    own = own_of(given.shape)
    _check(f"{family}: weights of layer", given.weights, own.weights, weights)
    _check(f"{family}: activations of quantizer", given.activations, own.activations, activations)
    return given._replace(shape=own.shape)


def shaped(
    family: str, own: Shape, given: Shape, bounds: Mapping[str, tuple[int, int]] | None = None
) -> dict[str, int]:
    """The numbers of a shape: those given, and for all others the family's own.

    `bounds` are the least and the most that a number may be, `CHANNELS` unless given.

    Raises:
        LevadaError: a number is none of the family's, or out of bounds.
    """
    found = dict(own)
    for name, number in given:
        if name not in found:
            raise LevadaError(f"{family}: has no {name!r} to choose; it has {', '.join(found) or 'nothing'}")
        least, most = (bounds or {}).get(name, CHANNELS)
        if not least <= number <= most:
            raise LevadaError(f"{family}: {name}={number} cannot be built; choose {least} to {most}")
        found[name] = number
    return found


def _check(what: str, given: Sequence[int], own: Sequence[int], bounds: tuple[int, int]) -> None:
    least, most = bounds
    if len(given) != len(own):
        raise LevadaError(f"{what}s: {len(given)} widths are given for {len(own)}; give bits of each")
    for number, bits in enumerate(given):
        if not least <= bits <= most:
            raise LevadaError(f"{what} {number}: {bits} bits cannot be built; choose {least} to {most}")
