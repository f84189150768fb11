"""From a float network with quantizers to one of integers alone: the passes, in order, each one checked.

The linear algebra is FINN's (finn-plus) and QONNX's; quantizers become thresholds by `exact_thresholds`,
which is ours because FINN's rounding differs from QONNX's at ties.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from levada_driver.datatype import IntArray
from levada_driver.host import HostInput, HostOutput

from levada import reference
from levada.errors import CheckFailedError, LevadaError
from levada.reference import FloatArray
from levada.streamline import constants, exact_thresholds, inputs, outputs, quantizers
from levada.streamline.inputs import InputSpec
from levada.streamline.rewrite import reason
from levada.streamline.ties import near_ties

__all__ = ["STEPS", "InputSpec", "Network", "streamline"]


@dataclass(frozen=True, eq=False)
class Network:
    """A network on its way to integers: the graph, and what the host does at either border so far.

    `host_input` None: the graph takes floats. `host_output` None: the graph gives the network's output.
    """

    model: Any
    spec: InputSpec | None
    host_input: HostInput | None = None
    host_output: HostOutput | None = None

    def run(self, x: Any) -> FloatArray:  # noqa: ANN401 - an array of floats or of the spec's integers
        """The network's output for frames [N, ...], through the host's parts."""
        return self._finish(self.integers(x)) if self.host_output else self._graph(x)

    def integers(self, x: Any) -> IntArray:  # noqa: ANN401
        """The graph's own output as integers [N, elements]; for a network with both borders split off."""
        result = self._graph(x)
        return np.rint(result).astype(np.int64).reshape(len(result), -1)

    def _graph(self, x: Any) -> FloatArray:  # noqa: ANN401
        shape = reference.input_shape(self.model)
        if self.host_input is not None:
            x = self.host_input.quantize(x)
        elif self.spec is not None:
            x = x.astype(np.float32) / np.float32(self.spec.divisor)
        return reference.execute(self.model, x.reshape(len(x), *shape).astype(np.float32))

    def _finish(self, y: IntArray) -> FloatArray:
        assert self.host_output is not None
        return np.asarray(self.host_output.finish(y), np.float32)


Step = Callable[[Network], Network]


def _graph_step(function: Callable[[Any], Any]) -> Step:
    return lambda network: replace(network, model=function(network.model))


def _transforms(*names: str) -> Step:
    """Transformations of FINN and QONNX, each applied until it changes nothing more."""

    def run(network: Network) -> Network:
        model = network.model
        for name in names:
            model = model.transform(_transformation(name)())
        return replace(network, model=model)

    return run


def _transformation(name: str) -> Any:  # noqa: ANN401 - a class of an untyped package
    from finn.transformation.qonnx.fold_quant_weights import FoldQuantWeights
    from finn.transformation.streamline import collapse_repeated, reorder
    from qonnx.transformation.batchnorm_to_affine import BatchNormToAffine
    from qonnx.transformation.general import ConvertDivToMul, ConvertSubToAdd

    ours = (FoldQuantWeights, BatchNormToAffine, ConvertDivToMul, ConvertSubToAdd)
    known = {cls.__name__: cls for cls in ours}
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
    model, host = outputs.finish_on_host(network.model)
    return replace(network, model=model, host_output=host)


#: The order, with the reason for each place in it.
STEPS: tuple[tuple[str, Step], ...] = (
    # FINN's passes look for constants there; a weight quantizer per MatMul is what FoldQuantWeights expects.
    ("constants second", _graph_step(constants.constants_second)),
    ("own weights", _graph_step(constants.own_weights)),
    # Weights become integers, their scale a Mul behind the MatMul.
    ("fold quantized weights", _transforms("FoldQuantWeights")),
    # Only quantizers of activations are left: their scale apart, so that it can move.
    ("extract scales", _graph_step(quantizers.extract_scales)),
    ("constants second again", _graph_step(constants.constants_second)),
    # From here on the graph takes integers.
    ("input border", _input_border),
    # The scales of activations go behind the next MatMul: between a quantizer and a MatMul are integers only.
    ("move scales", _transforms("MoveScalarLinearPastInvariants", "MoveScalarMulPastMatMul")),
    # Everything elementwise up to a quantizer becomes thresholds on the accumulators.
    ("exact thresholds", _graph_step(exact_thresholds.exact_thresholds)),
    # What is left of floats is behind the last MatMul: one scale and one bias there.
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
    # FINN's types of sums are those of 32 bits; the layers' are exact.
    ("types of sums", _graph_step(outputs.annotate_sums)),
    ("absorb into ranking", _graph_step(outputs.absorb_into_ranking)),
    ("output border", _output_border),
)


def streamline(model: Any, spec: InputSpec | None, samples: Any) -> Network:  # noqa: ANN401
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
    if not np.all(np.isfinite(expected)):
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
    index: int
    expected: float
    got: float

    def __str__(self) -> str:
        return f"sample {self.frame}, output {self.index}: expected {self.expected}, got {self.got}"


def _differences(expected: FloatArray, got: FloatArray) -> list[_Difference]:
    """Frames that differ by more than float rounding; a step of the last quantizer is far more than that."""
    expected, got = (array.reshape(len(array), -1) for array in (expected, got))
    scale = float(np.abs(expected).max(initial=0)) or 1.0
    wrong = ~np.isclose(got, expected, rtol=1e-4, atol=1e-5 * scale)
    found = []
    for frame in np.flatnonzero(wrong.any(axis=1)):
        index = int(np.flatnonzero(wrong[frame])[0])
        values = float(expected[frame, index]), float(got[frame, index])
        found.append(_Difference(int(frame), index, *values))
    return found
