"""A supernet computes what the family's own networks compute, and learns the same with and without a kill."""

from __future__ import annotations

import importlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from levada import models
from levada.errors import LevadaError
from levada.precision import Precision
from levada.search import subnets, supernet, work
from levada.search.clock import Deadline, TimeUpError
from levada.search.space import Candidate, Dim, Knob, Space
from levada.search.subject import Subject, idle
from levada.search.work import Work
from levada.train import Recipe
from levada.train.run import read
from levada.train.statistics import reestimate
from levada.train.task import Widths, wide_family_of
from tests.require_tools import require
from tests.unit import trainings

digits = importlib.import_module("levada.models.digits.digits")


def subject_of(name, weights=(1, 2, 3, 8), activations=(2, 3, 8), shape=()) -> Subject:
    """A subject whose sites are the widths of the network, one each; of no hardware."""
    model = models.find(name)
    dims = tuple(Dim(*pair) for pair in shape)
    largest = tuple((dim.name, dim.values[-1]) for dim in dims)
    own = wide_family_of(model).widths_of(model.variant, largest)
    choices, knobs, places = [], [], []
    for what, widths, bits in (
        ("weight", own.weights, weights),
        ("activation", own.activations, activations),
    ):
        for place, width in enumerate(widths):
            choices.append((f"{what}_{place}", Precision(**{what: width})))
            knobs.append(Knob(what, (f"{what}_{place}",), bits))
            places.append(place)
    space = Space(name, Candidate(tuple(choices), largest), tuple(knobs), dims=dims)
    subject = Subject(model, None, space, tuple(places))
    return replace(subject, space=replace(space, idle=idle(subject)))


def inputs_of(subject, count=24):
    family = wide_family_of(subject.model)
    frames = family.frames(subject.model.variant, count, seed=3)
    return torch.from_numpy(frames.astype(np.float32) / subject.model.divisor)


def built(subject, seed=1):
    """A supernet whose parameters are all random, so that no two of them may be taken for each other."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = supernet.build(subject)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.weight.data.uniform_(0.5, 1.5)
                module.bias.data.normal_(0, 0.25)
                module.eps = 1e-30
            elif isinstance(module, supernet.Quantizers):
                for factors in module.factors.values():
                    factors.data.uniform_(0.5, 1.5)
    return network


def alone(subject, network, candidate):
    """The family's own network of a candidate, with the parameters that a supernet has for it."""
    found = subject.network(candidate)
    parameters = dict(found.named_parameters())
    for path, parameter in parameters.items():
        parent, _, name = path.rpartition(".")
        owner = network.get_submodule(parent)
        owner = owner.inner if isinstance(owner, supernet.Passed) else owner
        owner = owner.active if isinstance(owner, supernet.Bank) else owner
        parameter.data = getattr(owner, name).data[tuple(map(slice, parameter.shape))].clone()
        quantizer = getattr(owner, "weight_quant", None)
        if name == "weight" and isinstance(quantizer, supernet.Quantizers):
            if quantizer.factors:
                parameter.data *= quantizer.factors[str(quantizer.bits)].data[: len(parameter)]
            if isinstance(quantizer.active, supernet.Fitted):
                parameter.data /= quantizer.active.size(parameter.data)
    for module in found.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.eps = 1e-30
    return found


def outputs(network, inputs):
    reestimate(network, [inputs])
    with torch.no_grad():
        return network(inputs)


ALL, SOME = (1, 2, 3, 8), (3, 4, 8)


