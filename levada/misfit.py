"""Why a network does not fit, in a line: what is missing at its smallest, which two changes help most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from levada_driver.datatype import IntArray

from levada import cost, solver
from levada.layer import Layer
from levada.offers import offers
from levada.prices import Answer
from levada.problem import Problem

# How many changes are named.
_NAMED = 2


@dataclass(frozen=True)
class _Change:
    """A change to a layer and the resources [4] that it saves."""

    layer: str
    words: str
    saved: IntArray


def explained(problem: Problem) -> str:
    """The error of a problem of which no selection fits its device.

    The smallest selection is the one that exceeds the budget least, by the sum of the shares of the device
    that are missing. A change is half the bits of a layer's weights, or a variant that the layer itself
    proposes (`Layer.slimmer`), folded as cheaply.
    """
    budget, weights = cost.budget(problem.device), cost.weights(problem.device)
    answer = solver.smallest(problem, budget, weights)
    assert answer.picks is not None
    used = problem.used(answer.picks)
    over = used - budget
    if not (over > 0).any():
        return f"{problem.graph.name}: does not fit the board with its FIFOs; lower --target-fps or its bits"
    missing = "; ".join(
        f"{name}: {have} of {most}, {have - most} missing"
        for name, have, most in zip(cost.FIELDS, used.tolist(), budget.tolist(), strict=True)
        if have > most
    )
    # A resource that is short counts; what is saved of the others does not help.
    short = np.where(over > 0, weights, 0)
    advice = _advice(problem, answer, short)
    return f"{problem.graph.name}: does not fit the board at its smallest ({missing}); {advice}"


def _advice(problem: Problem, answer: Answer, short: IntArray) -> str:
    changes = sorted(_changes(problem, answer, short), key=lambda change: -int(change.saved @ short))
    best: dict[str, _Change] = {}
    for change in changes:
        if (change.saved @ short) > 0:
            best.setdefault(change.layer, change)
    if not best:
        return f"most of it is in {_largest(problem, answer, short)}; use fewer bits or channels there"
    words = [
        f"{change.layer} with {change.words} (saves {_counts(change.saved, short)})"
        for change in list(best.values())[:_NAMED]
    ]
    return f"most would help: {', '.join(words)}"


def _changes(problem: Problem, answer: Answer, short: IntArray) -> list[_Change]:
    """Every variant of every layer, against what was picked for the layer."""
    assert answer.picks is not None
    found = []
    for node, pick in zip(problem.graph.nodes, answer.picks, strict=True):
        for words, layer in _variants(node.layer).items():
            costs = [cost.vector(choice.resources) for choice in offers(layer, problem.device)]
            least = min(costs, key=lambda counts: int(counts @ short))
            found.append(_Change(node.name, words, cost.vector(pick.resources) - least))
    return found


def _variants(layer: Layer) -> Mapping[str, Layer]:
    """What a layer would be with weights of half the bits, or with fewer channels, by the change in words."""
    own, types = layer.precision, tuple(tensor.dtype for tensor in layer.inputs)
    half = replace(own, weight=(own.weight or 0) // 2)
    narrower = {f"{half.weight}-bit weights": layer.requantized(types, half)} if half.weight else {}
    return {**narrower, **layer.slimmer()}


def _largest(problem: Problem, answer: Answer, short: IntArray) -> str:
    assert answer.picks is not None
    pairs = zip(problem.graph.nodes, answer.picks, strict=True)
    shares = {node.name: int(cost.vector(pick.resources) @ short) for node, pick in pairs}
    largest = sorted(shares, key=lambda name: -shares[name])[:_NAMED]
    whole = max(1, sum(shares.values()))
    return " and ".join(f"{name} ({100 * shares[name] / whole:.0f} %)" for name in largest)


def _counts(saved: IntArray, short: IntArray) -> str:
    pairs = zip(cost.FIELDS, saved.tolist(), short.tolist(), strict=True)
    return ", ".join(f"{name} {count}" for name, count, counts in pairs if counts and count > 0)
