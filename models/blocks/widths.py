"""Bits for each layer of a network, checked against what its family can build."""

from __future__ import annotations

from collections.abc import Sequence

from levada.errors import LevadaError
from levada.train.task import Widths

#: Activations of one bit would be -1 and 1, with which nothing can be padded.
WEIGHTS, ACTIVATIONS = (1, 8), (2, 8)


def chosen(
    family: str,
    own: Widths,
    given: Widths | None,
    weights: tuple[int, int] = WEIGHTS,
    activations: tuple[int, int] = ACTIVATIONS,
) -> Widths:
    """The widths that a network is to have: those given, else its own.

    `weights` and `activations` are the least and the most bits that the family builds.

    Raises:
        LevadaError: not as many as there are layers or quantizers, or bits out of bounds.
    """
    widths = own if given is None else given
    _check(f"{family}: weights of layer", widths.weights, own.weights, weights)
    _check(f"{family}: activations of quantizer", widths.activations, own.activations, activations)
    return widths


def _check(what: str, given: Sequence[int], own: Sequence[int], bounds: tuple[int, int]) -> None:
    least, most = bounds
    if len(given) != len(own):
        raise LevadaError(f"{what}s: {len(given)} widths are given for {len(own)}; give bits of each")
    for number, bits in enumerate(given):
        if not least <= bits <= most:
            raise LevadaError(f"{what} {number}: {bits} bits cannot be built; choose {least} to {most}")
