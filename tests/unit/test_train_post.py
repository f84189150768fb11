"""Methods that quantize a network after training, on cases small enough to try all answers."""

import numpy as np
import pytest
import torch
from torch import nn

from levada.errors import LevadaError
from levada.train.methods.attention_rounding import Attention, _Attentive
from levada.train.observe import channel_means, observe, unrounded
from levada.train.own import quantizers_of
from levada.train.quantizers import weights_of
from levada.train.recipe import MethodSpec
from levada.train.task import Batch
from tests.unit.exports import digits
from tests.unit.small_runs import Fixed, beginner, layer, numbers, quantizers


@pytest.fixture
def begin(monkeypatch, tmp_path):
    with torch.random.fork_rng(devices=[]):
        yield beginner(monkeypatch, tmp_path)


def finished(begin, build, data, **methods):
    """A run of no steps, ended by the methods; each works on all of `data`."""
    task = Fixed([Batch(x, None) for x in data])
    lines = []
    run = begin(build, task, {"full_precision": {}, **methods}, log=lines.append)
    run.finish()
    return run.network, lines


def small():
    """Three layers, the last with neither bias nor normalisation."""
    network = nn.Sequential(
        quantizers.signed(3, 0.5),
        quantizers.conv(2, 4, 3, 2),
        nn.BatchNorm2d(4),
        quantizers.relu(2),
        nn.Flatten(),
        quantizers.linear(4 * 9, 5, 3, bias=True),
        quantizers.relu(3),
        layer(4, 5),
    )
    network[2].running_mean.normal_()
    network[5].bias.data.normal_()
    return network


def before(bits, step):
    """A quantizer of activations, and a layer for the optimizer to have something."""
    return nn.Sequential(quantizers.signed(bits, step), layer(4, 1))


IMAGES = [numbers(20, 2, 5, 5, seed=seed) for seed in range(3)]


class TestCalibration:
    def squares(self, quantizer, values, scale):
        least, most = (int(bound) for bound in quantizer.bounds)
        whole = np.clip(np.rint(values / scale), least, most)
        return np.square(whole * scale - values).sum()

    def test_weights_get_the_scale_of_least_error_for_each_channel(self, begin):
        def build():
            network = layer(3, 40, 4)
            network.weight.data *= torch.tensor([[1.0], [3.0], [0.2], [1.0]])
            network.weight.data[3, 0] = 8.0  # far from all others of its channel
            return network

        before = quantizers_of(build())[0].scale
        network, _ = finished(begin, build, [numbers(4, 40)], calibration={})
        (quantizer,) = quantizers_of(network)
        after = quantizer.scale
        rows = network.weight.detach().numpy().astype(float)
        for row, old, new in zip(rows, before.flatten().tolist(), after.flatten().tolist(), strict=True):
            candidates = [old * 2.0**-k for k in range(-1, 5)]
            assert new == min(candidates, key=lambda scale: self.squares(quantizer, row, scale))
        assert len(set((after / before).flatten().tolist())) > 1

    def test_activations_get_the_scale_of_least_error_over_all_batches(self, begin):
        data = [0.1 * numbers(300, 1), 0.3 * numbers(300, 1, seed=2)]
        network, _ = finished(begin, lambda: before(4, 0.25), data, calibration={"batches": 2})
        (quantizer,) = quantizers_of(network[0])
        values = torch.cat(data).clamp(-7 / 4, 7 / 4).numpy().astype(float)
        candidates = [0.25 * 2.0**-k for k in range(-1, 5)]
        best = min(candidates, key=lambda scale: self.squares(quantizer, values, scale))
        assert quantizer.scale.item() == best != 0.25

    @pytest.mark.parametrize(("percentile", "expected"), [(100.0, 0.5), (99.0, 0.125), (90.0, 0.125)])
    def test_percentile(self, begin, percentile, expected):
        """Of 200 values one is 3.4, all others are up to 0.8: seven steps of 1/8 hold those."""
        x = torch.cat([torch.linspace(-0.8, 0.8, 199), torch.tensor([3.4])])[:, None]
        options = {"by": "percentile", "percentile": percentile}
        network, _ = finished(begin, lambda: before(4, 0.5), [x], calibration=options)
        assert quantizers_of(network[0])[0].scale.item() == expected

    def test_unknown_criterion(self, begin):
        with pytest.raises(LevadaError, match=r"calibration\.by is 'max'; write \"mse\" or \"percentile\"$"):
            begin(layer, Fixed([]), {"calibration": {"by": "max"}})


