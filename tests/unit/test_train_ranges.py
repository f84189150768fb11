"""Methods that learn bit widths and levels, and the one that looks at the loss's curvature."""

import re

import numpy as np
import pytest
import torch
from onnx import numpy_helper
from torch import nn

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


class TestLearnedBits:
    def quantizer(self, begin, bits=3, step=0.5):
        run = begin(lambda: quantizers.signed(bits, step), Fixed([]), {"learned_bits": {}})
        (learned,) = [learned for _, learned in run.methods["learned_bits"]._found]
        return run.network, learned

    def test_gradients_are_those_of_the_paper(self, begin):
        """Its equations for uniform quantization by step size and range, at 3 bits: 0.5 and 1.5."""
        network, learned = self.quantizer(begin)
        for x, of_scale, of_most in (
            (0.6, 1 - 0.6 / 0.5, 0),
            (-1.1, -2 + 1.1 / 0.5, 0),
            (7.0, 0, 1),
            (-7.0, 0, -1),
        ):
            network(torch.tensor([x])).sum().backward()
            per_log2 = np.log(2)
            assert learned.log2_scale.grad.item() == pytest.approx(of_scale * 0.5 * per_log2, abs=1e-5)
            assert learned.log2_most.grad.item() == pytest.approx(of_most * 1.5 * per_log2, abs=1e-5)
            learned.log2_scale.grad = learned.log2_most.grad = None

    def test_it_starts_as_what_was_there(self, begin):
        network, learned = self.quantizer(begin, 5, 0.25)
        x = 5 * numbers(500)
        assert learned.bits().item() == 5
        assert torch.equal(network(x), quantizers.signed(5, 0.25)(x))

    def test_where_bits_cost_nothing_values_get_the_most(self, begin):
        x = numbers(500, 1)
        options = {"weight_bits": 8.0, "activation_bits": 8.0}
        task = Fixed([Batch(x, x)] * 600)
        run = epochs(begin(lambda: quantizers.signed(2, 1.0), task, {"learned_bits": options}, rate=0.05))
        run.finish()
        (quantizer,) = quantizers_of(run.network)
        assert quantizer.bits.item() >= 6
        with torch.no_grad():
            assert (run.network(x) - x).abs().max() < 0.1

    def test_where_values_do_not_matter_means_come_down_to_their_targets(self, begin):
        def build():
            return nn.Sequential(quantizers.signed(6, 0.1), layer(7, 40), quantizers.relu(5), layer(5, 3))

        lines = []
        task = Fixed([Batch(numbers(4, 40), numbers(4, 3))] * 300, lambda outputs, _: 0 * outputs.sum())
        options = {"weight_bits": 4.0, "activation_bits": 3.0, "strength": 1.0}
        run = begin(build, task, {"learned_bits": options}, rate=0.05, log=lines.append)
        epochs(run)
        weights, activations = (mean.item() for mean in run.methods["learned_bits"].means())
        run.finish()
        found = [int(q.bits) for q in quantizers_of(run.network)]
        sizes = [120, 9]
        assert weights == pytest.approx((found[1] * sizes[0] + found[3] * sizes[1]) / sum(sizes))
        assert activations == (found[0] + found[2]) / 2
        assert 2 <= weights <= 4
        assert 2 <= activations <= 3
        assert lines[-1].endswith(
            f"learned_bits: weights {found[1]} {found[3]}, activations {found[0]} {found[2]}"
        )

    def test_the_file_has_the_learned_widths(self, tmp_path):
        options = (("activation_bits", 3.0), ("strength", 2.0), ("weight_bits", 3.0))
        network, graph, _ = digits(tmp_path, "w4a4", MethodSpec("learned_bits", options), rate=0.05)
        constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant":
                constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        exported = [int(constants[node.input[3]]) for node in graph.node if node.op_type == "Quant"]
        assert sorted(exported) == sorted(int(q.bits) for q in quantizers_of(network))
        assert set(exported) != {4}


