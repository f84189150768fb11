"""Each method of training does what its paper says, on cases small enough to know the answer."""

import dataclasses
import math
import re
import tomllib

import numpy as np
import pytest
import torch
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.cleanup import cleanup_model
from torch import nn

from levada import models
from levada.errors import LevadaError
from levada.train import Recipe, loop, methods, own, publish, settings
from levada.train.classification import Classification
from levada.train.methods import freezing
from levada.train.quantizers import rewrite, weights_of
from levada.train.recipe import MethodSpec
from levada.train.run import Job
from levada.train.task import Batch
from tests.require_tools import require
from tests.unit import trainings
from tests.unit.small_runs import Fixed, beginner, epochs, layer, numbers, quantizers

#: Those that need ReLU, or more than one bit.
WIDER = {"calibration", "learned_bits", "learned_levels", "learned_scales", "nonuniform_thresholds"}

#: Options with which a method does something in a training of nine steps.
SMALL = {
    "calibration": (("batches", 2), ("halvings", 2)),
    "dampening": (("strength", 0.1),),
    "distillation": (("epochs", 1),),
    "freezing": (("end_threshold", 0.0), ("start_threshold", 0.0)),
    "full_precision": (("part", 0.5),),
    "learned_bits": (("activation_bits", 2.0), ("strength", 1.0)),
    "attention_rounding": (("iterations", 20),),
    "learned_rounding": (("iterations", 20),),
    "learned_scales": (("significant", 24),),
}
#: The smallest network, of one bit and without ReLU, is too small for some.
NETWORKS = dict.fromkeys(WIDER, "digits-w2a2") | dict.fromkeys(("narrow_rows", "nested"), "digits-w4a4")


@pytest.fixture
def begin(monkeypatch, tmp_path):
    with torch.random.fork_rng(devices=[]):
        yield beginner(monkeypatch, tmp_path)


