"""Widths that are learned in a training: expected costs, quantizers side by side, distributions."""

from __future__ import annotations

import dataclasses
import importlib
import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from levada.layer import Device
from levada.precision import Precision
from levada.search.banks import Bank, install
from levada.search.expected import Expected
from levada.search.goal import Goal
from levada.search.hardware import Cost
from levada.search.joint import Layer
from levada.search.modules import quantizers_of
from levada.search.relaxed import Plan, candidate_of, likeliest, predicted_share
from levada.search.rungs import Rung, rungs
from levada.search.settle import Settling
from levada.search.space import Candidate, Knob, Space
from levada.search.strategies import bitlevel, stochastic
from levada.search.subject import Subject
from levada.train import Machine, Recipe, loop
from levada.train import run as runs
from levada.train.run import Job, Run
from levada.train.task import Batch, Task
from tests.require_tools import require

quantizers = importlib.import_module("levada.models.blocks.quantizers")
BITS = (2, 4, 8)
DEVICE = Device("xc7", lut=100, ff=1000, dsp=10, bram18=10)
OWN = Candidate((("one", Precision(4, 4)), ("two", Precision(4))))
KNOBS = (
    Knob("weight", ("one",), BITS),
    Knob("activation", ("one",), BITS),
    Knob("weight", ("two",), BITS),
)
SPACE = Space("small", OWN, KNOBS)


class Small(Subject):
    """A network of two layers whose hardware is given as tables."""

    def __init__(self):
        super().__init__(SimpleNamespace(name="small", variant=""), None, SPACE, (0, 0, 1))

    def network(self, candidate):
        first, act, last = (candidate.bits(knob) for knob in KNOBS)
        return nn.Sequential(
            quantizers.linear(6, 16, first),
            nn.BatchNorm1d(16),
            quantizers.relu(act),
            quantizers.linear(16, 3, last),
            nn.BatchNorm1d(3),
        )


