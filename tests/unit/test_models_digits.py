"""The network for digits: widths for each layer, and what its trained files promise."""

import importlib
import re

import numpy as np
import pytest
import torch

from levada import models, train
from levada.errors import LevadaError
from levada.export import export
from levada.train.quantizers import weights_of
from levada.train.task import Widths

digits = importlib.import_module("levada.models.digits.digits")
data = importlib.import_module("levada.models.data")

NAMES = [name for name in models.names() if name.startswith("digits-")]
MIXED = Widths((8, 1, 2, 4, 6), (8, 4, 3, 2, 5))


def inputs(count=4):
    return train.as_floats(models.find("digits-w4a4"), digits.frames("w4a4", count, seed=3))


def levels(network):
    """The distinct values that the activations of each layer read have, over some frames."""
    found = []
    hooks = [
        weights.layer.register_forward_pre_hook(lambda _, x: found.append(len(torch.unique(x[0]))))
        for weights in weights_of(network)
    ]
    with torch.no_grad():
        network.eval()(torch.from_numpy(inputs(32)))
    for hook in hooks:
        hook.remove()
    return found


def test_each_layer_has_its_own_widths():
    network = digits.build("w4a4", MIXED)
    assert [weights.bits for weights in weights_of(network)] == list(MIXED.weights)
    for count, activation in zip(levels(network), MIXED.activations, strict=True):
        assert count <= 2**activation
    assert levels(network)[0] > 2**7  # the bytes as they are


def test_variants_are_uniform():
    for name in NAMES:
        model = models.find(name)
        network = digits.build(model.variant)
        assert {weights.bits for weights in weights_of(network)} == {model.bits["weight"]}
        assert all(count <= 2 ** model.bits["activation"] for count in levels(network))


def test_as_many_widths_as_layers():
    with pytest.raises(LevadaError, match=r"^digits: weights of layers: 2 widths are given for 5; give bits"):
        digits.build("w4a4", Widths((4, 4), MIXED.activations))


@pytest.mark.parametrize("bits", [0, 9])
def test_widths_of_weights_out_of_bounds(bits):
    text = f"^digits: weights of layer 1: {bits} bits cannot be built; choose 1 to 8$"
    with pytest.raises(LevadaError, match=text):
        digits.build("w4a4", Widths((4, bits, 4, 4, 4), MIXED.activations))


@pytest.mark.parametrize("bits", [1, 9])
def test_widths_of_activations_out_of_bounds(bits):
    text = f"^digits: activations of quantizer 4: {bits} bits cannot be built; choose 2 to 8$"
    with pytest.raises(LevadaError, match=text):
        digits.build("w4a4", Widths(MIXED.weights, (8, 4, 3, 2, bits)))


def test_mixed_widths_are_exported(tmp_path):
    torch.manual_seed(1)
    network = digits.build("w4a4", MIXED).eval()
    path = tmp_path / "mixed.onnx"
    path.write_bytes(export(network, (1, 1, 28, 28)))
    with torch.no_grad():
        expected = network(torch.from_numpy(inputs())).numpy()
    np.testing.assert_allclose(train.execute(path, inputs()), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("bits", range(2, 9))
def test_no_byte_lies_between_two_levels_of_the_input(bits):
    network = digits.build("w4a4", Widths((4,) * 5, (bits,) * 5))
    pixels = np.arange(256) / 255 * 2**bits
    assert np.abs(pixels - np.floor(pixels) - 0.5).min() > 1e-4
    values = network.layers[0](torch.arange(256).float() / 255).detach().numpy() * 2**bits
    np.testing.assert_array_equal(values, np.minimum(np.rint(pixels), 2**bits - 1))


@pytest.mark.parametrize("name", NAMES)
def test_card_states_the_accuracy_of_model_toml(name):
    model = models.find(name)
    card = (model.onnx.parent / "README.md").read_text(encoding="utf-8")
    row = re.search(rf"^\| `{name}` \|.*\| ([0-9.]+) % \|$", card, re.MULTILINE)
    assert row, f"README.md has no row of {name}"
    assert float(row[1]) == model.accuracy


@pytest.mark.parametrize("name", NAMES)
def test_measured_accuracy(name):
    model = models.find(name)
    try:
        dataset = models.load_data(model)
    except data.UnavailableError as error:
        pytest.skip(str(error))
    accuracy, _ = train.measure(model.onnx, model, dataset)
    assert round(accuracy, 2) == model.accuracy
