"""Sensitivities from curvature and from gradients, on networks small enough to know them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from levada.errors import LevadaError
from levada.search import sensitivities, strategies
from levada.search.banks import Bank, banks_of
from levada.search.probes import probed
from levada.search.sensitivities import gradient, hessian
from tests.unit.relaxations import BITS, Small, quantizers
from tests.unit.small_runs import numbers

VECTORS = 400
MEASURES = {
    "hessian": lambda loss, probes: hessian.omegas(20, loss, probes),
    "gradient": gradient.omegas,
}
both = pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES.keys())


def banks(make, **what):
    """Banks for the quantizers `name` of the networks that `make` builds for each width."""
    networks = [make(bits) for bits in BITS]
    return {
        name: Bank(knob, kind, [network.get_submodule(name) for network in networks])
        for knob, (name, kind) in enumerate(what.items())
    }


def asked(network, banks, x, targets, measure):
    """What a measure says of each knob."""
    with probed(network.eval(), banks) as probes:
        found = measure(nn.functional.mse_loss(network(x), targets), probes)
        return {probe.bank.knob: own for probe, own in zip(probes, found, strict=True)}


class Line(nn.Module):
    """A quantizer of activations, and a matrix product."""

    def __init__(self, bits, inputs=5, outputs=3):
        super().__init__()
        torch.manual_seed(1)
        self.act = quantizers.relu(bits)
        self.product = quantizers.linear(inputs, outputs, bits)

    def forward(self, x):
        return self.product(self.act(x))


ACT = {"act.act_quant": "activation"}
LINE = {**ACT, "product.weight_quant": "weight"}


@pytest.fixture(autouse=True)
def _own_chance():
    with torch.random.fork_rng(devices=[]):
        yield


class TestTraces:
    def test_a_quadratic_form_within_the_standard_error(self):
        """Of 1/2 x'Ax + 1/2 y'By + x'Cy the blocks have tr A and tr B; C only adds to the variance."""
        random = np.random.default_rng(2)
        squares = [random.normal(size=(n, n)) for n in (6, 9)]
        a, b = (torch.from_numpy(m @ m.T) for m in squares)
        c = torch.from_numpy(random.normal(size=(6, 9)))
        x, y = (torch.zeros(n, dtype=torch.float64, requires_grad=True) for n in (6, 9))
        loss = x @ a @ x / 2 + y @ b @ y / 2 + x @ c @ y
        torch.manual_seed(3)
        found = hessian.traces(loss, [x, y], VECTORS)
        for estimate, block in zip(found, (a, b), strict=True):
            off = block - block.diag().diag()
            deviation = ((2 * off.square().sum() + c.square().sum()) / VECTORS).sqrt()
            assert abs(estimate - block.trace()) < 3 * deviation
            assert deviation < 0.1 * block.trace()
        assert found != hessian.traces(loss, [x, y], VECTORS)
        torch.manual_seed(3)
        assert found == hessian.traces(loss, [x, y], VECTORS)

    def test_a_diagonal_hessian_is_exact_with_one_vector(self):
        x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
        assert hessian.traces((x**3).sum(), [x], 1) == [pytest.approx(36.0)]

    def test_a_loss_without_curvature(self):
        x, y = (torch.ones(3, requires_grad=True) for _ in range(2))
        assert hessian.traces(2 * x.sum(), [x, y], 2) == [0.0, 0.0]

    def test_a_linear_network(self):
        """Mean square of W a: 2 mean |a|**2 with regard to W [3, 5]; 2/3 |W|**2 to all activations."""
        network, x, targets = Line(8), numbers(10, 5), numbers(10, 3, seed=2)
        torch.manual_seed(3)
        with probed(network.eval(), banks(Line, **LINE)) as probes:
            loss = nn.functional.mse_loss(network(x), targets)
            found = hessian.traces(loss, [probe.zero for probe in probes], VECTORS)
        act, weights = network.act(x).detach(), network.product.quant_weight().value.detach()
        wanted = 2 / 3 * weights.square().sum(), 2 * act.square().sum(dim=1).mean()

        def plain(both):
            moved, other = both[:50].reshape(10, 5), both[50:].reshape(3, 5)
            return nn.functional.mse_loss((act + moved) @ (weights + other).T, targets)

        whole = torch.autograd.functional.hessian(plain, torch.zeros(65)) / VECTORS**0.5
        cross = whole[:50, 50:].square().sum()
        for estimate, trace, block in zip(found, wanted, (whole[:50, :50], whole[50:, 50:]), strict=True):
            deviation = (2 * (block - block.diag().diag()).square().sum() + cross).sqrt()
            assert abs(estimate - trace) < 3 * deviation
            assert deviation < 0.2 * trace