class TestDistillation:
    def classes(self, count=32):
        """Inputs, and the logits and the classes that a fixed matrix gives them."""
        x, matrix = numbers(count, 6), numbers(6, 3, seed=2)
        return x, (x @ matrix).argmax(dim=1)

    def test_gradient_at_a_high_temperature_is_the_difference_of_logits(self, begin):
        """Section 2.1 of the paper: for logits of mean 0 it goes to (z - v) / classes, T**2 included."""
        x, y = self.classes()
        task = Fixed([Batch(x, y)], nn.functional.cross_entropy)
        run = begin(layer, task, {"distillation": {"temperature": 300.0, "weight": 1.0, "epochs": 1}})
        method = run.methods["distillation"]
        with torch.no_grad():
            v = method.network(x)
        run.batch = task.data[0]
        z = (numbers(32, 3, seed=5)).requires_grad_()
        centred = z - z.mean(dim=1, keepdim=True)
        method.loss(run, centred, torch.zeros(())).backward()
        difference = centred.detach() - (v - v.mean(dim=1, keepdim=True))
        torch.testing.assert_close(z.grad, difference / 3 / len(x), rtol=0.02, atol=2e-4)

    @pytest.mark.parametrize("weight", [0.0, 0.25, 1.0])
    def test_the_teachers_own_logits_cost_nothing(self, begin, weight):
        x, y = self.classes()
        task = Fixed([Batch(x, y)], nn.functional.cross_entropy)
        run = begin(layer, task, {"distillation": {"weight": weight, "epochs": 1}})
        run.batch = task.data[0]
        method, hard = run.methods["distillation"], torch.tensor(8.0)
        with torch.no_grad():
            v = method.network(x)
        assert method.loss(run, v, hard).item() == pytest.approx((1 - weight) * 8, abs=1e-6)
        assert method.loss(run, v + numbers(32, 3), hard).item() >= (1 - weight) * 8

    def test_a_class_without_any_label_is_learned_from_the_teacher(self, begin):
        """As the digit 3 in section 3 of the paper: no example of class 2 is called so."""
        x, y = self.classes(600)
        full = Fixed([Batch(x, y)] * 40, nn.functional.cross_entropy)
        wrong = Fixed([Batch(x, torch.where(y == 2, 0, y))] * 40, nn.functional.cross_entropy)
        found = {}
        for weight in (0.0, 1.0):
            options = {"weight": weight, "temperature": 2.0, "epochs": 1}
            run = begin(layer, full, {"distillation": options}, rate=0.1)
            run.task = wrong  # the teacher has seen the labels, the network has not
            right = epochs(run).network.eval()(x).argmax(dim=1) == y
            found[weight] = right[y == 2].float().mean().item()
        assert found[0.0] < 0.1
        assert found[1.0] > 0.8

    def test_teacher_of_another_training(self, tmp_path):
        require("lightning_fabric")
        model, lines = models.find("tfc-w1a1"), []
        task = Classification(model, Recipe(1, 1, 10, 0.01), trainings.dataset())
        spec = MethodSpec("distillation", (("teacher", "tfc-w2a2"),))
        recipe = Recipe(1, 1, 10, 0.01, methods=(spec,))
        with pytest.raises(
            LevadaError,
            match=r"teacher's weights .*tfc-w2a2/trained\.pt are missing; `levada train tfc-w2a2` ",
        ):
            loop.fit(Job(model, recipe, task, tmp_path / "tfc-w1a1", lines.append))
        teacher = models.find("tfc-w2a2")
        loop.fit(Job(teacher, Recipe(1, 1, 10, 0.01), task, tmp_path / "tfc-w2a2", lines.append))
        loop.fit(Job(model, recipe, task, tmp_path / "tfc-w1a1", lines.append))
        assert lines[-1].startswith("tfc-w1a1: epoch 1 of 1, loss ")

    def test_twin_is_trained_once_and_does_not_change_what_follows(self, begin, tmp_path):
        x, y = self.classes()
        task = Fixed([Batch(x, y)], nn.functional.cross_entropy)
        options = {"distillation": {"weight": 0.0, "epochs": 5}}
        plain = epochs(begin(layer, task, None, 3, folder=tmp_path / "a"))
        first = epochs(begin(layer, task, options, 3, folder=tmp_path / "b"))
        made = (tmp_path / "b" / loop.TWIN).stat().st_mtime_ns
        second = epochs(begin(layer, task, options, 3, folder=tmp_path / "b"))
        assert (tmp_path / "b" / loop.TWIN).stat().st_mtime_ns == made
        for run in (first, second):
            assert torch.equal(run.network.weight, plain.network.weight)

    def test_outputs_that_are_no_logits(self, begin):
        task = Fixed([Batch(numbers(4, 2, 5, 5), numbers(4, 2, 3, 3))])
        run = begin(lambda: quantizers.conv(2, 2, 3, 4), task, {"distillation": {"epochs": 1}})
        with pytest.raises(LevadaError, match=r"they give \[4, 2, 3, 3\] and \[4, 2, 3, 3\]; choose another"):
            run.one_epoch(None)


class TestFullPrecision:
    def test_nothing_rounds_and_ranges_stay(self):
        def build():
            return nn.Sequential(quantizers.signed(2, 1.0), layer(1), quantizers.relu(3), layer(4, 3))

        network, x = build(), numbers(50, 6)
        handles = rewrite(network, lambda q: q.clipped)
        first = network[1].weight.clamp(-1, 1)
        most = 7 * weights_of(network)[1].integers()[1]
        second = torch.minimum(torch.maximum(network[3].weight, -most), most)
        expected = (x.clamp(-1, 1) @ first.T).clamp(0, 3.5) @ second.T
        torch.testing.assert_close(network(x), expected)
        handles.remove()
        assert not torch.allclose(network(x), expected, atol=0.05)

    def test_part_of_the_epochs(self, begin):
        x = numbers(8, 6)
        run = begin(layer, Fixed([Batch(x, numbers(8, 3))]), {"full_precision": {"part": 0.5}}, epochs=4)
        rounds = []
        while run.epoch < 4:
            run.one_epoch(None)
            used = run.network.weight_quant(run.network.weight)
            rounds.append(torch.equal(used.value, (used.value / used.scale).round() * used.scale))
        assert rounds == [False, False, True, True]


