"""Comparing two levels of one network, and saying where they first differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from levada_driver.datatype import IntArray
from levada_driver.host import HostOutput, HostOutputs

from levada.errors import CheckFailedError
from levada.graph import Graph, execute
from levada.sim.cppsim import CppSim
from levada.sim.rtlsim import RtlSim
from levada.sim.single import single

Frames = npt.NDArray[np.bool_]
#: Which of some frames (by index) lie on a tie of a quantizer; see levada.streamline.ties.
Ties = Callable[[IntArray], Frames]


@dataclass(frozen=True)
class Comparison:
    """Frames compared, frames that differ, frames that differ at a tie, the first difference in words."""

    samples: int
    mismatches: int
    ties: int = 0
    first: str = ""


def _no_ties(frames: IntArray) -> Frames:
    return np.zeros(len(frames), np.bool_)


def integers(expected: IntArray, got: IntArray, ties: Ties = _no_ties) -> Comparison:
    """Compares integers [N, ...] frame by frame, exactly; frames that `ties` excuses are counted apart."""
    expected, got = (array.reshape(len(array), -1) for array in (expected, got))
    frames = np.flatnonzero((expected != got).any(axis=1))
    excused = ties(frames) if len(frames) else np.zeros(0, np.bool_)
    wrong = frames[~excused]
    if not len(wrong):
        return Comparison(len(expected), 0, int(excused.sum()))
    frame = int(wrong[0])
    index = int(np.flatnonzero(expected[frame] != got[frame])[0])
    first = f"frame {frame}, element {index}: expected {expected[frame, index]}, got {got[frame, index]}"
    return Comparison(len(expected), len(wrong), int(excused.sum()), first)


def with_floats(
    expected: Sequence[npt.NDArray[Any]], got: IntArray, host: HostOutputs, ties: Ties = _no_ties
) -> Comparison:
    """Compares the network's own float outputs with the integers that the host turns into them.

    Behind the last quantizer the network is affine, so its output divided by the scale must lie at the
    integer, up to float rounding: the two are equal if the nearest integers are. Where a softmax follows,
    the floats themselves are compared, to 1e-3 of a probability.
    """
    pairs = [_integers_of(*part) for part in zip(expected, host.split(got), host.parts, strict=True)]
    want, have = (np.concatenate(arrays, axis=1) for arrays in zip(*pairs, strict=True))
    return integers(want, have, ties)


def _integers_of(expected: npt.NDArray[Any], got: IntArray, host: HostOutput) -> tuple[IntArray, IntArray]:
    """An output as integers that must be equal: what the floats say, and what was got."""
    flat = host.as_streamed(expected).reshape(len(expected), -1).astype(np.float64)
    if host.indices:
        return np.rint(flat).astype(np.int64), got
    if host.softmax:
        shown = host.as_streamed(host.finish(got)).reshape(flat.shape)
        return np.zeros(flat.shape, np.int64), (np.abs(shown - flat) > 1e-3).astype(np.int64)
    shaped = flat.reshape(len(flat), *(host.pixels or host.shape))
    result = (shaped - host.bias.astype(np.float64)) / host.scale.astype(np.float64)
    return np.rint(result).astype(np.int64).reshape(flat.shape), got


def culprit(graph: Graph, level: str, *inputs: IntArray) -> str:
    """Simulates each layer alone on its golden inputs and names the first that differs at `level`.

    `level` is "cppsim" or "rtlsim". Says so if each layer alone is right: then their joints are not.
    """
    values = execute(graph, *inputs)
    for node in graph.nodes:
        alone = single(node.layer, node.folding)
        data = [values[name].reshape(len(inputs[0]), -1) for name in node.inputs]
        got = CppSim(alone).run(*data) if level == "cppsim" else RtlSim(alone).run(*data).outputs
        for name, have in zip(node.outputs, got, strict=True):
            found = integers(values[name], have)
            if found.mismatches:
                return f"{node.name}, {found.first}"
    return "every layer alone is right, so the streams between them are not"


def require_equal(level: str, found: Comparison, where: str = "") -> Comparison:
    """The comparison, or CheckFailedError with level, layer, index, expected and got."""
    if found.mismatches:
        at = f" (first wrong layer: {where})" if where else ""
        raise CheckFailedError(
            f"{level}: {found.mismatches} of {found.samples} frames differ; {found.first}{at}"
        )
    return found