def means(network, data):
    """The mean of each channel that each layer and each normalisation gives."""
    modules = [network[index] for index in (1, 2, 5, 7)]
    found = dict.fromkeys(modules, 0)

    def see(module, _, output):
        found[module] = found[module] + channel_means(output) / len(data)

    observe(network, modules, data, see)
    return list(found.values())


class TestBiasCorrection:
    def test_channels_have_the_means_of_the_network_without_rounding(self, begin):
        plain, _ = finished(begin, small, IMAGES)
        with unrounded(plain):
            _, norm, linear, last = means(plain, IMAGES)
        _, norm_before, linear_before, _ = means(plain, IMAGES)
        assert (norm_before - norm).abs().max() > 0.02
        assert (linear_before - linear).abs().max() > 0.02
        network, lines = finished(begin, small, IMAGES, bias_correction={})
        _, norm_after, linear_after, last_after = means(network, IMAGES)
        torch.testing.assert_close(norm_after, norm, atol=1e-5, rtol=0)
        torch.testing.assert_close(linear_after, linear, atol=1e-5, rtol=0)
        assert (last_after - last).abs().max() > 1e-3
        assert lines == ["tfc-w2a2: bias_correction leaves 7, which has no bias"]

    def test_weights_stay(self, begin):
        (plain, _), (network, _) = (
            finished(begin, small, IMAGES, **m) for m in ({}, {"bias_correction": {}})
        )
        for one, other in zip(weights_of(plain), weights_of(network), strict=True):
            assert torch.equal(one.parameter, other.parameter)


def correlated(begin, bits, **methods):
    """A layer for 64 inputs that go together, finished with methods and without: what it is compared by.

    The network with methods; the weights of the other; these before they are rounded; the error of sums.
    """
    x = numbers(400, 8) @ numbers(8, 64, seed=2) + 0.3 * numbers(400, 64, seed=3)
    (plain, _), (network, _) = (finished(begin, lambda: layer(bits, 64, 4), [x], **m) for m in ({}, methods))
    (weights,) = weights_of(plain)
    scale, (least, most) = weights.integers()[1], weights.bounds()
    floats = plain.weight.detach().clamp(least * scale, most * scale)

    def error(values):
        return ((values - floats) @ x.T).square().mean().item()

    return network, weights, floats, error


class TestLearnedRounding:
    BITS = pytest.mark.parametrize("bits", [1, 2, 4])

    @BITS
    def test_sums_err_far_less_than_with_any_of_many_roundings(self, begin, bits):
        """For 64 inputs that go together; in the paper, too, the best of many is taken to compare."""
        network, plain, floats, error = correlated(begin, bits, learned_rounding={})
        integers, scale = plain.integers()
        least, most = plain.bounds()
        nearest = error(integers * scale)
        step = 2 if bits == 1 else 1
        below = -torch.ones_like(floats) if bits == 1 else (floats / scale).floor()
        part = (floats / scale - below) / step
        up = torch.rand(500, *part.shape, generator=torch.Generator().manual_seed(5)) < part
        best = min(error((below + step * choice).clamp(least, most) * scale) for choice in up)
        assert error(network.weight.detach()) < 0.25 * min(nearest, best)

    @BITS
    def test_each_weight_is_one_of_its_two_integers_at_the_old_scale(self, begin, bits):
        plain, _ = finished(begin, lambda: layer(bits), [numbers(50, 6)])
        network, _ = finished(
            begin, lambda: layer(bits), [numbers(50, 6)], learned_rounding={"iterations": 50}
        )
        (before,), (after,) = weights_of(plain), weights_of(network)
        integers, scale = after.integers()
        assert torch.equal(scale, before.integers()[1])
        assert torch.equal(integers * scale, network.weight)
        away = (integers - (before.parameter / scale).clamp(*before.bounds())).abs()
        assert away.max() < (1 if bits > 1 else 2.01)

    def test_a_later_layer_reads_what_earlier_ones_really_give(self, begin):
        """Two layers in a row: the second makes up for a part of the first one's error."""
        x = numbers(400, 8) @ numbers(8, 32, seed=2) + 0.3 * numbers(400, 32, seed=3)

        def build():
            return nn.Sequential(layer(2, 32, 16), layer(3, 16, 4))

        plain, _ = finished(begin, build, [x])
        network, _ = finished(begin, build, [x], learned_rounding={})
        with unrounded(plain), torch.no_grad():
            wanted = plain(x)
        with torch.no_grad():
            together = (network(x) - wanted).square().mean()
            nearest = (plain(x) - wanted).square().mean()
            second_alone = (plain[1](network[0](x)) - wanted).square().mean()
        assert together < 0.25 * nearest
        assert together < second_alone


