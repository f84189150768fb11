"""Estimated cost of a graph from its layers' own formulas. Nothing is synthesized here."""

from __future__ import annotations

from levada.graph import Graph
from levada.layer import Device, Resources


def per_layer(graph: Graph, device: Device) -> dict[str, Resources]:
    """Estimate of each node, by name."""
    return {node.name: node.layer.resources(node.folding, device) for node in graph.nodes}


def total(graph: Graph, device: Device) -> Resources:
    """Estimate of the whole graph."""
    return sum(per_layer(graph, device).values(), Resources())


def excess(used: Resources, device: Device) -> list[str]:
    """What does not fit: "lut: 60000 of 53200" and so on."""
    pairs = {name: (getattr(used, name), getattr(device, name)) for name in ("lut", "ff", "dsp", "bram18")}
    return [f"{name}: {have} of {most}" for name, (have, most) in pairs.items() if have > most]
