"""Widths that are learned in a training: distributions, ladders, candidates that come of them."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from levada.layer import Device
from levada.search.banks import Bank
from levada.search.goal import Goal
from levada.search.hardware import Cost
from levada.search.relaxed import Plan, likeliest
from levada.search.rungs import Rung, rungs
from levada.search.settle import Settling
from levada.search.strategies import bitlevel, stochastic
from levada.train import Machine, Recipe, loop
from levada.train import run as runs
from levada.train.run import Job, Run
from levada.train.task import Batch, Task
from tests.require_tools import require
from tests.unit.relaxations import BITS, DEVICE, KNOBS, Small, expected, quantizers, table_share


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
    assert len({network(x).abs().max().item() for _ in range(30)}) > 5
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
            for bits in (b for b in BITS if b > found.value(knob)):
                assert share_at(found.turned(knob, bits), 10) > 0.8

    def test_the_loosest_rung_is_for_the_widest_candidate(self):
        """What converters take beside the layers hardly grows with the widths."""
        device = dataclasses.replace(DEVICE, dsp=0, bram18=0)
        layers_alone = table_share(device)

        def share_at(candidate, interval):
            return 0.5 + layers_alone(candidate, interval)

        rung = Rung(10, share_at(Small().widest, 10))
        narrow = [[0.8, 0.15, 0.05]] * 3
        assert Settling(Small(), expected(device), share_at, rung, narrow).candidate() == Small().widest

    def test_what_does_not_fit_loses_what_is_wanted_least(self):
        device = dataclasses.replace(DEVICE, dsp=0, bram18=0)
        wanted = [[0.01, 0.01, 0.98], [0.01, 0.01, 0.98], [0.1, 0.4, 0.5]]
        found = self.settled(wanted, 1.2, device)
        assert [found.value(knob) for knob in KNOBS] == [8, 8, 4]

    def test_what_never_fits_is_none(self):
        assert self.settled([[0.1, 0.4, 0.5]] * 3, 0.001) is None