class TestBnReestimation:
    def test_statistics_are_those_of_the_final_weights(self, begin):
        """Against means and variances of the batches, computed apart, when the weights move a lot."""

        def build():
            return nn.Sequential(layer(4, 6, 5), nn.BatchNorm1d(5), quantizers.relu(4), layer(4, 5))

        data = [Batch(5 * numbers(40, 6, seed=s), numbers(40, 3)) for s in range(4)]
        plain, again = (
            epochs(begin(build, Fixed(data), methods, epochs=3, rate=0.3))
            for methods in (None, {"bn_reestimation": {"batches": 3}})
        )
        for run in (plain, again):
            run.finish()
        assert torch.equal(plain.network[0].weight, again.network[0].weight)
        with torch.no_grad():
            sums = torch.stack([again.network[0](batch.inputs) for batch in data[:3]])
        norm, other = again.network[1], plain.network[1]
        torch.testing.assert_close(norm.running_mean, sums.mean(dim=1).mean(dim=0))
        torch.testing.assert_close(norm.running_var, sums.var(dim=1).mean(dim=0))
        assert (other.running_mean - norm.running_mean).abs().max() > 0.1
        assert (norm.momentum, norm.training, again.network.training) == (0.1, False, False)


def toy(begin, methods, steps=400):
    """The regression of Nagel et al., section 2: one weight, quantized to whole numbers, that should be 0.4.

    Returns:
        The weight before each step and after the last one, and the run.
    """
    weights = []

    class Toy(Fixed):
        def batches(self, random):
            for batch in self.data:
                weights.append(run.network.weight.item())
                yield batch

    def build():
        network = quantizers.linear(1, 1, 2)
        network.weight.data = torch.tensor([[0.9]])
        return network

    task = Toy([Batch(torch.tensor([[1.0]]), torch.tensor([[0.4]]))] * steps)
    run = begin(build, task, methods, rate=0.01)
    run.one_epoch(None)
    return np.array([*weights, run.network.weight.item()]), run