class TestLearnedLevels:
    def test_it_finds_the_basis_that_made_the_weights(self, begin):
        """+-1 +-0.3 with a little noise: levels at no equal distances."""

        def build():
            network = layer(2, 400, 1)
            signs = numbers(2, 400).sign()
            network.weight.data = (signs[0] + 0.3 * signs[1] + 0.02 * numbers(1, 400, seed=9)).reshape(1, 400)
            return network

        run = begin(build, Fixed([]), {"learned_levels": {"width": 6, "momentum": 0.5}})
        for _ in range(40):
            run.methods["learned_levels"].after_step(run)
        weights = run.network.weight.detach().clone()
        run.finish()
        (basis,) = run.methods["learned_levels"].state().values()
        torch.testing.assert_close(basis.abs().sort().values, torch.tensor([[0.3, 1.0]]), atol=0.01, rtol=0)
        integers, scale = weights_of(run.network)[0].integers()
        assert scale.item() == 2.0**-4  # 1.3 is 21 of them, of 31 at most
        assert set(integers.flatten().tolist()) == {-21.0, -11.0, 11.0, 21.0}
        assert (run.network.weight - weights).abs().max() < 0.1
        assert torch.equal(run.network.weight, integers * scale)

    def test_a_round_is_least_squares(self, begin):
        run = begin(lambda: layer(3, 50, 4), Fixed([]), {"learned_levels": {"momentum": 0.0}})
        (name,) = run.methods["learned_levels"].state()
        before = run.methods["learned_levels"].state()[name].numpy().copy()
        run.methods["learned_levels"].after_step(run)
        after = run.methods["learned_levels"].state()[name].numpy()
        codes = np.array([[1 - 2 * (k >> j & 1) for j in range(3)] for k in range(8)], float)
        for row, old, new in zip(run.network.weight.detach().numpy(), before, after, strict=True):
            signs = codes[np.abs(row[:, None] - codes @ old).argmin(axis=1)]
            np.testing.assert_allclose(new, np.linalg.lstsq(signs, row, rcond=None)[0], atol=1e-5)

    def test_forward_gives_levels_and_gradients_pass(self, begin):
        run = begin(lambda: layer(2, 30, 2), Fixed([]), {"learned_levels": {}})
        used = run.network.weight_quant(run.network.weight).value
        assert all(len(set(row.tolist())) <= 4 for row in used)
        assert (used / quantizers_of(run.network)[0].scale).abs().max() <= 7
        used.sum().backward()
        assert torch.equal(run.network.weight.grad, torch.ones(2, 30))

    def test_no_weights_for_it(self, begin):
        text = (
            "learned_levels is for weights of 2 to 3 bits, and it has none; leave it out, or raise its width"
        )
        with pytest.raises(LevadaError, match=re.escape(text)):
            begin(lambda: layer(4), Fixed([]), {"learned_levels": {"width": 3}})

    def test_the_file_has_few_values_of_many_bits(self, tmp_path):
        network, _, _ = digits(tmp_path, "w2a2", MethodSpec("learned_levels", (("width", 5),)))
        for weights in weights_of(network):
            integers, scale = weights.integers()
            assert torch.equal(integers * scale, weights.parameter)
            assert len(integers.unique()) <= 4
            assert weights.bits == 5
        assert any(weights.integers()[0].abs().max() > 3 for weights in weights_of(network))


class TestHero:
    """One weight of two bits, 1 after rounding, so that gradients can be written down."""

    def gradient(self, begin, measure, **options):
        def build():
            network = quantizers.linear(1, 1, 2)
            network.weight.data = torch.tensor([[0.9]])
            return network

        run = begin(build, Fixed([Batch(torch.ones(1, 1), torch.ones(1, 1))], measure), {"hero": options})
        (run.batch,) = run.task.data
        run.gradients()
        run.methods["hero"].before_step(run)
        return run.network.weight.grad.item()

    @pytest.mark.parametrize("radius", [0.0, 0.1, 0.5])
    def test_of_a_parabola_it_is_the_gradient_at_the_disturbed_weight(self, begin, radius):
        """Its curvature is the same everywhere: the second term changes nothing."""
        found = self.gradient(begin, lambda y, _: (y + 1).square().sum(), radius=radius, strength=3.0)
        assert found == pytest.approx(2 * (1 + radius + 1))

    @pytest.mark.parametrize("strength", [0.0, 0.5, 2.0])
    def test_elsewhere_the_gradient_of_the_slopes_change_is_added(self, begin, strength):
        """L = w**4 / 4 at w = 1, z = 0.2: (w + z)**3 + strength * d/dw ((w + z)**3 - w**3)**2."""
        found = self.gradient(begin, lambda y, _: y.pow(4).sum() / 4, radius=0.2, strength=strength)
        change = 1.2**3 - 1
        assert found == pytest.approx(1.2**3 + strength * 2 * change * 3 * (1.2**2 - 1), rel=1e-5)

    def test_batch_statistics_are_those_of_the_first_pass(self, begin):
        def build():
            return nn.Sequential(layer(4, 6, 5), nn.BatchNorm1d(5), quantizers.relu(4), layer(3, 5))

        run = begin(build, Fixed([]), {"hero": {}})
        run.batch = Batch(numbers(16, 6), numbers(16, 3))
        run.network.train()
        run.gradients()
        before = run.network[1].running_mean.clone()
        run.methods["hero"].before_step(run)
        assert torch.equal(run.network[1].running_mean, before)
        assert run.network[1].momentum == 0.1
        y = run.network.eval()(run.batch.inputs)
        run.finish()
        assert torch.equal(run.network(run.batch.inputs), y)
