"""From a float network with quantizers to one of integers alone: the passes, in order, each one checked.

Each pass is one file with its algebra in the docstring. QONNX and FINN (finn-plus) do the arithmetic at the
output; the passes that move scales and make thresholds are ours: FINN's rounding differs from QONNX's at
ties, its passes cannot align the scales of branches, and take minutes where these take a second.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from levada_driver.datatype import IntArray
from levada_driver.host import HostInput, HostOutputs

from levada import reference
from levada.errors import CheckFailedError, LevadaError
from levada.reference import FloatArray
from levada.streamline import (
    averages,
    biases,
    constants,
    exact_thresholds,
    flat_convolutions,
    flatten,
    groups,
    hoist,
    inputs,
    norms,
    outputs,
    quantizers,
    ranges,
    shuffles,
    sink,
    transposed,
    truncations,
    weights,
)
from levada.streamline.inputs import InputSpec
from levada.streamline.rewrite import reason
from levada.streamline.ties import near_ties

__all__ = ["STEPS", "InputSpec", "Network", "streamline"]


@dataclass(frozen=True, eq=False)
class Network:
    """A network on its way to integers: the graph, and what the host does at either border so far.

    `host_input` None: the graph takes floats. `host_outputs` None: the graph gives the network's outputs.
    """

    model: Any
    spec: InputSpec | None
    host_input: HostInput | None = None
    host_outputs: HostOutputs | None = None

    def run(self, x: Any) -> tuple[FloatArray, ...]:  # an array of floats or of the spec's integers
        """The network's outputs for frames [N, ...], through the host's parts."""
        if self.host_outputs is None:
            return self._graph(x)
        return tuple(np.asarray(y, np.float32) for y in self.host_outputs.finish(self.integers(x)))

    def integers(self, x: Any) -> IntArray:
        """The graph's own outputs side by side, [N, elements]; for a network with both borders split off."""
        results = [np.rint(y).astype(np.int64).reshape(len(y), -1) for y in self._graph(x)]
        return np.concatenate(results, axis=1)

    def _graph(self, x: Any) -> tuple[FloatArray, ...]:
        shape = reference.input_shape(self.model)
        if self.host_input is not None:
            x = self.host_input.quantize(x)
        elif self.spec is not None:
            x = x.astype(np.float32) / np.float32(self.spec.divisor)
        return reference.execute_all(self.model, x.reshape(len(x), *shape).astype(np.float32))


Step = Callable[[Network], Network]


def _graph_step(function: Callable[[Any], Any]) -> Step:
    return lambda network: replace(network, model=function(network.model))


def _transforms(*names: str) -> Step:
    """Transformations of QONNX and FINN, each applied until it changes nothing more."""

    def run(network: Network) -> Network:
        model = network.model
        for name in names:
            model = model.transform(_transformation(name)())
        return replace(network, model=model)

    return run


def _transformation(name: str) -> Any:
    from finn.transformation.streamline import collapse_repeated, reorder
    from qonnx.transformation.batchnorm_to_affine import BatchNormToAffine
    from qonnx.transformation.general import ConvertDivToMul, ConvertSubToAdd

    known = {cls.__name__: cls for cls in (BatchNormToAffine, ConvertDivToMul, ConvertSubToAdd)}
    for module in (reorder, collapse_repeated):
        if hasattr(module, name):
            return getattr(module, name)
    return known[name]


def _input_border(network: Network) -> Network:
    if network.spec is not None:
        model, host = inputs.integers_in(network.model, network.spec)
    else:
        model, host = inputs.quantize_on_host(network.model)
    return replace(network, model=model, host_input=host)


def _output_border(network: Network) -> Network:
    model, hosts = outputs.finish_on_host(network.model)
    return replace(network, model=model, host_outputs=HostOutputs(hosts))


def _channels_last(network: Network) -> Network:
    model, borders = flatten.transposed_borders(flatten.flatten_channels_last(network.model))
    host_input, host_outputs = network.host_input, network.host_outputs
    assert host_input is not None
    assert host_outputs is not None
    shapes = reference.output_shapes(model)
    parts = tuple(
        replace(part, pixels=shape) if transposed else part
        for part, shape, transposed in zip(host_outputs.parts, shapes, borders.outputs, strict=True)
    )
    host_input = replace(host_input, channels_last=borders.input)
    return Network(flatten.layouts(model), network.spec, host_input, HostOutputs(parts))


