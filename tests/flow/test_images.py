"""Convolutional networks of every form: the layers give what the network itself gives."""

from __future__ import annotations

import numpy as np
import pytest

from tests.flow.checks import check_equal, kinds
from tests.flow.networks import Chain


def image(channels=3, height=8, width=7, bits=4):
    return Chain(channels, height, width).quant(bits)


def head(chain, classes=4):
    size = int(np.prod(chain.shape[1:]))
    return chain.op("Flatten", shape=(size,)).linear(classes)


def relu(chain, bits=4):
    return chain.norm().op("Relu").quant(bits, signed=False, scale=0.25)


def residual(scale=0.125, projected=False):
    chain = image().conv(4, pad=1).norm().quant(scale=0.125)
    mark = chain.mark()
    chain.conv(4, pad=1).norm().quant(scale=scale)
    branch = chain.mark()
    if projected:
        mark = chain.back(mark).conv(4, kernel=1).norm().quant(scale=0.125).mark()
    chain.back(branch).second("Add", mark[0])
    return head(chain.op("Relu").quant(signed=False, scale=0.25).conv(3).quant())


def doubled():
    chain = image().conv(4, pad=1).norm().quant(scale=0.125)
    return head(chain.second("Add", chain.at).quant(signed=False, scale=0.25).conv(3).quant())


def concat(scale=0.125, conv=True):
    chain = image().conv(4, pad=1).norm().quant(scale=0.125)
    mark = chain.mark()
    chain.conv(3, pad=1).norm().quant(scale=scale).concat(mark)
    return head((chain.conv(3) if conv else chain).quant())


def upsampled(**attributes):
    scales = np.array([1, 1, 2, 3], np.float32)
    chain = image().conv(4).quant().op("Resize", "", scales, shape=(4, 12, 15), mode="nearest", **attributes)
    return head(chain.conv(3).quant())


def shuffled(mode):
    chain = image().conv(12, pad=1).norm()
    return chain.op("DepthToSpace", shape=(3, 16, 14), blocksize=2, mode=mode).quant()


def transposed(stride=2, kernel=3, pad=1, more=1):
    chain = image()
    weights = chain.kernel(3, 4, kernel, kernel)
    shape = (4, *((n - 1) * stride - 2 * pad + kernel + more for n in chain.shape[2:]))
    attributes = {"strides": [stride] * 2, "pads": [pad] * 4, "output_padding": [more] * 2}
    return head(chain.op("ConvTranspose", weights, shape=shape, **attributes).norm().quant())


def sliced(axis, start, end):
    chain = image(4).conv(4, pad=1).quant()
    names = [chain.constant([value], np.int64) for value in (start, end, axis)]
    shape = list(chain.shape[1:])
    shape[axis - 1] = end - start
    return head(chain.op("Slice", *names, shape=tuple(shape)).conv(2, kernel=1).quant())


def padded():
    chain = image()
    amounts = chain.constant([0, 0, 1, 0, 0, 0, 2, 1], np.int64)
    return head(chain.op("Pad", amounts, shape=(3, 11, 8)).conv(4).quant())


def mean(keepdims):
    shape = (5, 1, 1) if keepdims else (5,)
    chain = image().conv(5).quant().op("ReduceMean", axes=[2, 3], keepdims=keepdims, shape=shape)
    return (head(chain.quant(5, scale=0.0625))) if keepdims else chain.quant(5, scale=0.0625).linear(4)


def truncated():
    chain = image().conv(5).op("Relu").quant(signed=False, scale=0.25).pool("AveragePool", 2)
    return head(chain.op("Trunc", 0.0625, 0.0, 6.0, 4.0, rounding_mode="FLOOR"))


