"""Estimated cost of a graph from its layers' own formulas. Nothing is synthesized here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from operator import attrgetter

import numpy as np
from levada_driver.datatype import IntArray

from levada.graph import Graph
from levada.layer import Device, Resources

#: The resources that are counted, in the order of `vector`.
FIELDS = tuple(field.name for field in fields(Resources))
#: The counts of used or offered resources, in the order of FIELDS.
counts = attrgetter(*FIELDS)

# Price of a whole device's worth of one resource: fine enough to tell LUTs apart, small enough for sums of
# thousands of layers in 64 bits.
_WHOLE = 10**8


def per_layer(graph: Graph, device: Device) -> dict[str, Resources]:
    """Estimate of each node, by name."""
    return {node.name: node.layer.resources(node.folding, device) for node in graph.nodes}


def total(graph: Graph, device: Device) -> Resources:
    """Estimate of the whole graph."""
    return sum(per_layer(graph, device).values(), Resources())


def vector(used: Resources) -> IntArray:
    """The counts as an array [4], in the order of FIELDS."""
    return np.array(counts(used), np.int64)


def table(used: Iterable[Resources]) -> IntArray:
    """The counts of several, [n, 4], in the order of FIELDS."""
    return np.array(list(map(counts, used)), np.int64).reshape(-1, len(FIELDS))


def budget(device: Device) -> IntArray:
    """What a device offers, [4], in the order of FIELDS."""
    return np.array(counts(device), np.int64)


def weights(device: Device) -> IntArray:
    """Price of one of each resource, [4]: the share of the device that it is, in hundred-millionths."""
    return np.rint(_WHOLE / np.maximum(1, budget(device))).astype(np.int64)


def price(used: Resources, device: Device) -> int:
    """The weighted cost by which layouts are compared: the sum of the shares of the device's resources."""
    return int(vector(used) @ weights(device))


def excess(used: Resources, device: Device) -> list[str]:
    """What does not fit: "lut: 60000 of 53200" and so on."""
    pairs = zip(FIELDS, counts(used), counts(device), strict=True)
    return [f"{name}: {have} of {most}" for name, have, most in pairs if have > most]