@pytest.mark.parametrize(
    ("name", "weights", "shape"),
    [
        ("digits-w4a4", ALL, ()),
        ("resnet8-w4a4", ALL, ()),
        ("espcn-x2-w4a4", SOME, ()),
        ("digits-w4a4", ALL, (("conv1", (3, 8)), ("conv3", (8, 16)), ("hidden", (20, 32)))),
        ("resnet8-w4a4", ALL, (("stack1", (8, 16)), ("stack3", (32, 40, 64)))),
        ("espcn-x2-w4a4", SOME, (("channels", (6, 16)), ("depth", (0, 1, 3)))),
    ],
)
def test_subnets_are_the_familys_own_networks(monkeypatch, name, weights, shape):
    """With sizes that are powers of two, sums of scaled weights are the scaled sums, to the last bit."""

    def size(self, weights):
        shape = [len(weights) if self.per_channel else 1] + [1] * (weights.ndim - 1)
        return 2.0 ** (torch.arange(shape[0]) % 3 - 4).reshape(shape)

    monkeypatch.setattr(supernet.Fitted, "size", size)
    subject = subject_of(name, weights, shape=shape)
    network, inputs = built(subject), inputs_of(subject)
    random = np.random.default_rng(5)
    drawn = [subject.space.draw(random) for _ in range(4 if shape else 2)]
    for candidate in [subject.widest, subject.narrowest, *drawn]:
        supernet.select(network, subject, candidate)
        own = alone(subject, network, candidate)
        wanted, found = outputs(own, inputs), outputs(network, inputs)
        if found.ndim == 2 and subject.widths(candidate).weights[-1] <= 2:
            wanted = wanted * 2.0**-4  # no normalisation behind the classifier takes up the size
        assert torch.equal(found, wanted), candidate
        assert found.std() > 0


def test_layers_without_normalisation_have_factors_for_each_width():
    def with_factors(name, weights):
        network = built(subject_of(name, weights))
        found = {path: m for path, m in network.named_modules() if isinstance(m, supernet.Quantizers)}
        return {path: [*bank.factors] for path, bank in found.items() if bank.factors}

    assert with_factors("digits-w4a4", ALL) == {}
    layers = ("first", "middle1", "last")
    assert with_factors("espcn-x2-w4a4", SOME) == {
        f"layers.{n}.weight_quant": ["3", "4", "8"] for n in layers
    }


def test_all_knobs_are_turned():
    """Shared quantizers, too: a bank for each knob, and a normalisation for each quantizer behind one."""
    subject = subject_of("resnet8-w4a4")
    network = built(subject)
    found = [module for module in network.modules() if isinstance(module, supernet.Bank)]
    places = {what: {b.place for b in found if b.what == what} for what in ("weight", "activation")}
    assert places == {"weight": set(range(10)), "activation": set(range(11))}
    norms = [b for b in found if isinstance(b.active, nn.BatchNorm2d)]
    # Two behind the first and second convolution of each block, one behind those of its side, and the first.
    assert len(norms) == 1 + 2 * 3 + 2
    first, second = (network.get_submodule(f"layers.5.{path}") for path in ("main.4", "side.1"))
    assert first.place == second.place == network.layers[5].shared.act_quant.place


def test_sizes_are_those_of_the_papers():
    weights = torch.tensor([[0.1, -0.3], [1.0, 2.0]])
    layer = digits.linear(2, 2, 2)
    ternary = supernet.Fitted(layer.weight_quant, 2, per_channel=True)
    torch.testing.assert_close(ternary.size(weights), torch.tensor([[1.4 * 0.2], [1.4 * 1.5]]))
    # 0.1 is below 0.7 * 0.2, and 1.0 is below 0.7 * 1.5.
    torch.testing.assert_close(ternary(weights).value, torch.tensor([[0.0, -0.28], [0.0, 2.1]]))
    binary = supernet.Fitted(digits.linear(2, 2, 1).weight_quant, 1, per_channel=False)
    torch.testing.assert_close(binary(weights).value, 0.85 * torch.tensor([[1.0, -1.0], [1.0, 1.0]]))
    assert binary(torch.zeros(2, 2)).value.isfinite().all()


def test_gradients_reach_the_shared_weights_at_every_width():
    subject = subject_of("digits-w4a4")
    network, inputs = built(subject).train(), inputs_of(subject)
    for candidate in (subject.widest, subject.narrowest):
        supernet.select(network, subject, candidate)
        network.zero_grad()
        network(inputs).square().mean().backward()
        gradients = [p.grad for path, p in network.named_parameters() if path.endswith("weight")]
        used = [g for g in gradients if g is not None]
        assert len(used) == 5 + 4 + 1  # layers, normalisations of one width each, the classifier's factor
        assert all(g.abs().sum() > 0 for g in used)


