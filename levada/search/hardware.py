"""What a candidate costs in hardware: the folding that a build would choose for it, in milliseconds.

There is no formula of its own here. A candidate becomes a graph (`levada.search.requantize`), which is folded
as a build folds it (`levada.partition`), converters and FIFOs included. What makes that quick: a layer with
the same types is made once, and its foldings are costed once, for all candidates that have it; and where the
budget binds, prices choose foldings without the proof that a build asks for: whether it fits is the same, the
rate a few percent lower at most times.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from levada import cost, partition, solver, timing
from levada.errors import LevadaError
from levada.graph import Graph, Node
from levada.layer import Device, Layer, Resources
from levada.offers import Menu, offers
from levada.precision import Precision
from levada.problem import Problem, problem
from levada.search.requantize import Types, requantized, requantized_layer
from levada.search.space import Candidate


@dataclass(frozen=True)
class Cost:
    """A candidate in hardware: cycles between frames, frames a second, and what it takes of the device.

    `gap` is the proven relative distance to the optimum that the search for foldings leaves, 0 for none.
    Where it does not fit (`fits` is false), these are the figures of the design that exceeds the device
    least, FIFOs not counted, and `gap` is 0.
    """

    cycles: int
    fps: float
    lut: int
    ff: int
    dsp: int
    bram18: int
    fits: bool
    gap: float


class Evaluator:
    """Costs of candidates of a lowered graph on a device at a clock. It remembers all layers that it made.

    Unless they are to be `quick`, they are those of the very foldings that a build chooses.
    """

    def __init__(self, graph: Graph, device: Device, clock_mhz: float, *, quick: bool = True) -> None:
        self.graph, self.device, self.clock_mhz, self.quick = graph, device, clock_mhz, quick
        self._last: tuple[Candidate, Problem] | None = None
        self._layers: dict[tuple[str, Types, Precision], Layer] = {}
        self._offers: dict[int, Menu] = {}  # by the identity of a layer in _layers

    @property
    def known(self) -> int:
        """Layers that are remembered: no two have the same place in the graph, types and widths."""
        return len(self._layers)

    def graph_of(self, candidate: Candidate) -> Graph:
        """The graph of a candidate, not folded. LevadaError where the hardware refuses a width."""
        return requantized(self.graph, candidate.precisions, self._layer)

    def evaluate(self, candidate: Candidate, target_fps: float | None = None) -> Cost:
        """The cost of a candidate: the cheapest at a rate, or of the highest rate there is.

        One candidate after the other is quicker than one rate after the other: its choices are remembered.
        LevadaError where the hardware refuses a width.
        """
        everything = self._problem(candidate)
        allowed = everything
        if target_fps is not None:
            allowed = everything.within(partition.interval(target_fps, self.clock_mhz))
        if all(allowed.choices):
            found = partition.fitting(
                allowed, "throughput" if target_fps is None else "cost", quick=self.quick
            )
            if found is not None:
                used = cost.total(found.connected, self.device)
                return self._cost(timing.interval(found.folded), used, found.gap)
        return self._least(allowed if all(allowed.choices) else everything)

    def offered(self, layer: Layer) -> Menu:
        """The foldings of a layer that are worth choosing, see `levada.offers`."""
        return self._offered(layer, self.device)

    def misfit(self, candidate: Candidate, target_fps: float | None = None) -> str:
        """What a build says of a candidate that does not fit: what is missing, what helps. Empty if it fits.

        Takes as long as a build's folding, since nothing that is remembered is used.
        """
        try:
            partition.fold(self.graph_of(candidate), self.device, self.clock_mhz, target_fps)
        except LevadaError as error:
            return str(error)
        return ""

    def _problem(self, candidate: Candidate) -> Problem:
        """The choices of a candidate at any rate."""
        if self._last is None or self._last[0] != candidate:
            self._last = candidate, problem(self.graph_of(candidate), self.device, self._offered)
        return self._last[1]

    def _least(self, problem: Problem) -> Cost:
        """The cost of the selection that exceeds the device least."""
        budget, weights = cost.budget(self.device), cost.weights(self.device)
        answer = solver.smallest(problem, budget, weights)
        assert answer.picks is not None
        return self._cost(answer.interval, Resources(*problem.used(answer.picks).tolist()), None)

    def _cost(self, cycles: int, used: Resources, gap: float | None) -> Cost:
        fps = self.clock_mhz * 1e6 / cycles
        return Cost(cycles, fps, **asdict(used), fits=gap is not None, gap=gap or 0.0)

    def _layer(self, node: Node, types: Types, precision: Precision) -> Layer:
        key = node.name, types, precision
        if key not in self._layers:
            self._layers[key] = requantized_layer(node, types, precision)
        return self._layers[key]

    def _offered(self, layer: Layer, device: Device) -> Menu:
        if id(layer) not in self._offers:
            # A copy takes along what it found out for all foldings; of the layer itself few are asked for.
            self._offers[id(layer)] = offers(replace(layer), device)
        return self._offers[id(layer)]