class TestOscillation:
    """The straight-through gradient is never 0: plain training jumps between 0 and 1, near 0.5, for ever."""

    def test_plain_training_oscillates(self, begin):
        weights, _ = toy(begin, None)
        changes = np.nonzero(np.diff(np.rint(weights)))[0]
        assert len(changes) > 20
        assert changes.max() > 350
        assert np.abs(weights[-100:] - 0.5).max() < 0.05

    def test_freezing_ends_it_at_the_integer_of_most_steps(self, begin):
        options = {"momentum": 0.02, "start_threshold": 0.3, "end_threshold": 0.02}
        weights, run = toy(begin, {"freezing": options})
        integers = np.rint(weights)
        last = int(np.nonzero(np.diff(weights))[0].max()) + 1
        assert len(np.nonzero(np.diff(integers))[0]) > 3
        assert 100 < last < 390
        average = run.methods["freezing"].state()[""]["average"].item()
        assert 0.2 < average < 0.5  # it was 0 in about six steps of ten, as 0.4 wants it
        assert set(weights[last:]) == {0.0}  # the weight itself, not its integer alone
        assert run.methods["freezing"].frozen == 1.0

    def test_dampening_draws_it_to_the_middle_of_an_interval(self, begin):
        weights, _ = toy(begin, {"dampening": {"strength": 5.0}})
        assert len(set(np.rint(weights[-100:]))) == 1
        assert abs(weights[-1] - np.rint(weights[-1])) < 0.25

    def test_frequency_of_a_weight_that_goes_up_and_down(self):
        """By the recursion, for integers 0 1 0 1 ...: every change but the first goes back."""
        weights = weights_of(quantizers.linear(1, 1, 3))[0]
        oscillation = freezing.Oscillation(weights)
        start = oscillation.integers
        for step in range(1, 6):
            oscillation.update(start + step % 2, 0.1, 0.3, binary=False)
        assert oscillation.frequency.item() == pytest.approx(1 - 0.9**4)  # four of five, past the threshold?
        assert oscillation.frozen.item()
        steady = freezing.Oscillation(weights)
        for step in range(1, 6):
            steady.update(start + step, 0.1, 0.0, binary=False)
        assert (steady.frequency.item(), steady.frozen.item()) == (0.0, False)

    def test_binary_weights_freeze_at_one_of_their_two_values(self):
        weights = weights_of(quantizers.linear(1, 1, 1))[0]
        weights.parameter.data.fill_(0.5)
        oscillation = freezing.Oscillation(weights)
        for integer in (1.0, 1.0, -1.0, 1.0, 1.0, -1.0):
            assert not oscillation.frozen.item()
            oscillation.update(torch.tensor([[integer]]), 0.2, 0.3, binary=True)
        assert oscillation.frozen.item()
        assert oscillation.average.item() == pytest.approx(0.3952)  # which would round to 0
        assert oscillation.integers.item() == 1.0

    def test_frozen_weights_that_set_the_scale_keep_their_value(self):
        network = quantizers.linear(3, 1, 4)
        network.weight.data = torch.tensor([[0.99, 0.30, -0.2]])
        weights = weights_of(network)[0]
        oscillation = freezing.Oscillation(weights)
        scale = weights.integers()[1]
        oscillation.frozen[0, 0] = True
        oscillation.integers[0, 0] = 3  # far less than the 7 or so of 0.99: the scale will fall
        freezing.hold(weights, oscillation, scale)
        integers, now = weights.integers()
        assert now < scale
        assert (integers * now)[0, 0] == 3 * scale
        torch.testing.assert_close(oscillation.integers, integers)

    def test_dampenings_gradient(self, begin):
        """2 s (w - q) for weights in range, 0 outside; midway s is half of the strength."""
        run = begin(lambda: quantizers.linear(3, 1, 3), Fixed([]), {"dampening": {"strength": 4.0}})
        run.network.weight.data = torch.tensor([[0.75, 0.2, -0.9]])
        (weights,) = weights_of(run.network)
        integers, scale = weights.integers()
        run.steps, run.step = 10, 5
        run.methods["dampening"].loss(run, torch.zeros(1), torch.zeros(())).backward()
        expected = 2 * 2.0 * (run.network.weight.detach() - integers * scale)
        expected[0, 2] = 0.0 if abs(-0.9) > 3 * scale.item() else expected[0, 2]
        torch.testing.assert_close(run.network.weight.grad, expected)
        assert expected[0, 1] != 0 == expected[0, 2]


