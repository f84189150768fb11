"""Methods that learn what quantizers are: their scales and their thresholds."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from levada.errors import LevadaError
from levada.train.methods.learned_scales import rounded
from levada.train.own import quantizers_of
from levada.train.recipe import MethodSpec
from levada.train.task import Batch
from tests.unit.exports import digits
from tests.unit.small_runs import Fixed, beginner, epochs, layer, numbers, quantizers


@pytest.fixture
def begin(monkeypatch, tmp_path):
    with torch.random.fork_rng(devices=[]):
        yield beginner(monkeypatch, tmp_path)


def constants(graph):
    """Arrays of an ONNX graph by name."""
    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            found[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    return found


def quantizing(x, y, scale=0.1, bits=3):
    """Steps of training a lone signed quantizer to give y for x."""
    return lambda: quantizers.signed(bits, scale), Fixed([Batch(x, y)] * 400)


class TestLearnedScales:
    @pytest.mark.parametrize("significant", [1, 3, 24])
    def test_the_scale_goes_where_its_gradient_is_0(self, begin, significant):
        """Found apart by halving: 3 bits for 2,000 normal numbers, as near as the scales' grid allows."""
        x = numbers(2000, 1)
        build, task = quantizing(x, x)
        run = epochs(begin(build, task, {"learned_scales": {"significant": significant}}, rate=0.05))
        run.finish()
        (quantizer,) = quantizers_of(run.network)
        low, high = 0.05, 5.0
        while high - low > 1e-5:
            s = (low + high) / 2
            y = (x / s).round().clamp(-3, 3) * s
            slope = torch.where((x / s).abs() <= 3.5, (y - x) / s, 3 * x.sign())
            low, high = (low, s) if ((y - x) * slope).sum() > 0 else (s, high)
        assert 0.2 < low < 2  # it starts at 0.1
        step = 2.0 ** (math.floor(math.log2(low)) + 1 - significant)
        assert abs(quantizer.scale.item() - low) < max(step, 0.01 * low)
        assert rounded(quantizer.scale, significant) == quantizer.scale

    def test_gradient_is_that_of_the_paper(self, begin):
        """Equation 3 of LSQ, times its g = 1 / sqrt(N Q), times s ln 2 for log2(s)."""
        x = torch.tensor([[0.3, -0.07, 5.0, -5.0]])
        build, task = quantizing(x, x, scale=0.25)
        run = begin(build, task, {"learned_scales": {}})
        run.network(x).sum().backward()
        inside = [round(v / 0.25) - v / 0.25 for v in (0.3, -0.07)]
        expected = (sum(inside) + 3 - 3) / math.sqrt(4 * 3) * 0.25 * math.log(2)
        (parameter,) = run.network.parameters()
        assert parameter.grad.item() == pytest.approx(expected, rel=1e-5)

    def test_weights_start_from_the_mean_of_each_channel(self, begin):
        run = begin(lambda: layer(4, 50), Fixed([]), {"learned_scales": {"significant": 24}})
        (quantizer,) = quantizers_of(run.network)
        expected = 2 * run.network.weight.abs().mean(dim=1, keepdim=True) / math.sqrt(7)
        torch.testing.assert_close(quantizer.scale, expected)

    def test_weights_alone_or_activations_alone(self, begin):
        def build():
            return nn.Sequential(quantizers.signed(1, 1.0), layer(4), quantizers.relu(4), layer(1, 3))

        for options, learned in (
            ({}, {"1", "2"}),
            ({"weights": False}, {"2"}),
            ({"activations": False}, {"1"}),
        ):
            names = {
                name
                for name, _ in begin(build, Fixed([]), {"learned_scales": options}).network.named_parameters()
            }
            assert {name[0] for name in names if "scaling_impl" in name} == learned

    @pytest.mark.parametrize(
        ("value", "significant", "expected"),
        [(0.7, 1, 0.5), (0.8, 1, 1.0), (3.0, 1, 4.0), (0.7, 3, 0.75), (11.4, 3, 12.0), (0.7, 24, 0.7)],
    )
    def test_significant_bits(self, value, significant, expected):
        assert rounded(torch.tensor(value), significant).item() == pytest.approx(expected, rel=1e-7)

    @pytest.mark.parametrize("significant", [1, 4])
    def test_exported_scales_are_the_learned_ones(self, tmp_path, significant):
        spec = MethodSpec("learned_scales", (("significant", significant),))
        network, graph, _ = digits(tmp_path, "w4a4", spec)
        values, nodes = constants(graph), [node for node in graph.node if node.op_type == "Quant"]
        exported = {tuple(values[node.input[1]].ravel()) for node in nodes}
        assert exported == {tuple(q.scale.numpy().ravel()) for q in quantizers_of(network)}
        whole = np.log2(np.concatenate([np.array(scales) for scales in exported])) % 1 == 0
        assert whole.all() == (significant == 1)


