"""Small graphs of real layers, fixed and random, without a network of ONNX behind them."""

from __future__ import annotations

import bisect
from dataclasses import replace

import numpy as np
from hypothesis import strategies as st
from levada_driver.datatype import BIPOLAR, IntType

from levada.draw import draw_type, draw_values, seeded
from levada.fifo import convert_widths, insert_fifos
from levada.graph import Graph, Node, verify
from levada.layer import Device, Folding, Tensor, registered, window
from levada.sim.single import single
from levada.window import Window

Argmax = registered()["argmax"]
Dwc = registered()["dwc"]
Fifo = registered()["fifo"]
Mvau = registered()["mvau"]
Thresholding = registered()["thresholding"]

INT2, INT4, INT8 = (IntType(bits, signed=True) for bits in (2, 4, 8))
UINT2, UINT4, UINT8 = (IntType(bits, signed=False) for bits in (2, 4, 8))
DEVICE = Device("xc7", lut=53200, ff=106400, dsp=220, bram18=280)
#: What a data centre's card offers.
LARGE = Device("xc7", lut=1_700_000, ff=3_400_000, dsp=12_288, bram18=5_376)


def table(random, channels, otype, low, high):
    """Ascending thresholds [channels, all that `otype` can count] around low..high."""
    count = (otype.max - otype.min) // otype.step
    return np.sort(random.integers(low, high + 2, (channels, count)), axis=1)


def mvau(random, mw, mh, wtype=INT2, atype=UINT2, otype=None, pixels=()):
    """An MVAU with random weights, and random thresholds if it has an `otype`."""
    plain = Mvau(draw_values(random, wtype, (mh, mw)), wtype, atype, pixels)
    if otype is None:
        return plain
    low, high = plain.row_range
    thresholds = table(random, mh, otype, low.min(), high.max())
    return replace(plain, thresholds=thresholds, base=otype.min, otype=otype)


def thresholding(random, channels, xtype, otype, pixels=()):
    """Thresholding with a random table."""
    thresholds = table(random, channels, otype, xtype.min, xtype.max)
    return Thresholding(thresholds, otype.min, xtype, otype, pixels)


def chain(layers, foldings=None, name="net"):
    """The layers one after the other: nodes kind_0, kind_1, ..., folded as given or in the first way."""
    (source,) = layers[0].inputs
    tensors = {"x": Tensor("x", source.shape, source.dtype)}
    nodes, last = [], "x"
    for index, layer in enumerate(layers):
        number = sum(other.kind == layer.kind for other in layers[:index])
        (port,) = layer.outputs
        own = f"{layer.kind}_{number}"
        tensors[f"{own}_out"] = Tensor(f"{own}_out", port.shape, port.dtype)
        folding = foldings[index] if foldings else next(iter(layer.foldings()))
        nodes.append(Node(own, layer, (last,), (f"{own}_out",), folding))
        last = f"{own}_out"
    return verify(Graph(name, tuple(nodes), tensors, ("x",), (last,)), "folded")


def alone(layer, folding):
    """A graph of one layer."""
    return single(layer, folding)


def connected(graph):
    """The graph with its width converters and fifos, as a build makes it."""
    return insert_fifos(convert_widths(graph))


def mlp():
    """A fixed network of every kind of layer that lowering knows: 12 inputs, 2 hidden layers, 5 classes."""
    random = np.random.default_rng(1)
    first = mvau(random, 12, 8, BIPOLAR, UINT4, UINT2)
    second = mvau(random, 8, 6, INT2, UINT2)
    middle = thresholding(random, 6, second.result_type, INT2)
    last = mvau(random, 6, 5, INT2, INT2)
    layers = [first, second, middle, last, Argmax(5, last.result_type)]
    foldings = [
        Folding(4, 3, memory="lut"),
        Folding(3, 2, memory="block"),
        Folding(2, 2, memory="lut"),
        Folding(5, 6, memory="constant"),
        Folding(1, 1),
    ]
    return chain(layers, foldings, "mlp")


@st.composite
def chains(draw, max_layers=4, max_width=10):
    """Folded chains of MVAUs and thresholdings, one in two with an argmax at the end."""
    random = seeded(draw)
    pixels = draw(st.sampled_from([(), (2,), (2, 2)]))
    width, dtype = draw(st.integers(1, max_width)), draw_type(draw, 4)
    layers = []
    for _ in range(draw(st.integers(1, max_layers))):
        if draw(st.integers(0, 3)) == 0:
            layer = thresholding(random, width, dtype, draw_type(draw, 3), pixels)
        else:
            otype = draw(st.one_of(st.none(), st.just(draw_type(draw, 3))))
            wtype = draw_type(draw, 3, unsigned=False)
            layer = mvau(random, width, draw(st.integers(1, max_width)), wtype, dtype, otype, pixels)
        layers.append(layer)
        width, dtype = layer.outputs[0].shape[-1], layer.outputs[0].dtype
    if draw(st.booleans()):
        layers.append(Argmax(width, dtype, draw(st.integers(1, min(2, width))), pixels))
    foldings = [draw(st.sampled_from(list(layer.foldings()))) for layer in layers]
    return chain(layers, foldings)


