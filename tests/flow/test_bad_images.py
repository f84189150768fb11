"""Convolutions, pools and branches that cannot be built: one line each, with what to do."""

from __future__ import annotations

import re

import numpy as np
import pytest

from levada import boards, partition
from levada.errors import LevadaError
from tests.flow.checks import lowered, refusal
from tests.flow.networks import Chain


def image(channels=3, height=8, width=7):
    return Chain(channels, height, width).quant()


def end(chain):
    return chain.conv(4, kernel=1).quant()


def float_conv():
    chain = image()
    return end(chain.op("Conv", chain.random.normal(size=(4, 3, 3, 3)), shape=(4, 6, 5)))


def transposed(**attributes):
    chain = image()
    weights = chain.kernel(3 // attributes.get("group", 1), 4, 3, 3)
    return end(chain.op("ConvTranspose", weights, shape=(4, 17, 15), **attributes))


def resized(sizes, **attributes):
    chain = image()
    scales = np.array([1, 1, *sizes], np.float32)
    shape = (3, int(8 * sizes[0]), int(7 * sizes[1]))
    return end(chain.op("Resize", "", scales, shape=shape, **attributes))


def two_branches(kind, other=4, **attributes):
    chain = image().conv(4, pad=1).quant()
    mark = chain.mark()
    chain.conv(other, pad=1).quant()
    return chain.second(kind, mark[0], **attributes)


def concat_of_rows():
    chain = image().conv(4, pad=1).quant()
    mark = chain.mark()
    return end(chain.conv(4, pad=1).quant().concat(mark, axis=2))


def padded_by_name():
    chain = image()
    return end(chain.op("Conv", chain.kernel(4, 3, 3, 3), shape=(4, 8, 7), auto_pad="SAME_UPPER"))


def scales_that_do_not_align():
    chain = image().conv(4, pad=1).quant(scale=0.125)
    mark = chain.mark()
    chain.conv(4, pad=1).quant(scale=0.1234567).second("Add", mark[0])
    return end(chain.quant())


def float_branch():
    chain = image().conv(4, pad=1).quant()
    mark = chain.mark()
    return end(chain.conv(4, pad=1).op("Relu").second("Add", mark[0]).quant())


def sliced(steps):
    limits = [np.array(values, np.int64) for values in ([0], [8], [2], [steps])]
    chain = image()
    names = [chain.constant(values, np.int64) for values in limits]
    return end(chain.op("Slice", *names, shape=(3, 8 // steps, 7)))


def reflected():
    chain = image()
    amounts = chain.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64)
    return end(chain.op("Pad", amounts, shape=(3, 10, 9), mode="reflect"))


BEFORE = {
    "float-weights": (float_conv, "Conv_0 (Conv): its weights are float; quantize them"),
    "weights-of-9-bits": (lambda: end(image().conv(4, bits=9)), "its weights have 9 bits; use 1 to 8 bits"),
    "weights-scale-a-tap": (
        lambda: end(image().conv(4, scale=np.arange(9.0).reshape(1, 1, 3, 3) + 1)),
        "its weights have a scale for each input",
    ),
    "auto-pad": (padded_by_name, "pads by SAME_UPPER; export it with explicit pads"),
    "three-axes": (
        lambda: Chain(2, 4, 4, 4).quant().conv(3).quant(),
        "Conv_0 (Conv): works on 3 spatial axes; use one or two",
    ),
    "transposed-strides": (lambda: transposed(strides=[2, 1]), "has strides [2, 1], not all equal; use one"),
    "transposed-dilations": (lambda: transposed(dilations=[2, 2]), "has dilations [2, 2]; use 1"),
    "average-padding": (
        lambda: end(image().pool("AveragePool", 2, pad=1)),
        "divides by fewer pixels at the border; use count_include_pad=True, or no padding",
    ),
    "average-ceil": (
        lambda: end(image().pool("AveragePool", 2, ceil_mode=1)),
        "has windows that lie partly outside (ceil_mode); use ceil_mode=False",
    ),
    "bilinear": (lambda: resized((2, 2), mode="linear"), "interpolates (linear); use mode nearest"),
    "resize-to-less": (lambda: resized((0.5, 1)), "use whole factors, for height and width"),
    "resize-rounding": (
        lambda: resized((2, 2), mode="nearest", nearest_mode="ceil"),
        "rounds in a way that does not repeat each pixel equally",
    ),
    "mul-of-branches": (
        lambda: end(two_branches("Mul")),
        "Mul_0 (Mul): joins two branches, and no layer does",
    ),
    "add-of-shapes": (
        lambda: end(two_branches("Add", other=1)),
        "adds [1, 1, 8, 7] and [1, 4, 8, 7]; add branches of the same shape",
    ),
    "concat-of-rows": (concat_of_rows, "is over axis 2; concatenate channels (axis 1)"),
    "slice-steps": (lambda: sliced(2), "takes steps of [2]; use steps of 1"),
    "transpose": (
        lambda: image().op("Transpose", perm=[0, 1, 3, 2], shape=(3, 7, 8)).conv(4),
        "permutes by [0, 1, 3, 2]; only channels first to channels last and back can be built",
    ),
    "reflect": (reflected, "does not pad with zeros; pad with constant zeros"),
    "mean-of-rows": (
        lambda: image().op("ReduceMean", axes=[2], shape=(3, 1, 7)).conv(4, kernel=1),
        "is over axes [2]; average over height and width, both",
    ),
}

LATER = {
    "bipolar-padding": (lambda: end(Chain(3, 6, 6).bipolar().conv(4, pad=1)), "a bipolar input"),
    "scales-that-do-not-align": (scales_that_do_not_align, "float in the middle"),
    "float-branch": (float_branch, "float in the middle"),
    "float-image": (
        lambda: end(image().conv(4).op("Relu").conv(3)),
        "Conv_1: its input is float in the middle",
    ),
}


@pytest.mark.parametrize("case", BEFORE)
def test_early_check(case, tmp_path):
    network, text = BEFORE[case]
    assert text in refusal(network(), tmp_path)


@pytest.mark.parametrize("case", LATER)
def test_streamlining_and_layers(case, tmp_path):
    network, text = LATER[case]
    with pytest.raises(LevadaError) as error:
        lowered(network().model(), tmp_path)
    said = str(error.value)
    assert text in said
    assert "\n" not in said


def test_a_network_that_does_not_fit_says_by_how_much(tmp_path):
    chain = image(64, 8, 8)
    for _ in range(3):
        chain.conv(256, pad=1, bits=8).quant(8)
    graph = lowered(chain.model(), tmp_path)[2]
    board = boards.load("pynq-z2")
    with pytest.raises(LevadaError) as error:
        partition.fold(graph, board.usable, 100.0, 2e4)
    text = str(error.value)
    assert text.startswith("network: does not fit the board at its smallest (bram18: ")
    form = r" of 266, \d+ missing\); most would help: mvau_\d with .* \(saves bram18 \d+\), mvau_\d with "
    assert re.search(form, text), text
