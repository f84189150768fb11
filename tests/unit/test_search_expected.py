"""What distributions of widths are expected to cost, and the quantizers of all widths side by side."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
import torch
from torch import nn

from levada.search.banks import Bank, install
from levada.search.quantizers import quantizers_of
from levada.search.relaxed import predicted_share
from tests.unit.relaxations import BITS, DEVICE, Small, certain, drawn, expected, quantizers


class TestExpected:
    @pytest.mark.parametrize("seed", range(3))
    def test_is_the_mean_of_all_candidates(self, seed):
        given = drawn(seed)
        tables = expected().tables(10, given)
        mean = torch.zeros(4)
        for places in itertools.product(range(3), repeat=3):
            one = [nn.functional.one_hot(torch.tensor(place), 3).float() for place in places]
            mean += torch.stack([p[i] for p, i in zip(given, places, strict=True)]).prod() * tables.shares(
                one
            )
        torch.testing.assert_close(tables.shares(given), mean)

    @pytest.mark.parametrize("seed", range(3))
    def test_gradients_are_those_of_finite_differences(self, seed):
        given = [p.double().requires_grad_() for p in drawn(seed)]
        tables = expected().tables(10, [p.detach().float() for p in given])
        double = dataclasses.replace(
            tables, layers=tuple(dataclasses.replace(t, shares=t.shares.double()) for t in tables.layers)
        )
        assert torch.autograd.gradcheck(lambda *p: double.share([q.softmax(dim=0) for q in p]), tuple(given))

    @pytest.mark.parametrize(("lut", "dsp"), [(100, 10), (40, 10), (100, 1), (1000, 3), (10, 100)])
    def test_foldings_balance_resources_as_a_linear_program_does(self, lut, dsp):
        """All in LUTs takes 128 of them, all in slices 4 and 4 slices; with the part x in slices

            max((128 - 124 x) / lut, 4 x / dsp)

        which is least where both are equal, or at x = 1.
        """
        device = dataclasses.replace(DEVICE, lut=lut, dsp=dsp)
        given = certain(8, 8, 8)
        shares = expected(device).tables(10, given).shares(given)
        x = min(1.0, 128 / lut / (124 / lut + 4 / dsp))
        best = max((128 - 124 * x) / lut, 4 * x / dsp)
        assert best * 0.999 <= float(shares.max()) <= 1.06 * best

    def test_slow_foldings_are_for_long_intervals(self):
        device = dataclasses.replace(DEVICE, dsp=0, bram18=0)
        given = certain(4, 4, 4)
        quick, slow, faster = (float(expected(device).tables(i, given).shares(given)[0]) for i in (10, 40, 5))
        assert quick == pytest.approx(2 * 16 / 100)
        assert slow == pytest.approx(2 * 4 / 100)
        assert faster == pytest.approx(2 * quick)  # two side by side

    @pytest.mark.parametrize("bits", list(itertools.product(BITS, repeat=3))[::5])
    def test_the_smooth_maximum_is_near_the_maximum(self, bits):
        tables = expected().tables(10, certain(*bits))
        most = float(tables.shares(certain(*bits)).max())
        assert most <= float(tables.share(certain(*bits))) <= 1.1 * most
        places = [BITS.index(b) for b in bits]
        assert predicted_share(tables, Small(), places) == pytest.approx(float(tables.share(certain(*bits))))


class TestBanks:
    def test_each_knob_has_its_quantizers(self):
        assert quantizers_of(Small()) == (("0.weight_quant",), ("2.act_quant",), ("3.weight_quant",))

    @pytest.mark.parametrize("place", range(3))
    def test_a_network_gives_what_that_of_the_width_gives(self, place):
        """But for scales, which batch normalisation takes up."""
        torch.manual_seed(1)
        subject, x = Small(), torch.randn(32, 6)
        network = subject.network(subject.widest)
        other = subject.network(subject.space.at_places((place, place, place)))
        for index in (0, 3):
            weights = network[index].weight.detach()
            stretched = weights / (2 * 0.7 * weights.abs().mean())
            other[index].weight.data = stretched.clamp(-1, 1) if BITS[place] == 2 else weights
        handles = install(network, subject, lambda bank, x: bank.value(place, x))
        torch.testing.assert_close(network(x), other(x), rtol=1e-3, atol=1e-3)
        evaluated = network.eval()(x)
        handles.remove()
        assert torch.equal(network(x), evaluated)

    def test_weights_of_all_widths_are_about_the_same_size(self):
        torch.manual_seed(2)
        weights = 0.1 * torch.randn(16, 6)
        for bits in (1, *BITS):
            bank = Bank(0, "weight", [quantizers.linear(6, 16, b).weight_quant for b in (bits, 8)])
            value = bank.value(0, weights)
            assert torch.unique(value).numel() > 1
            error = (value - weights).norm() / weights.norm()
            assert error < {1: 0.7, 2: 0.55, 4: 0.25, 8: 0.2}[bits]

    def test_gradients_pass_straight_through_stretched_weights(self):
        bank = Bank(0, "weight", [quantizers.linear(6, 16, b).weight_quant for b in (2, 8)])
        weights = (0.1 * torch.randn(16, 6)).requires_grad_()
        bank.value(0, weights).sum().backward()
        assert torch.unique(weights.grad).numel() == 1
        assert 0.5 < weights.grad[0, 0] < 2

    def test_alone_they_keep_their_scale(self):
        bank = Bank(0, "weight", [quantizers.linear(6, 16, b).weight_quant for b in (1, 2)])
        assert set(bank.value(1, torch.randn(16, 6)).unique().tolist()) == {-1.0, 0.0, 1.0}