class TestHessian:
    def test_omega_is_half_the_mean_trace_times_the_squared_error(self):
        network, x, targets = Line(8), numbers(40, 5), numbers(40, 3, seed=2)
        torch.manual_seed(3)
        found = asked(network, banks(Line, **LINE), x, targets, MEASURES["hessian"])
        torch.manual_seed(3)
        with probed(network, banks(Line, **LINE)) as probes:
            loss = nn.functional.mse_loss(network(x), targets)
            traces = hessian.traces(loss, [probe.zero for probe in probes], 20)
        narrow, wide = (Line(bits).act(x) for bits in (4, 8))
        error = float((narrow - wide).square().sum())
        assert found[0][BITS.index(4)] == pytest.approx(traces[0] / x.numel() / 2 * error, rel=1e-4)

    def test_it_is_the_rise_of_a_quadratic_loss_for_errors_in_all_directions(self):
        """One output, one input, the optimum: the second term of Taylor's series is all there is.

        Without the weights, the Hessian is diagonal.
        """

        def make(bits):
            return Line(bits, 1, 1)

        network, x = make(8), torch.linspace(0.1, 3.0, 30)[:, None]
        targets = network.eval()(x).detach()
        found = asked(network, banks(make, **ACT), x, targets, MEASURES["hessian"])
        for place, bits in enumerate(BITS[:-1]):
            other = make(bits)
            network.act, act = other.act, network.act
            rise = nn.functional.mse_loss(network.eval()(x), targets)
            network.act = act
            assert found[0][place] == pytest.approx(float(rise.detach()), rel=1e-3)


class TestGradient:
    def test_digits_of_one_weight(self):
        """Loss (w a - t)**2: dL/dw = 2 a (w a - t); a width of 4 leaves out the digits 0 to 3 of 8."""

        def make(bits):
            return Line(bits, 1, 1)

        network, x, target = make(8), torch.tensor([[1.5]]), torch.tensor([[4.0]])
        found = asked(network, banks(make, **LINE), x, target, MEASURES["gradient"])
        weight = network.product.quant_weight()
        slope = 2 * 1.5 * (1.5 * float(weight.value.detach()) - 4)
        digits = [abs(2**i * float(weight.scale.detach()) * slope) for i in range(8)]
        assert found[1] == pytest.approx([sum(digits[:6]), sum(digits[:4]), 0.0])
        slope = 2 * float(weight.value.detach()) * (1.5 * float(weight.value.detach()) - 4)
        assert found[0][1] == pytest.approx(sum(2**i * 2**-6 * abs(slope) for i in range(4)))

    def test_neither_the_size_of_a_batch_nor_that_of_a_layer_counts(self):
        x, targets = numbers(20, 5), numbers(20, 3, seed=2)
        one = asked(Line(8), banks(Line, **LINE), x, targets, MEASURES["gradient"])
        twice = asked(
            Line(8), banks(Line, **LINE), x.repeat(2, 1), targets.repeat(2, 1), MEASURES["gradient"]
        )
        for own, other in zip(one.values(), twice.values(), strict=True):
            assert own == pytest.approx(other, rel=1e-5)


class Branches(nn.Module):
    """Two branches of which only one counts."""

    def __init__(self, bits):
        super().__init__()
        self.counts, self.drops = Line(bits), Line(bits)

    def forward(self, x):
        self.drops(x)
        return self.counts(x)


@both
def test_what_the_output_does_not_depend_on_costs_nothing(measure):
    what = {f"{branch}.{name}": kind for branch in ("counts", "drops") for name, kind in LINE.items()}
    found = asked(Branches(8), banks(Branches, **what), numbers(20, 5), numbers(20, 3, seed=2), measure)
    assert all(own[0] > 0 for own in (found[0], found[1]))
    assert found[2] == found[3] == [0.0] * len(BITS)


@both
def test_fewer_bits_cost_more_and_the_widest_nothing(measure):
    """Of a network with normalisations, whose knobs the search knows; weights of two bits have scale 1."""
    torch.manual_seed(1)
    subject = Small()
    network = subject.network(subject.widest)
    network(numbers(200, 6))
    found = asked(network, banks_of(subject), numbers(50, 6), numbers(50, 3, seed=2), measure)
    assert sorted(found) == [0, 1, 2]
    for own in found.values():
        assert own[-1] == 0.0
        assert all(narrow > wide for narrow, wide in itertools.pairwise(own))


def test_a_quantizer_that_is_called_twice_counts_twice():
    class Twice(Line):
        def forward(self, x):
            return super().forward(super().forward(x))

    def make(bits):
        return Twice(bits, 4, 4)

    network = make(8)
    with probed(network.eval(), banks(make, **LINE)) as probes:
        network(numbers(10, 4))
        assert [probe.bank.knob for probe in probes] == [0, 1, 0, 1]


def test_the_network_is_left_as_it_was():
    network, x = Line(8).eval(), numbers(10, 5)
    before = network(x)
    with probed(network, banks(Line, **LINE)) as probes:
        assert torch.equal(network(x), before)
    probes.clear()
    network(x)
    assert not probes


def test_sources_are_chosen_by_name():
    assert sensitivities.names() == ["gradient", "hessian", "measured"]
    made = strategies.create("integer", {"sensitivity": "hessian", "batches": "3"})
    assert made._source == hessian.Hessian(batches=3, vectors=50)
    with pytest.raises(LevadaError) as error:
        strategies.create("integer", {"sensitivity": "guess"})
    assert str(error.value) == "--set sensitivity=guess: is unknown; known: gradient, hessian, measured"
