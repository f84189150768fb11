"""Products with a constant matrix, a whole vector a cycle: an adder graph of all rows, activation behind.

What hls/common/unrolled.sv is for; layers that are folded not at all have it in common.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from levada_driver.datatype import IntArray

from levada import memory, subexpressions
from levada.adder_graph import AdderGraph, Addition, Sums
from levada.dotproduct import DotProducts
from levada.layer import Resources, SvInstance
from levada.terms import Terms, total

# Nonzero digits up to which the graph is found for an estimate, which takes some 0.1 s, and, of a larger
# graph, the rows of the part that stands for it: more rows share more, and leave fewer inputs.
_ESTIMATED_DIGITS = 1000
_ESTIMATED_ROWS = 16


@dataclass(frozen=True, eq=False)
class Unrolled(DotProducts):
    """Rows of weights [MH, MW] over whole vectors, each row with its own activation.

    The graph adds the weights as they are. Of a bipolar input it takes the code c: x = 2 c - 1.
    """

    @property
    def code_range(self) -> tuple[int, int]:
        """Smallest and largest input of the graph."""
        return (0, 1) if self.atype.bipolar else (self.atype.min, self.atype.max)

    @cached_property
    def graph(self) -> AdderGraph:
        """The additions."""
        return subexpressions.adder_graph(self.weights, *self.code_range)

    @cached_property
    def correction(self) -> tuple[int, IntArray]:
        """(shift, offset [MH]) with: true sum = (the graph's sum << shift) + offset."""
        if self.atype.bipolar:
            return 1, -self.weights.sum(1)
        return 0, np.zeros(len(self.weights), np.int64)

    @cached_property
    def depth(self) -> int:
        """The graph's latency, without looking for the graph."""
        return subexpressions.latency(self.weights)

    @property
    def cycles(self) -> int:
        """Cycles from a vector to its result at the output.

        Operand register, graph, accumulator, two cycles a threshold level, output fifo.
        """
        return 1 + self.depth + 1 + 2 * self.levels + 1

    @property
    def slots(self) -> int:
        """Results that are under way at a vector a cycle."""
        return self.cycles + 1

    def sv(self, mmv: int = 1) -> SvInstance:
        """The hardware for `mmv` vectors a cycle."""
        mh, mw = self.weights.shape
        activation = self.activation_params(mh)
        shape = {"MW": mw, "MH": mh, "MMV": mmv, "A_BITS": self.atype.bits}
        pipeline = {"SUMS_LATENCY": self.depth, "SLOTS": self.slots}
        sums = Sums(self.graph, mmv, self.sum_bits)
        return SvInstance("unrolled", {**shape, **pipeline, **activation}, sums)

    def terms(self, mmv: int = 1) -> Terms:
        """What the hardware for `mmv` vectors a cycle is made of."""
        mh, mw = self.weights.shape
        graph, lanes = self._estimate, mmv * mh
        starts = lanes * self.sum_bits if self.thresholds is None and np.any(self.correction[1]) else 0
        operands, accumulators = mmv * mw * self.atype.bits, lanes * self.sum_bits
        return total(
            (
                Terms({"additions": mmv * graph.lut}, {"additions": mmv * graph.ff}),
                Terms({"starts": starts}, {"operands": operands, "accumulators": accumulators}),
                Terms(ff={"valid": self.depth + 2}),
                self.activation(1, lanes, self.slots),
            )
        )

    @cached_property
    def _estimate(self) -> Resources:
        """The graph; of a large one a part in proportion, 0 to 10 % more LUTs, up to 25 % more flip-flops."""
        digits = int(np.count_nonzero(subexpressions.signed_digits(self.weights)))
        if digits <= _ESTIMATED_DIGITS:
            return _cost(self.weights, *self.code_range)
        rows, inputs = self.weights.shape
        some = min(rows, _ESTIMATED_ROWS)
        taken = max(1, min(inputs, inputs * rows * _ESTIMATED_DIGITS // (some * digits)))
        part = _cost(self.weights[:some, :taken], *self.code_range)
        whole = rows * inputs / (some * taken)
        return Resources(lut=round(part.lut * whole), ff=round(part.ff * whole))


def _cost(weights: IntArray, low: int, high: int) -> Resources:
    """LUTs and flip-flops of the graph of weights over inputs in low..high."""
    return _known_cost(weights.tobytes(), weights.shape, low, high)


# A search for bit widths has many layers with the same weights: their activations differ.
@lru_cache(maxsize=1 << 12)
def _known_cost(weights: bytes, shape: tuple[int, ...], low: int, high: int) -> Resources:
    return cost(subexpressions.adder_graph(np.frombuffer(weights, np.int64).reshape(shape), low, high))


def cost(graph: AdderGraph) -> Resources:
    """LUTs and flip-flops of a graph. Yosys counts a few percent less: it finds equal bits."""
    lut = sum(_addition_luts(graph, graph.inputs + at, add) for at, add in enumerate(graph.additions))
    lut += sum(graph.types[row.node].bits for row in graph.sums if row is not None and row.negative)
    ff = sum(graph.types[node].bits for node in range(graph.inputs, len(graph.types)))
    for stage, last, dtype in zip(graph.stages, graph.last_reads, graph.types, strict=True):
        copies = last - stage
        waits = memory.delay(copies, dtype.bits)
        lut, ff = lut + waits.lut.get("delay", 0), ff + waits.ff.get("delay", 0)
    return Resources(lut=lut, ff=ff)


def _addition_luts(graph: AdderGraph, node: int, add: Addition) -> int:
    """One a bit of a sum, but for the bits below a shift, which are wires, and those that are carry alone."""
    a, b = graph.types[add.a], graph.types[add.b]
    top = graph.types[node].bits
    if not (add.subtract or a.signed or b.signed):
        top = max(a.bits + add.shift_a, b.bits + add.shift_b)
    return max(0, top - (add.shift_b if add.subtract else max(add.shift_a, add.shift_b)))