#: The order, with the reason for each place in it.
STEPS: tuple[tuple[str, Step], ...] = (
    # FINN's passes look for constants there; a weight quantizer per MatMul is what FoldQuantWeights expects.
    ("constants second", _graph_step(constants.constants_second)),
    ("own weights", _graph_step(constants.own_weights)),
    # What operators are written as: fewer kinds of them, and one operation each.
    ("biases behind", _graph_step(biases.biases_behind)),
    ("truncations to quantizers", _graph_step(truncations.to_quantizers)),
    # Weights become integers, their scale a Mul behind the operator.
    ("fold quantized weights", _graph_step(weights.fold_quantized_weights)),
    ("pads into convolutions", _graph_step(biases.pads_into_convolutions)),
    ("two dimensions", _graph_step(flat_convolutions.to_two_dimensions)),
    ("averages to sums", _graph_step(averages.averages_to_sums)),
    ("transposed convolutions", _graph_step(transposed.to_subpixels)),
    ("channels before pixel shuffles", _graph_step(shuffles.to_dcr)),
    ("split groups", _graph_step(groups.split_groups)),
    # Only quantizers of activations are left: their scale apart, so that it can move.
    ("extract scales", _graph_step(quantizers.extract_scales)),
    ("constants second again", _graph_step(constants.constants_second)),
    # From here on the graph takes integers.
    ("input border", _input_border),
    # Thresholds go where the sums are made.
    ("hoist quantizers", _graph_step(hoist.hoist)),
    ("norms to affine", _graph_step(norms.to_affine)),
    # Scales and biases of activations go behind what is linear: between a quantizer and a layer are integers
    # only.
    ("sink scales", _graph_step(sink.sink)),
    # Everything elementwise up to a quantizer becomes thresholds on the sums.
    ("exact thresholds", _graph_step(exact_thresholds.exact_thresholds)),
    # What is left of floats is behind the last layer: one scale and one bias there.
    (
        "output scale and bias",
        _transforms(
            "BatchNormToAffine",
            "ConvertSubToAdd",
            "ConvertDivToMul",
            "MoveAddPastMul",
            "CollapseRepeatedMul",
            "CollapseRepeatedAdd",
        ),
    ),
    ("types of integers", _graph_step(ranges.types_of_integers)),
    ("absorb into ranking", _graph_step(outputs.absorb_into_ranking)),
    ("output border", _output_border),
    # The order in which the hardware streams an image.
    ("channels last", _channels_last),
)


def streamline(model: Any, spec: InputSpec | None, samples: Any) -> Network:
    """The network as integers, with the host's parts at its borders.

    `model` is a cleaned qonnx ModelWrapper (left as it is); `samples` [N, ...] are frames as the network
    takes them, integers of `spec` where that is given. Raises CheckFailedError, naming the step, where a
    step changes what the network computes on them.
    """
    import copy

    floats = samples if spec is None else samples.astype(np.float32) / np.float32(spec.divisor)
    network = Network(copy.deepcopy(model), spec)
    with _named("executing the network"):
        expected = network.run(samples)
    if not all(np.all(np.isfinite(array)) for array in expected):
        raise LevadaError("the network's output is no number (NaN or infinity); train or export it again")
    for name, step in STEPS:
        with _named(f"streamlining step {name!r}"):
            network = step(network)
            wrong = _differences(expected, network.run(samples))
            ties = near_ties(model, floats[[found.frame for found in wrong]])
        real = [found for found, tie in zip(wrong, ties, strict=True) if not tie]
        if real:
            raise CheckFailedError(f"streamlining step {name!r} changes the network: {real[0]}")
    return network


@contextlib.contextmanager
def _named(what: str) -> Iterator[None]:
    """Names the step in which FINN, QONNX or onnxruntime failed: their exceptions do not."""
    try:
        yield
    except LevadaError:
        raise
    except Exception as error:
        raise LevadaError(
            f"{what} fails ({reason(error)}); the network has a form that is not known"
        ) from error


@dataclass(frozen=True)
class _Difference:
    """The first element in which a frame differs."""

    frame: int
    output: int
    index: int
    expected: float
    got: float

    def __str__(self) -> str:
        at = f"sample {self.frame}, output {self.output}, element {self.index}"
        return f"{at}: expected {self.expected}, got {self.got}"


def _differences(expected: tuple[FloatArray, ...], got: tuple[FloatArray, ...]) -> list[_Difference]:
    """Frames that differ by more than float rounding; a step of the last quantizer is far more than that."""
    found: dict[int, _Difference] = {}
    for number, pair in enumerate(zip(expected, got, strict=True)):
        want, have = (array.reshape(len(array), -1) for array in pair)
        scale = float(np.abs(want).max(initial=0)) or 1.0
        wrong = ~np.isclose(have, want, rtol=1e-4, atol=1e-5 * scale)
        for frame in map(int, np.flatnonzero(wrong.any(axis=1))):
            index = int(np.flatnonzero(wrong[frame])[0])
            values = float(want[frame, index]), float(have[frame, index])
            found.setdefault(frame, _Difference(frame, number, index, *values))
    return [found[frame] for frame in sorted(found)]