class TestNonuniformThresholds:
    def start(self, begin, task=None, bits=3, **options):
        run = begin(lambda: quantizers.relu(bits, 0.5), task or Fixed([]), {"nonuniform_thresholds": options})
        return run, run.network.train()

    def test_it_starts_as_the_quantizer_that_was_there(self, begin):
        _, network = self.start(begin)
        x = 3 * numbers(1000)
        assert torch.equal(network(x), quantizers.relu(3, 0.5)(x))

    def test_gradients_are_those_of_rounding_at_random_on_average(self, begin):
        """Written out for widths 1, 2 and 0.5 from a start of 0.25."""
        _, network = self.start(begin, bits=2)
        learned = network.act_quant.fused_activation_quant_proxy.activation_impl
        learned.start.data.fill_(0.25)
        learned.widths.data = torch.tensor([1.0, 2.0, 0.5])
        x = torch.tensor([-1.0, 0.1, 0.5, 2.0, 3.5, 9.0]).requires_grad_()
        y = network(x)
        assert y.tolist() == [0, 0, 0, 0.5, 1.5, 1.5]  # thresholds 0.75, 2.25, 3.5
        (y * torch.tensor([1.0, 1.0, 1.0, 10.0, 100.0, 1000.0])).sum().backward()
        torch.testing.assert_close(x.grad, 0.5 * torch.tensor([0.0, 0.0, 1.0, 10 / 2, 100 / 0.5, 0.0]))
        # Of the value in each width: -part / width for its own, -1 / width for the widths before it.
        own = [-0.25, -10 * 0.75 / 4, -100 * 0.25 / 0.25]
        before = [-10 / 2 - 100 / 0.5, -100 / 0.5, 0.0]
        expected = 0.5 * (torch.tensor(own) + torch.tensor(before))
        torch.testing.assert_close(learned.widths.grad, expected)
        assert learned.start.grad.item() == pytest.approx(0.5 * (-1 - 10 / 2 - 100 / 0.5))

    def test_it_finds_the_thresholds_that_made_the_data(self, begin):
        """A step function with steps at no equal distances, from examples alone."""
        wanted = torch.tensor([0.2, 0.9, 1.1])
        x = 3 * torch.rand(4000, 1, generator=torch.Generator().manual_seed(3))
        y = 0.5 * torch.bucketize(x, wanted, right=True).float()
        task = Fixed([Batch(part, wish) for part, wish in zip(x.split(40), y.split(40), strict=True)])
        errors = {}
        for name in ("plain", "learned"):
            if name == "plain":
                network = quantizers.relu(2, 0.5)
            else:
                run, network = self.start(begin, task, bits=2)
                run.recipe = dataclasses.replace(run.recipe, epochs=8)
                run._scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(run._adam, 8 * task.steps)
                epochs(run).finish()
            errors[name] = (network.eval()(x) - y).square().mean().item()
        found = network.act_quant.fused_activation_quant_proxy.activation_impl.own_thresholds
        torch.testing.assert_close(found[0], wanted, atol=0.06, rtol=0)
        assert errors["learned"] < errors["plain"] / 3

    def test_widths_stay_above_the_least(self, begin):
        run, network = self.start(begin, least=0.5)
        learned = network.act_quant.fused_activation_quant_proxy.activation_impl
        learned.widths.data = torch.linspace(-1, 1, 7)
        learned.start.data.fill_(-5.0)
        run.methods["nonuniform_thresholds"].after_step(run)
        assert learned.widths.min().item() == 0.25
        assert learned.thresholds[0].item() == pytest.approx(0.125)
        assert (learned.thresholds.diff() >= 0.25).all()

    def test_no_relu(self, begin):
        with pytest.raises(
            LevadaError, match=r"is for ReLU of two bits or more, and it has none; leave it out$"
        ):
            begin(layer, Fixed([]), {"nonuniform_thresholds": {}})

    @pytest.mark.parametrize("others", [(), (MethodSpec("learned_scales", (("significant", 5),)),)])
    def test_the_file_has_the_learned_thresholds(self, tmp_path, others):
        network, graph, _ = digits(tmp_path, "w4a4", MethodSpec("nonuniform_thresholds"), *others)
        values = constants(graph)
        tables = [values[node.input[1]] for node in graph.node if node.op_type == "MultiThreshold"]
        own = {key: tensor for key, tensor in network.state_dict().items() if key.endswith("own_thresholds")}
        assert len(tables) == len(own) == 4
        assert {table.tobytes() for table in tables} == {t.numpy().tobytes() for t in own.values()}
        assert all(np.ptp(np.diff(table)) > 1e-3 for table in tables)
