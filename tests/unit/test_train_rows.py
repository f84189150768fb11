"""Output channels with weights of fewer bits: scales, integers, the exported file, lanes of the hardware."""

import re

import pytest
import torch

from levada.errors import LevadaError
from levada.train.own import quantizers_of
from levada.train.quantizers import weights_of
from levada.train.recipe import MethodSpec
from levada.train.task import Batch
from tests.unit.exports import digits
from tests.unit.small_runs import Fixed, beginner, epochs, layer, numbers, quantizers


@pytest.fixture
def begin(monkeypatch, tmp_path):
    with torch.random.fork_rng(devices=[]):
        yield beginner(monkeypatch, tmp_path)


def narrow(begin, bits, build=lambda: layer(8, 40, 6), task=None, **options):
    return begin(build, task or Fixed([]), {"narrow_rows": {"bits": bits, "period": 4, "count": 1} | options})


@pytest.mark.parametrize("bits", [3, 5, 7])
def test_rows_have_scales_as_weights_of_so_many_bits_do(begin, bits):
    """The scale is the one that the family's own quantizer of these bits has for the same weights."""
    run = narrow(begin, bits)
    weights = run.network.weight.detach().clone()
    wide, few = layer(8, 40, 6), layer(bits, 40, 6)
    run.finish()
    wanted = [own.weight_quant(weights) for own in (wide, few)]
    found = run.network.weight_quant(run.network.weight)
    for row in range(6):
        own = wanted[row == 3]
        assert found.scale[row] == own.scale[row]
        assert torch.equal(found.value[row], own.value[row])
    integers, _ = weights_of(run.network)[0].integers()
    assert integers[3].abs().max() < 2 ** (bits - 1)


def test_two_bits_are_those_of_ternary_weight_networks(begin):
    run = narrow(begin, 2)
    weights = run.network.weight.detach().clone()
    used = run.network.weight_quant(run.network.weight).value[3]
    scale = 2.0 ** (1.4 * weights[3].abs().mean()).log2().round()
    inner = weights[3].abs() < 1.5 * scale  # others are clipped by the first step
    assert torch.equal(used[inner], (weights[3][inner] / scale).round() * scale)
    run.methods["narrow_rows"].after_step(run)
    run.finish()
    integers, _ = weights_of(run.network)[0].integers()
    assert set(integers[3].tolist()) == {-1.0, 0.0, 1.0}
    assert torch.equal(run.network.weight[[0, 1, 2, 4, 5]], weights[[0, 1, 2, 4, 5]])


def test_gradients_pass_and_integers_stay_small_in_training(begin):
    x = numbers(64, 40)
    run = epochs(narrow(begin, 2, task=Fixed([Batch(x, numbers(64, 6, seed=5))] * 20), count=3))
    run.finish()
    integers, _ = weights_of(run.network)[0].integers()
    assert integers[[1, 2, 3, 5]].abs().max() == 1
    assert integers[[0, 4]].abs().amax(dim=1).min() > 63
    assert run.network.weight.grad.abs().sum(dim=1).min() > 0


@pytest.mark.parametrize(
    ("build", "options", "text"),
    [
        (
            lambda: layer(2, 8, 4),
            {"count": 4},
            "narrow_rows: count=4 of period=4 are all channels; give the layers",
        ),
        (
            lambda: quantizers.linear(8, 4, 4, per_channel=False),
            {},
            "narrow_rows: no layer has a scale for each channel and more than 2 bits; leave the method out",
        ),
    ],
)
def test_where_it_makes_no_sense(begin, build, options, text):
    with pytest.raises(LevadaError, match=re.escape(text)):
        narrow(begin, 2, build, **options)


def test_the_file_has_rows_of_small_integers(tmp_path):
    network, _, _ = digits(tmp_path, "w4a4", MethodSpec("narrow_rows", (("bits", 2), ("count", 6))))
    found = 0
    for weights in weights_of(network):
        integers, scale = weights.integers()
        if scale.numel() > 1:
            rows = torch.arange(len(integers)) % 8 >= 2
            assert integers[rows].abs().max() == 1
            assert integers[~rows].abs().max() > 3
            found += 1
    assert found == 4
    assert all(quantizer.bits == 4 for quantizer in quantizers_of(network))
