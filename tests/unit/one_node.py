"""ONNX graphs of one operator, what takes them, and what ONNX itself makes of them."""

from __future__ import annotations

import numpy as np
import onnxruntime
from levada_driver.datatype import IntType
from onnx import TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.basic import qonnx_make_model

from levada.draw import draw_values
from levada.layer import registered


def network(nodes, inputs, inner, constants=None, opset=18):
    """A model of `nodes`; `inputs` and `inner` are {name: (shape, type)}, the last of `inner` the outputs.

    Every tensor that nothing reads is an output.
    """
    read = {name for node in nodes for name in node.input}
    infos = {
        name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, (shape, _) in (inputs | inner).items()
    }
    graph = helper.make_graph(
        nodes,
        "net",
        [infos[name] for name in inputs],
        [infos[name] for name in inner if name not in read],
        value_info=[infos[name] for name in inner if name in read],
    )
    model = ModelWrapper(qonnx_make_model(graph, opset_imports=[helper.make_opsetid("", opset)]))
    for name, value in (constants or {}).items():
        model.set_initializer(name, np.asarray(value))
    for name, (_, dtype) in (inputs | inner).items():
        model.set_tensor_datatype(name, DataType[dtype])
    return model


def thresholds(source, result, count, **attributes):
    """A MultiThreshold of UINT2 behind `source`, its table the constant t."""
    known = {"out_dtype": "UINT2", "out_scale": 1.0, "out_bias": float(3 - count), "data_layout": "NCHW"}
    return helper.make_node(
        "MultiThreshold",
        [source, "t"],
        [result],
        name="MultiThreshold_0",
        domain="qonnx.custom_op.general",
        **known | attributes,
    )


def matched(model, kind):
    """What the kind makes of the first node."""
    node = model.graph.node[0]
    cls = registered()[kind]
    assert node.op_type in cls.operators
    return cls.match(node, model)


def data(model, frames=3, seed=0):
    """Random integers for each input of a model [1, C, ...]: arrays [frames, C, ...] by name."""
    random = np.random.default_rng(seed)
    return {
        info.name: draw_values(
            random,
            IntType.parse(model.get_tensor_datatype(info.name).name),
            (frames, *model.get_tensor_shape(info.name)[1:]),
        )
        for info in model.graph.input
    }


def of_onnx(model, values):
    """What onnxruntime makes of integers [frames, C, ...], by the name of the output."""
    session = onnxruntime.InferenceSession(model.model.SerializeToString())
    frames = [
        session.run(
            None, {name: value[frame : frame + 1].astype(np.float32) for name, value in values.items()}
        )
        for frame in range(len(next(iter(values.values()))))
    ]
    names = [info.name for info in model.graph.output]
    return {name: np.concatenate(found) for name, found in zip(names, zip(*frames, strict=True), strict=True)}


def of_layers(match, values):
    """What the layers of a match make of integers [frames, C, ...], by the name of any tensor of theirs."""
    have = {name: np.moveaxis(value, 1, -1) for name, value in values.items()}
    for part in match.parts:
        results = part.layer.golden(*(have[name] for name in part.inputs))
        for name, port, result in zip(part.outputs, part.layer.outputs, results, strict=True):
            assert result.shape[1:] == port.shape
            assert port.dtype.holds(result)
            have[name] = result
    return {name: np.moveaxis(value, -1, 1) for name, value in have.items()}


def assert_same(model, match):
    """The layers of a match give what onnxruntime gives, on random integers."""
    values = data(model)
    wanted, got = of_onnx(model, values), of_layers(match, values)
    for name, value in wanted.items():
        assert np.array_equal(got[name], value), name


def check_foldings(layer):
    """Every folding is legal: beats divide the tensors, and cycles() is what the schedule says."""
    foldings = list(layer.foldings())
    assert len(set(foldings)) == len(foldings)
    for folding in foldings:
        schedule = layer.schedule(folding)
        assert layer.cycles(folding) == schedule.steps
        masks = [*schedule.reads, *schedule.writes]
        streams = [stream for side in layer.streams(folding) for stream in side]
        ports = [*layer.inputs, *layer.outputs]
        for port, stream, mask in zip(ports, streams, masks, strict=True):
            assert stream.beats * stream.elements == port.size
            assert (len(mask), int(mask.sum())) == (schedule.steps, stream.beats)
