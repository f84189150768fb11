"""What the tests of the flow ask of a network: that it is built exactly, or refused with one error."""

from __future__ import annotations

import re

import numpy as np
import pytest

from levada import frontend, lower, reference
from levada.errors import LevadaError
from levada.graph import execute
from levada.sim import compare
from levada.streamline import InputSpec, streamline
from levada.streamline.ties import near_ties
from tests.flow.networks import Chain, random_frames, save

FRAMES = 300


def lowered(model, path, spec=None, count=FRAMES):
    """The cleaned network, its integers form and its graph of layers, and frames to compare on."""
    source = frontend.load(save(model, path / "network.onnx"))
    spec = InputSpec.parse(spec) if spec else None
    frontend.check(source, "network", spec)
    x = frames(reference.input_shape(source), spec, count)
    network = streamline(source, spec, x[:32])
    return source, network, lower.lower(network.model, "network"), x


def frames(shape, spec, count):
    if spec is None:
        return random_frames(shape, count)
    return np.random.default_rng(0).integers(spec.dtype.min, spec.dtype.max + 1, (count, *shape))


def integers(network, graph, x):
    values = execute(graph, network.host_input.quantize(x))
    return np.concatenate([values[name].reshape(len(x), -1) for name in graph.outputs], axis=1)


def check_equal(model, path, spec=None, excuse_ties=False):
    """The layers give what the network itself gives; returns them and their integers."""
    source, network, graph, x = lowered(model, path, spec)
    return graph, same_as_network(source, network, graph, x, excuse_ties)


def same_as_network(source, network, graph, x, excuse_ties=False):
    """The integers that the layers give for frames x, which are those of the network itself."""
    floats = network.host_input.floats(x)
    expected = reference.execute_all(source, floats)
    got = integers(network, graph, x)
    ties = (lambda frames: near_ties(source, floats[frames])) if excuse_ties else compare._no_ties
    found = compare.with_floats(expected, got, network.host_outputs, ties)
    assert (found.mismatches, found.first) == (0, "")
    assert found.ties <= len(x) // 20
    return got


def kinds(*arguments, **options):
    """The kinds of the layers of a network, which give what it gives itself."""
    return [node.layer.kind for node in check_equal(*arguments, **options)[0].nodes]


def prepare(path, spec=None):
    """All that a build does up to the integers."""
    model = frontend.load(path)
    spec = InputSpec.parse(spec) if spec else None
    frontend.check(model, "network", spec)
    shape = reference.input_shape(model)
    x = random_frames(shape, 8) if spec is None else np.zeros((8, *shape), np.int64)
    streamline(model, spec, x)


def refusal(network, path, spec=None, **how):
    """The text of the error for a network (a Chain, a ModelProto or bytes)."""
    file = path / "network.onnx"
    if isinstance(network, bytes):
        file.write_bytes(network)
    else:
        save(network.model(**how) if isinstance(network, Chain) else network, file)
    with pytest.raises(LevadaError) as caught:
        prepare(file, spec)
    return str(caught.value).replace(str(file), "FILE")


def without_log(text):
    """The lines on stderr that are not the log's, which begin with seconds."""
    return [line for line in text.splitlines() if line and not re.match(r" *\d+\.\d s ", line)]
