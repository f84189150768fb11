"""DepthToSpace: what it takes of a network and what it refuses; its results beside those of ONNX."""

from __future__ import annotations

import pytest
from onnx import helper

from levada.errors import LevadaError
from levada.layer import Folding, Tensor, registered
from tests.unit import graphs
from tests.unit.one_node import assert_same, check_foldings, matched, network

DepthToSpace = registered()["depth_to_space"]


def blocks(shape, block, **attributes):
    node = helper.make_node(
        "DepthToSpace", ["x"], ["y"], name="DepthToSpace_0", blocksize=block, **attributes
    )
    result = (1, shape[1] // block**2, shape[2] * block, shape[3] * block)
    return network([node], {"x": (shape, "INT4")}, {"y": (result, "INT4")})


@pytest.mark.parametrize(
    ("shape", "block", "attributes"),
    [
        ((1, 4, 3, 2), 2, {}),
        ((1, 12, 1, 5), 2, {"mode": "DCR"}),
        ((1, 18, 2, 1), 3, {}),
        ((1, 5, 2, 2), 1, {}),
    ],
)
def test_results_are_those_of_onnx(shape, block, attributes):
    model = blocks(shape, block, **attributes)
    assert_same(model, matched(model, "depth_to_space"))


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (
            blocks((1, 8, 3, 2), 2, mode="CRD"),
            "DepthToSpace_0: DepthToSpace of mode CRD; use DCR, its channels in that order",
        ),
        (
            blocks((1, 6, 3, 2), 2),
            "DepthToSpace_0: DepthToSpace of shape [3, 2, 6] (channels last) with blocks of 2; give an image "
            "with a multiple of 4 channels",
        ),
    ],
)
def test_what_breaks_a_rule_is_refused(model, text):
    with pytest.raises(LevadaError) as error:
        matched(model, "depth_to_space")
    assert str(error.value) == text


def test_blocks_divide_the_channels():
    with pytest.raises(ValueError, match="no blocks of 2 x 2"):
        DepthToSpace(Tensor("x", (2, 2, 6), graphs.INT4), 2)


def test_a_frame_takes_its_beats_and_the_delay_of_the_last_rows():
    layer = DepthToSpace(Tensor("x", (208, 208, 48), graphs.UINT4), 2)
    check_foldings(layer)
    assert layer.cycles(Folding(24, 24, memory="block")) == 208 * 208 * 2 + 207 + 1