class TestSaq:
    def build(self):
        return nn.Sequential(layer(4, 6, 5), nn.BatchNorm1d(5), quantizers.relu(4), layer(3, 5))

    def test_steps_by_the_gradient_at_the_worst_point_of_the_sphere(self, begin):
        """Computed apart: quantized weights as plain ones, moved by radius * g / |g|, and their gradients."""
        x, y = numbers(16, 6), numbers(16, 3, seed=4)
        run = begin(self.build, Fixed([Batch(x, y)]), {"saq": {"radius": 0.3}})
        run.batch, network = run.task.data[0], run.network.train()
        layers = weights_of(network)
        values = [(i * s).requires_grad_() for i, s in (w.integers() for w in layers)]

        def loss(first, second):
            norm = nn.functional.batch_norm(x @ first.T, None, None, training=True, eps=network[1].eps)
            return nn.functional.mse_loss(network[2](norm) @ second.T, y)

        gradients = torch.autograd.grad(loss(*values), values)
        norm = torch.cat([g.flatten() for g in gradients]).norm()
        pairs = zip(values, gradients, strict=True)
        moved = [(value + 0.3 * g / norm).detach().requires_grad_() for value, g in pairs]
        expected = torch.autograd.grad(loss(*moved), moved)
        plain_loss = run.gradients()
        before = [w.parameter.grad.clone() for w in layers]
        statistics = network[1].running_mean.clone()
        run.methods["saq"].before_step(run)
        for weights, old, new in zip(layers, before, expected, strict=True):
            size = weights.parameter.abs()
            inside = size <= weights.bounds()[1] * weights.integers()[1]
            inside &= size < size.max(dim=1, keepdim=True).values  # the largest also moves the scale
            torch.testing.assert_close(weights.parameter.grad[inside], new[inside], rtol=1e-3, atol=1e-5)
            assert not torch.allclose(old[inside], new[inside], atol=1e-3)
        assert torch.equal(network[1].running_mean, statistics)
        assert network[1].momentum == 0.1
        assert loss(*moved) > plain_loss  # the point is worse than where it started from

    def test_radius_0_is_plain_training(self, begin):
        task = Fixed([Batch(numbers(16, 6, seed=s), numbers(16, 3)) for s in range(6)])
        plain, saq = (epochs(begin(self.build, task, m)) for m in (None, {"saq": {"radius": 0.0}}))
        for name, tensor in plain.network.state_dict().items():
            if "num_batches" not in name:
                torch.testing.assert_close(saq.network.state_dict()[name], tensor)