def layers():
    """LUTs of a product grow with both widths; in slices, it needs one for each started 4 bits."""
    found = []
    for knobs in ((0, 1), (1, 2)):
        offers = {}
        for bits in itertools.product(BITS, BITS):
            in_luts = [10, bits[0] * bits[1], 10, 0, 0]
            in_slices = [10, 2, 10, -(-bits[0] // 4), 1]
            slow = [40, bits[0] * bits[1] // 4, 10, 0, 0]
            rows = np.array([in_luts, in_slices, slow], np.int64)
            offers[bits] = rows[:, 0], rows[:, 1:]
        found.append(Layer(knobs, offers))
    return found


def expected(device=DEVICE):
    return Expected(layers(), SPACE, device)


def drawn(seed):
    random = torch.Generator().manual_seed(seed)
    return [torch.rand(len(knob.bits), generator=random).softmax(dim=0) for knob in KNOBS]


def certain(*bits):
    return [nn.functional.one_hot(torch.tensor(BITS.index(b)), len(BITS)).float() for b in bits]


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
        network = Small().network(Small().widest)
        assert quantizers_of(network, Small()) == (("0.weight_quant",), ("2.act_quant",), ("3.weight_quant",))

    @pytest.mark.parametrize("place", range(3))
    def test_a_network_gives_what_that_of_the_width_gives(self, place):
        """But for scales, which batch normalisation takes up."""
        torch.manual_seed(1)
        subject, x = Small(), torch.randn(32, 6)
        network = subject.network(subject.widest)
        other = subject.network(candidate_of(subject, (place, place, place)))
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


@dataclasses.dataclass
class Fitted(Task):
    """What a matrix gives, normalised, to be met exactly: every bit helps."""

    count: int = 20
    penalty: float = 1.0

    @property
    def steps(self):
        return self.count

    def digest(self):
        return f"fitted {self.count}"

    def batches(self, random):
        matrix = torch.from_numpy(np.random.default_rng(5).normal(size=(6, 3)).astype(np.float32))
        for _ in range(self.count):
            x = torch.from_numpy(random.normal(size=(64, 6)).astype(np.float32))
            y = (x @ matrix).clamp(min=-1)
            yield Batch(x, (y - y.mean(dim=0)) / y.std(dim=0))

    def loss(self, outputs, targets):
        return self.penalty * nn.functional.mse_loss(outputs, targets)

    def judge(self, network, file, log):
        return None


METHODS = {
    "stochastic": lambda plan: stochastic.Drawing(plan, 1.0),
    "bitlevel": lambda plan: bitlevel.Gates(plan, 20.0),
}
REACH = {"stochastic": 12.0, "bitlevel": 4.0}


def table_share(device):
    """The true share: that of the table for the candidate itself, and what converters take beside it."""

    def share_at(candidate, interval):
        one = certain(*(candidate.bits(knob) for knob in KNOBS))
        return 1.1 * float(expected(device).tables(interval, one).shares(one).max())

    return share_at


def plan(name, rungs, device=DEVICE):
    return Plan(Small(), expected(device), rungs, table_share(device), REACH[name], 0.1)


@pytest.fixture
def job(monkeypatch, tmp_path):
    """A job that learns the widths of the small network, and its method."""
    require("lightning_fabric")
    family = SimpleNamespace(constrain=lambda network: None)
    monkeypatch.setattr(runs, "family_of", lambda model: family)

    def made(name, rungs, epochs=3, folder="run", log=lambda line: None, task=None, device=DEVICE):
        method = METHODS[name](plan(name, rungs, device))
        subject = Small()
        given = Job(
            subject.model,
            Recipe(1, epochs, 64, 0.02),
            task or Fitted(),
            tmp_path / folder,
            log,
            make=lambda: subject.network(subject.widest),
            extra=((name, lambda: method),),
        )
        return given, method

    return made


@pytest.mark.parametrize("name", METHODS)
class TestRelaxed:
    def test_a_budget_for_the_narrowest_makes_all_narrow(self, job, name):
        device = dataclasses.replace(DEVICE, lut=9, dsp=0)
        given, method = job(name, (Rung(10, 1.0),), epochs=5, device=device)
        loop.fit(given)
        (record,) = method.records
        assert likeliest(record.probabilities) == [0, 0, 0]
        assert all(own[0] > 0.9 for own in record.probabilities)
        assert record.multiplier > 0.5

    def test_a_budget_that_binds_nobody_leaves_it_to_the_loss(self, job, name):
        device = Device("xc7", 100_000, 100_000, 10_000, 10_000)
        given, method = job(name, (Rung(10, 1.0),), epochs=10, device=device)
        loop.fit(given)
        (record,) = method.records
        assert all(place > 0 for place in likeliest(record.probabilities))
        assert all(own[0] < 0.1 for own in record.probabilities)
        assert record.multiplier < 0.01

    def test_the_expected_cost_meets_each_rung(self, job, name):
        device = dataclasses.replace(DEVICE, dsp=0, bram18=0)
        rungs = tuple(Rung(10, share) for share in (1.0, 0.6, 0.3))
        given, method = job(name, rungs, epochs=24, device=device)
        loop.fit(given)
        taken = [record.expected for record in method.records]
        assert all(t <= 1.2 * rung.share for t, rung in zip(taken, rungs, strict=True))
        assert taken == sorted(taken, reverse=True)
        assert taken[0] > 0.6  # and no less than the loss wants

    def test_an_interrupted_training_ends_alike(self, job, name):
        def stopping(line):
            if "epoch 2 of" in line:
                raise KeyboardInterrupt

        rungs = (Rung(10, 1.0), Rung(10, 0.5), Rung(10, 0.3))
        whole, method = job(name, rungs, folder="whole")
        network = loop.fit(whole)
        cut, _ = job(name, rungs, folder="cut", log=stopping)
        with pytest.raises(KeyboardInterrupt):
            loop.fit(cut)
        again, resumed = job(name, rungs, folder="cut")
        other = loop.fit(again)
        assert len(method.records) == 3
        assert resumed.records == method.records
        assert all(torch.equal(other.state_dict()[key], t) for key, t in network.state_dict().items())
        finished, read = job(name, rungs, folder="whole")
        loop.fit(finished)
        assert read.records == method.records

    def test_more_rungs_than_steps_all_end(self, job, name):
        rungs = tuple(Rung(10, share) for share in np.linspace(1.0, 0.3, 12))
        given, method = job(name, rungs, epochs=1, task=Fitted(5))
        loop.fit(given)
        assert len(method.records) == 12

    def test_the_network_is_left_as_it_was(self, job, name):
        given, method = job(name, (Rung(10, 1.0),), epochs=1, task=Fitted(3))
        run = Run(Machine().fabric(), given)
        keys, x = set(run.network.state_dict()), torch.randn(64, 6)
        run.one_epoch(None)
        run.finish()
        network = run.network.train()
        assert torch.equal(network(x), network(x))
        assert set(network.state_dict()) == keys
        assert all(0 <= p <= 1 for own in method.records[0].probabilities for p in own)


def test_the_gradient_of_a_drawn_width_is_that_of_the_mixture(job):
    """A sum of all values times their weights has the same gradients where one weight is 1."""
    given, method = job("stochastic", (Rung(10, 1.0),))
    run = Run(Machine().fabric(), given)
    bank = Bank(0, "weight", [quantizers.linear(6, 16, b).weight_quant for b in BITS])
    method._draw(run.network.train(), ())
    weights, drawn_one = method._drawn[0]
    x, factors = torch.randn(16, 6).requires_grad_(), torch.randn(16, 6)
    (method.mixed(bank, x) * factors).sum().backward(retain_graph=True)
    found, moved = method.learned[0].grad.clone(), x.grad.clone()
    values = [bank.value(index, x) for index in range(3)]
    scores = torch.stack([(value * factors).sum() for value in values]).detach()
    (expected_gradient,) = torch.autograd.grad((weights * scores).sum(), method.learned[0])
    torch.testing.assert_close(found, expected_gradient)
    (plain,) = torch.autograd.grad((values[drawn_one] * factors).sum(), x)
    torch.testing.assert_close(moved, plain)


def test_each_pass_draws(job):
    given, _ = job("stochastic", (Rung(10, 1.0),))
    run, x = Run(Machine().fabric(), given), torch.randn(64, 6)
    network = run.network.train()
    assert len({float(network(x).abs().max()) for _ in range(30)}) > 5
    network.eval()
    assert torch.equal(network(x), network(x))


def test_draws_are_as_likely_as_they_should_be(job):
    given, method = job("stochastic", (Rung(10, 1.0),))
    run = Run(Machine().fabric(), given)
    with torch.no_grad():
        method.learned[0].copy_(torch.tensor([0.5, 0.3, 0.2]).log())
    counts = np.zeros(3)
    for _ in range(4000):
        method._draw(run.network.train(), ())
        counts[method._drawn[0][1]] += 1
    np.testing.assert_allclose(counts / 4000, [0.5, 0.3, 0.2], atol=0.03)


def test_gates_say_where_a_width_ends():
    gates = torch.tensor([0.9, 0.5, 0.2])
    torch.testing.assert_close(bitlevel.ends(gates), torch.tensor([0.1, 0.45, 0.36, 0.09]))
    closed = torch.tensor([1.0, 0.0, 1.0])  # the plane behind a closed gate does not count
    assert bitlevel.ends(closed).tolist() == [0.0, 1.0, 0.0, 0.0]


class TestRungs:
    def search(self, narrow, wide, fps):
        """What it sees of a search: the costs of the narrowest and of the widest, and a goal."""
        costs = [Cost(cycles, 1e8 / cycles, lut, 0, 0, 0, lut <= 100, 0.0) for cycles, lut in (narrow, wide)]
        goal = Goal(None, DEVICE, 100.0, fps)
        return SimpleNamespace(goal=goal, subject=Small(), costs=lambda _: costs)

    def test_shares_where_a_rate_is_given(self):
        found = rungs(self.search((9, 10), (9, 70), 1e7), 4)
        assert [round(rung.share, 9) for rung in found] == [0.7, 0.5, 0.3, 0.1]
        assert {rung.interval for rung in found} == {10}
        found = rungs(self.search((9, 10), (9, 101), 1e7), 4)
        assert [round(rung.share, 9) for rung in found] == [1.0, 0.7, 0.4, 0.1]

    def test_rates_where_none_is(self):
        assert [rung.interval for rung in rungs(self.search((10, 9), (1000, 99), None), 3)] == [1000, 100, 10]
        found = rungs(self.search((10, 9), (10, 99), None), 2)
        assert found == [Rung(20, 1.0), Rung(10, 1.0)]


class TestSettling:
    def settled(self, probabilities, share, device=DEVICE):
        rung = Rung(10, share)
        return Settling(Small(), expected(device), table_share(device), rung, probabilities).candidate()

    def test_what_fits_is_raised_until_it_just_does(self):
        device = dataclasses.replace(DEVICE, dsp=0, bram18=0)
        narrow = [[0.8, 0.15, 0.05]] * 3
        share_at = table_share(device)
        found = self.settled(narrow, 0.8, device)
        assert share_at(found, 10) <= 0.8
        for knob in KNOBS:
            for bits in (b for b in BITS if b > found.bits(knob)):
                assert share_at(found.turned(knob, bits), 10) > 0.8

    def test_what_does_not_fit_loses_what_is_wanted_least(self):
        device = dataclasses.replace(DEVICE, dsp=0, bram18=0)
        wanted = [[0.01, 0.01, 0.98], [0.01, 0.01, 0.98], [0.1, 0.4, 0.5]]
        found = self.settled(wanted, 1.2, device)
        assert [found.bits(knob) for knob in KNOBS] == [8, 8, 4]

    def test_what_never_fits_is_none(self):
        assert self.settled([[0.1, 0.4, 0.5]] * 3, 0.001) is None
