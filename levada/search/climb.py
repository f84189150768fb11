"""Widths that lose less quality, found from some that fit by turning one or two knobs at a time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

from levada.search.joint import Losses

Bits = tuple[int, ...]


def loss(losses: Losses, bits: Bits) -> float:
    """The sum of what the widths of all knobs cost."""
    return sum(own[width] for own, width in zip(losses, bits, strict=True))


def climbed(losses: Losses, bits: Bits, fits: Callable[[Bits], bool], tries: int) -> Bits:
    """The bits of each knob, turned as long as that lowers the sum of losses and still fits.

    Single knobs are raised first, those that gain most before others; then one is raised for another that is
    lowered. `fits` is asked at most `tries` times, never twice for the same.
    """
    refused: set[Bits] = set()
    while True:
        for other in itertools.chain(_raised(losses, bits), _swapped(losses, bits)):
            if other in refused:
                continue
            if tries == 0:
                return bits
            tries -= 1
            if fits(other):
                bits = other
                break
            refused.add(other)
        else:
            return bits


def _raised(losses: Losses, bits: Bits) -> Iterator[Bits]:
    """With one knob at a width that costs less, the best first."""
    found = [turned for knob in range(len(bits)) for turned in _turned(losses, bits, knob)]
    better = [other for other in found if loss(losses, other) < loss(losses, bits)]
    yield from sorted(better, key=lambda other: (loss(losses, other), other))


def _swapped(losses: Losses, bits: Bits) -> Iterator[Bits]:
    """With one knob raised by a step and another one lowered, where that costs less, the best first."""
    found = set()
    for raised, lowered in itertools.permutations(range(len(bits)), 2):
        wider = [width for width in losses[raised] if width > bits[raised]]
        if wider:
            one = (*bits[:raised], min(wider), *bits[raised + 1 :])
            found |= {other for other in _turned(losses, one, lowered) if other[lowered] < one[lowered]}
    better = [other for other in found if loss(losses, other) < loss(losses, bits)]
    yield from sorted(better, key=lambda other: (loss(losses, other), other))


def _turned(losses: Losses, bits: Bits, knob: int) -> Iterator[Bits]:
    """With another width of a knob."""
    for width in losses[knob]:
        if width != bits[knob]:
            yield (*bits[:knob], width, *bits[knob + 1 :])