class TestAttentionRounding:
    BITS = pytest.mark.parametrize("bits", [1, 2, 4])

    def test_the_nearer_an_integer_the_likelier_it_is_at_first(self):
        """A weight of 1.3 steps: the normal distribution's mass around each integer."""
        wide = layer(4, 100_000, 1)
        scale = weights_of(wide)[0].integers()[1]
        wide.weight.data.fill_(1.3 * float(scale))
        wide.weight.data[0, 0] = 7 * float(scale)  # the scale stays
        for deviation in (0.5, 1.0):
            torch.manual_seed(4)
            drawn = Attention(weights_of(wide)[0], deviation)
            found = (drawn.values() / drawn.scale).detach()[0, 1:]
            normal = torch.distributions.Normal(1.3, deviation)
            for whole in range(-1, 5):
                wanted = float(normal.cdf(torch.tensor(whole + 0.5)) - normal.cdf(torch.tensor(whole - 0.5)))
                standard = (wanted * (1 - wanted) / len(found)) ** 0.5
                assert abs(float((found == whole).float().mean()) - wanted) < 4 * standard + 1e-6

    def test_gradients_attend_to_offsets_near_0(self):
        offsets = torch.tensor([-1.0, 0.0, 1.0, -1.0, 0.0, 1.0], requires_grad=True)
        pull = torch.tensor([2.0, 2.0, 2.0, -2.0, -2.0, -2.0])
        (_Attentive.apply(torch.zeros(6), offsets, 0.5) * pull).sum().backward()
        far, near = 0.0227501, 0.9772499  # the normal distribution at -2 and 2
        wanted = [2 * far, 1.0, 2 * near, -2 * near, -1.0, -2 * far]
        assert offsets.grad.tolist() == pytest.approx(wanted, rel=1e-4)

    @BITS
    def test_sums_err_far_less_than_with_any_of_many_roundings(self, begin, bits):
        network, plain, floats, error = correlated(begin, bits, attention_rounding={})
        integers, scale = plain.integers()
        least, most = plain.bounds()
        step = 2 if bits == 1 else 1
        random = torch.Generator().manual_seed(5)
        steps = (floats / scale - least) / step
        drawn = (steps + torch.randn(500, *steps.shape, generator=random) / 2).round()
        best = min(error((least + step * choice).clamp(least, most) * scale) for choice in drawn)
        assert error(network.weight.detach()) < 0.5 * min(error(integers * scale), best)
        after, kept = weights_of(network)[0].integers()
        assert torch.equal(kept, scale)
        assert torch.equal(after * kept, network.weight)

    def test_a_layer_is_never_worse_than_rounded_to_the_nearest(self, begin):
        x = numbers(50, 6)
        plain, _ = finished(begin, layer, [x])
        options = {"iterations": 1, "deviation": 3.0}
        network, _ = finished(begin, layer, [x], attention_rounding=options)
        integers, scale = weights_of(plain)[0].integers()
        assert torch.equal(network.weight, integers * scale)


def test_all_of_them_after_each_other_reach_the_hardware(tmp_path):
    """Torch, the file, the integers and the layers agree."""
    rounding = MethodSpec("learned_rounding", (("iterations", 100),))
    names = ("full_precision", "calibration", "bias_correction")
    first, second, last = (MethodSpec(name) for name in names)
    network, _, _ = digits(tmp_path, "w2a2", first, second, rounding, last)
    for weights in weights_of(network):
        integers, scale = weights.integers()
        assert torch.equal(integers * scale, weights.parameter)