class TestNoiseDecay:
    def build(self):
        return nn.Sequential(quantizers.signed(3, 0.25), layer(3))

    def start(self, begin, options, step=0, steps=10):
        run = begin(self.build, Fixed([]), {"noise_decay": options})
        run.step, run.steps = step, steps
        return run, run.network[0].train()

    @pytest.mark.parametrize("step", [0, 5, 10])
    def test_noise_is_in_proportion_to_the_error_and_decays(self, begin, step):
        _, quantizer = self.start(begin, {"amplitude": 2.0, "decay": 3.0}, step)
        x = torch.tensor([0.0, 0.05, 0.1, 0.6, 5.0]).repeat(20000, 1)
        noise = quantizer(x) - quantizer.eval()(x)
        error = torch.tensor([0.0, 0.05, 0.1, 0.1, 0.0])  # of 0, 0, 0, 0.5 and, clipped, 0.75
        amplitude = 2.0 * math.exp(-3.0 * step / 10)
        torch.testing.assert_close(noise.std(dim=0), amplitude * error / 3**0.5, rtol=0.02, atol=1e-6)
        torch.testing.assert_close(noise.mean(dim=0), torch.zeros(5), atol=2e-3, rtol=0)
        assert (noise.abs() <= amplitude * error + 1e-6).all()

    def test_gradient_is_scaled_and_the_scale_learned(self, begin):
        run, quantizer = self.start(begin, {})
        method = run.methods["noise_decay"]
        (name,) = [n for n in method._scales if n.startswith("0.")]
        scale = method._scales[name]
        scale.data.fill_(0.4)
        x = torch.tensor([0.05, 0.6, 5.0]).requires_grad_()
        (quantizer(x) * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
        torch.testing.assert_close(x.grad, 0.4 * torch.tensor([1.0, 2.0, 0.0]))  # clipped: none
        assert scale.grad.item() == pytest.approx(0.05 * 1 + 0.6 * 2 + 0.75 * 3)

    def test_integers_have_no_noise(self, begin):
        run, _ = self.start(begin, {"amplitude": 3.0})
        (weights,) = weights_of(run.network.train())
        state = torch.get_rng_state()
        integers, scale = weights.integers()
        assert torch.equal(state, torch.get_rng_state())
        assert run.network[1].weight_quant.training
        run.finish()
        assert torch.equal(integers * scale, weights.quantizer(weights.parameter).value)

    def test_scales_are_trained_saved_and_gone_at_the_end(self, begin):
        data = [Batch(numbers(8, 6, seed=s), numbers(8, 3)) for s in range(5)]
        run, other = (begin(self.build, Fixed(data), {"noise_decay": {}}) for _ in range(2))
        keys = set(run.network.state_dict())
        method = epochs(run).methods["noise_decay"]
        assert len(method.state()) == 2
        assert all(0.1 <= value != 1 for value in method.state().values())
        other.methods["noise_decay"].restore(method.state())
        assert other.methods["noise_decay"].state() == method.state()
        run.finish()
        run.network.train()
        assert torch.equal(run.network(data[0].inputs), run.network(data[0].inputs))
        assert set(run.network.state_dict()) == keys


class TestInformationRetaining:
    def start(self, begin, step=0, steps=10):
        """Three rows of 400 weights, the first two far from 0."""

        def build():
            network = nn.Sequential(quantizers.signed(1, 1.0), layer(1, 400))
            network[1].weight.data = numbers(3, 400) + torch.tensor([[3.0], [-2.0], [0.0]])
            return network

        run = begin(build, Fixed([]), {"information_retaining": {}})
        run.step, run.steps = step, steps
        return run, run.network.train()

    def test_forward_is_balanced(self, begin):
        """Of one sign alone a row would say little; with its mean taken off each weight holds a bit."""
        _, network = self.start(begin)
        positive = (network[1].weight > 0).float().mean(dim=1)
        assert positive[0] > 0.95
        assert positive[1] < 0.05
        used = network[1].weight_quant(network[1].weight).value
        centred = network[1].weight - network[1].weight.mean(dim=1, keepdim=True)
        torch.testing.assert_close(used, centred.sign())
        assert ((used > 0).float().mean(dim=1) - 0.5).abs().max() < 0.05

    @pytest.mark.parametrize(("step", "t", "k"), [(0, 0.1, 10.0), (5, 1.0, 1.0), (10, 10.0, 1.0)])
    def test_backward_is_the_derivative_of_k_tanh_t_x(self, begin, step, t, k):
        _, network = self.start(begin, step)
        x = torch.tensor([-2.0, -0.3, 0.01, 0.5]).requires_grad_()
        y = network[0](x)
        assert y.tolist() == [-1, -1, 1, 1]
        y.sum().backward()
        expected = k * t * (1 - torch.tanh(t * x.detach()) ** 2)
        torch.testing.assert_close(x.grad, expected)

    def test_the_exported_weights_are_those_of_training(self, begin):
        run, network = self.start(begin, step=10)
        used = network[1].weight_quant(network[1].weight).value.detach()
        run.finish()
        assert torch.equal(network[1].weight_quant(network[1].weight).value, used)
        torch.testing.assert_close(network[1].weight.mean(dim=1), torch.zeros(3), atol=1e-5, rtol=0)
        torch.testing.assert_close(network[1].weight.std(dim=1), torch.ones(3))

    def test_wider_weights_only(self, begin):
        with pytest.raises(LevadaError, match=r"is for weights of one bit, and it has none; leave it out$"):
            begin(lambda: layer(4), Fixed([]), {"information_retaining": {}})


class TestNested:
    """Upper planes of the weights, in training and in files."""

    def test_a_step_has_the_mean_of_all_losses(self, begin):
        """Of one weight, -7/8 in four bits: the upper two are -8/8."""
        x = torch.tensor([[1.0]])
        run = begin(one_weight, Fixed([Batch(x, x)]), {"nested": {}})
        run.batch = Batch(x, x)
        assert run.gradients() == pytest.approx(((-7 / 8 - 1) ** 2 + (-1 - 1) ** 2) / 2)
        (weights,) = weights_of(run.network)
        # Straight through, of both.
        assert weights.parameter.grad == pytest.approx((2 * (-7 / 8 - 1) + 2 * (-1 - 1)) / 2)

    @pytest.mark.parametrize("bits", ["4", "2,4", "4,1", "4,two", ""])
    def test_widths_that_are_none(self, begin, bits):
        said = re.escape(f"nested: bits is {bits!r}; write two or more falling numbers from 2 to 16, such as")
        with pytest.raises(LevadaError, match=said):
            begin(one_weight, Fixed([]), {"nested": {"bits": bits}})

    def test_settings_begin_with_all_bits(self, begin):
        said = "nested: bits is '8,4', and the network's widest weights have 4; begin with 4"
        with pytest.raises(LevadaError, match=said):
            begin(one_weight, Fixed([]), {"nested": {"bits": "8,4"}})

    def test_files_are_upper_planes_of_one_network(self, tmp_path):
        """Each equals torch, or publishing fails; normalisations differ, and nothing else."""
        require("lightning_fabric")
        model = models.find("digits-w4a4")
        recipe = Recipe(1, 1, 30, 0.01, methods=(MethodSpec("nested", (("bits", "4,3,2"),)),))
        task = Classification(model, recipe, trainings.dataset())
        network = loop.fit(Job(model, recipe, task, tmp_path, lambda _line: None))
        out = tmp_path / "out"
        publish(model, network, out)
        before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        listed = settings.publish_settings(
            model, network, tmp_path, out, lambda _network, _file: None, lambda _line: None
        )
        assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
        table = tomllib.loads(listed.read_text())
        assert table["input"] == "uint8/255"
        files = {one["name"]: out / one["onnx"] for one in table["setting"]}
        assert list(files) == ["w4", "w3", "w2"]
        integers = {name: weights_in(path) for name, path in files.items()}
        assert len(integers["w4"]) == 5
        for name, planes in (("w3", 1), ("w2", 2)):
            for wide, narrow in zip(integers["w4"], integers[name], strict=True):
                assert np.array_equal(wide >> planes << planes, narrow)
                assert not np.array_equal(wide, narrow)
        assert files["w4"].name == "digits-w4a4.onnx"


def one_weight():
    """A single weight of four bits in steps of 1/8, -7/8 now."""
    product = quantizers.linear(1, 1, 4)
    with torch.no_grad():
        product.weight.fill_(-7 / 8)
    return nn.Sequential(product)


def weights_in(path):
    """The integers of all quantized weights of a file."""
    wrapper = cleanup_model(ModelWrapper(str(path)))
    found = []
    for node in wrapper.graph.node:
        if node.op_type == "Quant" and (values := wrapper.get_initializer(node.input[0])) is not None:
            codes = values / wrapper.get_initializer(node.input[1])
            assert np.array_equal(codes, np.rint(codes)) or "@" not in path.name
            found.append(np.clip(np.rint(codes), -8, 7).astype(int))
    return found


@pytest.mark.parametrize("name", sorted(set(methods.names())))
def test_a_whole_training_resumes(name, tmp_path):
    """Every method on a small network of models/: interrupted, the result is the same."""
    require("lightning_fabric")
    model = models.find(NETWORKS.get(name, "tfc-w1a1"))
    recipe = Recipe(1, 3, 30, 0.01, methods=(MethodSpec(name, SMALL.get(name, ())),))
    task = Classification(model, recipe, trainings.dataset())

    def train(folder, stop=None):
        def log(line):
            if stop and f"{model.name}: epoch {stop}" in line:
                raise KeyboardInterrupt

        return loop.fit(Job(model, recipe, task, tmp_path / folder, log)).state_dict()

    whole = train("whole")
    with pytest.raises(KeyboardInterrupt):
        train("cut", stop=2)
    cut = train("cut")
    assert whole.keys() == cut.keys()
    assert all(torch.equal(cut[key], tensor) for key, tensor in whole.items())
    recipe = dataclasses.replace(recipe, methods=())
    plain = train("plain")
    common = own.shared(whole)
    assert plain.keys() == common.keys()
    assert len(common) < len(whole) or any(not torch.equal(plain[key], common[key]) for key in common)