FORMS = {
    "conv": (lambda: relu(image().conv(5)), ["swu", "mvau"]),
    "conv-at-the-end": (lambda: image().conv(5).norm(), ["swu", "mvau"]),
    "conv-1x1": (lambda: relu(image().conv(5, kernel=1)), ["mvau"]),
    "stride-and-padding": (
        lambda: head(relu(image().conv(5, stride=2, pad=[1, 0, 2, 1]))),
        ["swu", "mvau", "mvau"],
    ),
    "dilation": (lambda: relu(image().conv(5, kernel=[2, 3], dilation=2)), ["swu", "mvau"]),
    "conv-to-linear": (lambda: head(relu(image().conv(5))), ["swu", "mvau", "mvau"]),
    "bias": (lambda: head(image().conv(5, bias=np.arange(5) / 8).quant()), ["swu", "mvau", "mvau"]),
    "scale-a-channel": (
        lambda: head(image().conv(4, scale=2.0 ** -np.arange(4).reshape(4, 1, 1, 1)).quant()),
        ["swu", "mvau", "mvau"],
    ),
    "falling-channels": (
        lambda: head(image().conv(4).norm(gamma=[-1, 1, -0.5, 0.25]).quant()),
        ["swu", "mvau", "mvau"],
    ),
    "bipolar": (lambda: head(Chain(3, 6, 5).bipolar().conv(4).bipolar()), ["swu", "mvau", "mvau"]),
    "one-dimension": (
        lambda: head(Chain(3, 12).quant().conv(5, pad=1, stride=2).norm().quant().pool()),
        ["swu", "mvau", "maxpool", "mvau"],
    ),
    "pad": (padded, ["swu", "mvau", "mvau"]),
    "max-pool": (
        lambda: head(relu(image(height=8, width=8).conv(5, pad=1)).pool().conv(4, kernel=1).quant()),
        ["swu", "mvau", "maxpool", "mvau", "mvau"],
    ),
    "max-pool-before-the-quantizer": (
        lambda: relu(image(height=8, width=8).conv(5, pad=1).norm().pool()),
        ["swu", "mvau", "maxpool"],
    ),
    "max-pool-that-overlaps": (
        lambda: image().conv(5).quant().pool(kernel=3, stride=2, pad=1),
        ["swu", "mvau", "swu", "maxpool"],
    ),
    "max-pool-ceil": (lambda: image().conv(5).quant().pool(ceil_mode=1), ["swu", "mvau", "swu", "maxpool"]),
    "average-pool": (
        lambda: head(
            image(height=8, width=8).conv(5, pad=1).quant().pool("AveragePool").quant(5, scale=1 / 16)
        ),
        ["swu", "mvau", "avgpool", "mvau"],
    ),
    "average-and-truncation": (truncated, ["swu", "mvau", "swu", "avgpool", "mvau"]),
    "global-average": (
        lambda: head(image().conv(5).quant().op("GlobalAveragePool", shape=(5, 1, 1)).quant(5, scale=1 / 16)),
        ["swu", "mvau", "avgpool", "mvau"],
    ),
    "global-average-at-the-end": (
        lambda: image().conv(5).quant().op("GlobalAveragePool", shape=(5, 1, 1)).op("Flatten", shape=(5,)),
        ["swu", "mvau", "avgpool"],
    ),
    "mean": (lambda: mean(1), ["swu", "mvau", "avgpool", "mvau"]),
    "mean-flat": (lambda: mean(0), ["swu", "mvau", "avgpool", "mvau"]),
    "depthwise": (
        lambda: relu(relu(relu(image().conv(4)).conv(4, groups=4, pad=1)).conv(6, kernel=1)),
        ["swu", "mvau", "swu", "vvau", "mvau"],
    ),
    "depthwise-of-two": (lambda: relu(image().conv(6, groups=3)), ["swu", "vvau"]),
    "groups": (
        lambda: relu(image(4).conv(6, groups=2, pad=1)),
        ["split", "swu", "mvau", "swu", "mvau", "concat"],
    ),
    "residual": (residual, ["swu", "mvau", "fork", "swu", "mvau", "add", "swu", "mvau", "mvau"]),
    "doubled": (doubled, ["swu", "mvau", "thresholding", "swu", "mvau", "mvau"]),
    "residual-of-other-scales": (
        lambda: residual(0.375),
        ["swu", "mvau", "fork", "swu", "mvau", "mul", "add", "swu", "mvau", "mvau"],
    ),
    "residual-projected": (
        lambda: residual(projected=True),
        ["swu", "mvau", "fork", "swu", "mvau", "mvau", "add", "swu", "mvau", "mvau"],
    ),
    "concat": (concat, ["swu", "mvau", "fork", "swu", "mvau", "concat", "swu", "mvau", "mvau"]),
    "concat-of-other-scales": (
        lambda: concat(0.5),
        ["swu", "mvau", "fork", "swu", "mvau", "mul", "concat", "swu", "mvau", "mvau"],
    ),
    "concat-to-a-quantizer": (
        lambda: concat(0.5, conv=False),
        ["swu", "mvau", "fork", "swu", "mvau", "concat", "thresholding", "mvau"],
    ),
    "upsample": (
        lambda: upsampled(coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
        ["swu", "mvau", "upsample", "swu", "mvau", "mvau"],
    ),
    "upsample-half-pixel": (upsampled, ["swu", "mvau", "upsample", "swu", "mvau", "mvau"]),
    "pixel-shuffle": (lambda: shuffled("CRD"), ["swu", "mvau", "depth_to_space"]),
    "depth-to-space": (lambda: shuffled("DCR"), ["swu", "mvau", "depth_to_space"]),
    "space-to-depth": (
        lambda: relu(image(height=8, width=6).op("SpaceToDepth", shape=(12, 4, 3), blocksize=2).conv(4, 1)),
        ["swu", "mvau"],
    ),
    "transposed": (transposed, ["swu", "mvau", "depth_to_space", "crop", "mvau"]),
    "transposed-4": (lambda: transposed(2, 4, 1, 0), ["swu", "mvau", "depth_to_space", "crop", "mvau"]),
    "transposed-small-kernel": (lambda: transposed(3, 2, 0, 0), ["mvau", "depth_to_space", "crop", "mvau"]),
    "transposed-stride-1": (lambda: transposed(1, 3, 1, 0), ["swu", "mvau", "crop", "mvau"]),
    "crop-rows": (lambda: sliced(2, 1, 6), ["swu", "mvau", "crop", "mvau", "mvau"]),
    "crop-channels": (lambda: sliced(1, 1, 3), ["swu", "mvau", "crop", "mvau", "mvau"]),
    "valley": (
        lambda: head(image().conv(4).op("Mul", 0.25).op("Abs").quant()),
        ["swu", "mvau", "lookup", "mvau"],
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_form(form, tmp_path):
    network, expected = FORMS[form]
    assert kinds(network().model(), tmp_path) == expected


def test_pixels_of_the_input(tmp_path):
    chain = Chain(3, 6, 6).conv(4).norm().quant()
    graph, _ = check_equal(head(chain).model(), tmp_path, "uint8/256")
    assert [node.layer.kind for node in graph.nodes] == ["swu", "mvau", "mvau"]


def test_two_outputs(tmp_path):
    chain = image().conv(4, pad=1).quant()
    mark = chain.mark()
    first = chain.conv(2).mark()
    chain.back(mark).conv(3, kernel=1)
    model = chain.model()
    from onnx import TensorProto, helper

    model.graph.output.append(helper.make_tensor_value_info(first[0], TensorProto.FLOAT, first[1]))
    graph, got = check_equal(model, tmp_path)
    assert len(graph.outputs) == 2
    assert got.shape[1] == 3 * 8 * 7 + 2 * 6 * 5