def frames(graph, random, count):
    """Random frames for each input of a graph."""
    tensors = [graph.tensors[name] for name in graph.inputs]
    return [draw_values(random, tensor.dtype, (count, *tensor.shape)) for tensor in tensors]


def side_by_side(graphs):
    """Connected graphs as one design of unconnected pipelines: one compilation runs them all."""
    nodes, tensors, inputs, outputs = [], {}, [], []
    for index, graph in enumerate(graphs):
        names = {name: f"g{index}_{name}" for name in graph.tensors}
        for name, tensor in graph.tensors.items():
            tensors[names[name]] = replace(tensor, name=names[name])
        for node in graph.nodes:
            ends = [tuple(names[name] for name in ends) for ends in (node.inputs, node.outputs)]
            nodes.append(replace(node, name=f"g{index}_{node.name}", inputs=ends[0], outputs=ends[1]))
        inputs += [names[name] for name in graph.inputs]
        outputs += [names[name] for name in graph.outputs]
    whole = Graph("pipelines", tuple(nodes), tensors, tuple(inputs), tuple(outputs))
    return verify(whole, "connected")


class Walk:
    """What levada.timing says in closed form, found cycle by cycle.

    With `bounded` a layer also waits for a place for its beat, as the hardware does; sources always have
    the next beat from `spacing` cycles after those of the frame before it, and sinks take every beat.
    """

    def __init__(self, graph, frames, spacing=0, bounded=True):
        self.graph, self.frames, self.bounded = graph, frames, bounded
        self.schedules = {node.name: node.layer.schedule(node.folding) for node in graph.nodes}
        self.at = dict.fromkeys(self.schedules, 0)
        self.valid = {name: [] for name in graph.tensors}
        self.taken = {name: [] for name in graph.tensors}
        self.issued = {name: [] for name in graph.tensors}
        for name in graph.inputs:
            self.valid[name] = [spacing * n for n in range(frames) for _ in range(graph.stream(name).beats)]
        ends = {node.name: self.schedules[node.name].steps * frames for node in graph.nodes}
        cycle = 0
        while self.at != ends:
            # From the last layer on: a place that is free in the cycle in which its beat is taken counts.
            self._empty_outputs(cycle)
            for node in reversed(graph.nodes):
                if self.at[node.name] < ends[node.name]:
                    self._try_step(node, self.schedules[node.name], cycle)
            cycle += 1
        self._empty_outputs(cycle + max(schedule.latency for schedule in self.schedules.values()))

    def _empty_outputs(self, cycle):
        for name in self.graph.outputs:
            ready = bisect.bisect_right(self.valid[name], cycle)
            self.taken[name] = self.valid[name][:ready]

    def _try_step(self, node, schedule, cycle):
        phase = self.at[node.name] % schedule.steps
        reads = [name for name, mask in zip(node.inputs, schedule.reads, strict=True) if mask[phase]]
        writes = [name for name, mask in zip(node.outputs, schedule.writes, strict=True) if mask[phase]]
        if not all(self._has_beat(name, cycle) for name in reads):
            return
        if self.bounded and not all(self._has_room(name, schedule, cycle) for name in writes):
            return
        self.at[node.name] += 1
        for name in reads:
            self.taken[name].append(cycle)
        for name in writes:
            self.issued[name].append(cycle)
            self.valid[name].append(cycle + schedule.latency)

    def _has_beat(self, name, cycle):
        place = len(self.taken[name])
        return place < len(self.valid[name]) and self.valid[name][place] <= cycle

    def _has_room(self, name, schedule, cycle):
        freed = bisect.bisect_right(self.taken[name], cycle - schedule.release)
        return len(self.issued[name]) - freed < schedule.slots

    def ends(self, name):
        """The cycle in which the last beat of each frame of a tensor is valid."""
        return self.valid[name][self.graph.stream(name).beats - 1 :: self.graph.stream(name).beats]


def bottlenecks():
    """The 16 blocks of ResNet-50 in a chain: 1x1, 3x3 behind a window unit and 1x1 convolutions of 2 bits."""
    layers, channels = [], 64

    def product(mw, mh, size):
        weights = np.broadcast_to(np.int64(1), (mh, mw))  # of no size in memory
        levels = np.tile(np.arange(3), (mh, 1))
        return Mvau(weights, INT2, UINT2, (size, size), levels, 0, UINT2)

    for blocks, middle, out, size in (
        (3, 64, 256, 56),
        (4, 128, 512, 28),
        (6, 256, 1024, 14),
        (3, 512, 2048, 7),
    ):
        for _ in range(blocks):
            image = Tensor("x", (size, size, middle), UINT2)
            windows = window()(image, Window((3, 3), pads=(1, 1, 1, 1)), 0)
            layers += [product(channels, middle, size), windows]
            layers += [product(9 * middle, middle, size), product(middle, out, size)]
            channels = out
    return layers


def loose_chain(layers):
    """A graph of layers whose frames may differ in size, as where a stride was left out."""
    nodes, last = [], "x"
    tensors = {"x": layers[0].inputs[0]}
    for index, layer in enumerate(layers):
        name = f"t{index}"
        nodes.append(Node(f"l{index}", layer, (last,), (name,), next(iter(layer.foldings()))))
        tensors[name] = layer.outputs[0]
        last = name
    return Graph("chain", tuple(nodes), tensors, ("x",), (last,))