def test_scales_that_are_fixed_at_other_widths_are_refused(monkeypatch):
    monkeypatch.setattr(importlib.import_module("levada.models.blocks.quantizers"), "UNIT_BITS", 3)
    with pytest.raises(
        LevadaError, match=r"^layers\.1\.weight_quant: its scale at 3 bits is .* fixed scale in a"
    ):
        supernet.build(subject_of("digits-w4a4", (3, 8)))


def test_widths_that_set_nothing_are_refused(monkeypatch):
    subject = subject_of("digits-w4a4")
    build = digits.Digits
    monkeypatch.setattr(digits, "Digits", lambda widths: build(Widths((4,) * 5, widths.activations)))
    with pytest.raises(
        LevadaError, match=r"^digits-w4a4: no quantizer of the family's network has the weights "
    ):
        supernet.build(subject)


@pytest.fixture
def begun(monkeypatch, tmp_path):
    """The work of a search over digits, on stripes; of no hardware."""
    require("lightning_fabric")
    subject = subject_of("digits-w4a4", (1, 3), (2, 8))
    monkeypatch.setattr(models, "load_data", lambda _: trainings.dataset(200))
    work._task.cache_clear()
    yield Work(subject, None, Recipe(1, 2, 60, 0.01), None, tmp_path, Deadline())
    work._task.cache_clear()


def trained(job, sandwich=True):
    return subnets.train_supernet(job, 2, sandwich=sandwich, log=[].append)


@pytest.mark.parametrize("step", [3, 5])
def test_an_interruption_changes_no_weight(begun, monkeypatch, tmp_path, step):
    whole = read(trained(begun))
    true, steps = digits.constrain, []

    def killed(network):
        true(network)
        steps.append(1)
        if len(steps) == step:
            raise KeyboardInterrupt

    other = replace(begun, folder=tmp_path / "other")
    monkeypatch.setattr(digits, "constrain", killed)
    with pytest.raises(KeyboardInterrupt):
        trained(other)
    again = read(trained(other))
    assert len(steps) > step
    assert whole.keys() == again.keys()
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_the_time_ends_it_and_it_goes_on(begun, monkeypatch, tmp_path):
    whole = read(trained(begun))
    late = replace(begun, folder=tmp_path / "other", deadline=Deadline(0.0))
    with pytest.raises(TimeUpError):
        trained(late)
    again = read(trained(replace(late, deadline=Deadline())))
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_each_way_of_training_has_weights_of_its_own(begun):
    one, other = (trained(begun, sandwich=sandwich) for sandwich in (True, False))
    assert one != other
    content = one.read_bytes()
    assert trained(begun) == one
    assert one.read_bytes() == content  # scores are remembered for it
    one, other = read(one), read(other)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_scores_do_not_depend_on_what_was_scored_before(begun):
    scoring = subnets.Scoring(begun, trained(begun), 2, 20)
    space = begun.subject.space
    random = np.random.default_rng(1)
    texts = [str(space.draw(random)) for _ in range(3)]
    first = [subnets.score(scoring, text) for text in texts]
    subnets._known.clear()
    again = {text: subnets.score(scoring, text) for text in reversed(texts)}
    assert [again[text] for text in texts] == first
    assert len({one["loss"] for one in first}) == 3
    assert subnets.score(replace(scoring, count=10), texts[0]) != first[0]


def test_it_learns(begun):
    """More steps, a lower loss of subnets: stripes are easy."""
    scores = []
    for epochs in (1, 10):
        file = subnets.train_supernet(begun, epochs, sandwich=True, log=[].append)
        scores.append(subnets.score(subnets.Scoring(begun, file, 4, 20), str(begun.subject.widest)))
    assert scores[1]["loss"] < scores[0]["loss"] / 2
    assert scores[1]["quality"] > 90
