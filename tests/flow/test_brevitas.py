"""One hardware for every way to export a Brevitas network: quant tensors or none, QONNX or QCDQ."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from levada.layer import Tensor
from tests.flow.checks import check_equal
from tests.flow.networks import export


def described(graph):
    """What the hardware is: kinds, and every number in each layer."""

    def plain(value):
        return value.tolist() if isinstance(value, np.ndarray) else repr(value)

    def values(layer):
        found = (getattr(layer, field.name) for field in dataclasses.fields(layer))
        # A tensor carries the name that the exporter gave it.
        return [plain(value) for value in found if not isinstance(value, Tensor)]

    return [
        (
            node.layer.kind,
            [(port.shape, port.dtype) for port in node.layer.inputs],
            *values(node.layer),
        )
        for node in graph.nodes
    ]


class Parts:
    """Brevitas modules of 4 bits whose scales are constant powers of two."""

    def __init__(self, quant_tensor, between, per_channel, bias, shared):
        import torch
        from brevitas.inject.enum import RestrictValueType, ScalingImplType

        torch.manual_seed(3)
        self.between = between
        self.act = {
            "bit_width": 4,
            "max_val": 2.0,
            "return_quant_tensor": quant_tensor,
            "scaling_impl_type": ScalingImplType.CONST,
            "restrict_scaling_type": RestrictValueType.POWER_OF_TWO,
        }
        self.weights = {
            "bias": bias,
            "weight_bit_width": 4,
            "weight_restrict_scaling_type": RestrictValueType.POWER_OF_TWO,
            "weight_scaling_per_output_channel": per_channel,
        }
        self._shared = {} if shared else None

    def _made(self, kind, **options):
        import brevitas.nn as qnn

        if self._shared is None:
            return getattr(qnn, kind)(**self.act, **options)
        return self._shared.setdefault(kind, getattr(qnn, kind)(**self.act, **options))

    def signed(self):
        return self._made("QuantIdentity", min_val=-2.0)

    def relu(self):
        return self._made("QuantReLU")

    def product(self, module):
        from torch import nn

        return nn.Sequential(module, nn.Identity()) if self.between else module


def brevitas_mlp(parts, hidden=6):
    import brevitas.nn as qnn
    from torch import nn

    layers = [parts.signed()]
    for _ in range(2):
        layers += [parts.product(qnn.QuantLinear(hidden, hidden, **parts.weights)), parts.relu()]
    return nn.Sequential(*layers, qnn.QuantLinear(hidden, 3, **parts.weights))


def brevitas_images(parts, channels=4):
    """A residual block with a depthwise convolution, a pool, and a fully connected end."""
    import brevitas.nn as qnn
    from torch import nn

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            around = {"padding": 1, **parts.weights}
            self.start, self.end = parts.signed(), qnn.QuantLinear(channels * 9, 3, **parts.weights)
            self.first = parts.product(qnn.QuantConv2d(2, channels, 3, **around))
            self.depthwise = parts.product(qnn.QuantConv2d(channels, channels, 3, groups=channels, **around))
            self.relu, self.left, self.right, self.after = (
                parts.relu(),
                parts.signed(),
                parts.signed(),
                parts.relu(),
            )
            self.pool = nn.MaxPool2d(2)

        def forward(self, x):
            x = self.relu(self.first(self.start(x)))
            x = self.left(self.depthwise(x)) + self.right(x)
            return self.end(self.pool(self.after(x)).flatten(1))

    return Block()


NETWORKS = {"mlp": (brevitas_mlp, (6,)), "images": (brevitas_images, (2, 6, 6))}
PLAIN = {"quant_tensor": False, "between": False, "per_channel": False, "bias": False, "shared": False}


def hardware(network, path, exporter="qonnx", **how):
    make, shape = NETWORKS[network]
    model = export(make(Parts(**PLAIN | how)), shape, exporter)
    graph, got = check_equal(model, path)
    return described(graph), got


@pytest.fixture(scope="module", params=NETWORKS)
def plain(request, tmp_path_factory):
    return request.param, *hardware(request.param, tmp_path_factory.mktemp("plain"))


SAME = {
    "quant-tensors": {"quant_tensor": True},
    "identity-between": {"between": True},
    "shared-quantizer": {"shared": True},
    "qcdq": {"exporter": "qcdq"},
    "qcdq-quant-tensors": {"exporter": "qcdq", "quant_tensor": True},
}


@pytest.mark.parametrize("how", SAME.values(), ids=SAME)
def test_export_gives_the_same_hardware(how, plain, tmp_path):
    network, layers, integers = plain
    other, got = hardware(network, tmp_path, **how)
    assert other == layers
    assert np.array_equal(got, integers)


KINDS = {
    "mlp": ["mvau"] * 3,
    "images": ["swu", "mvau", "fork", "swu", "vvau", "thresholding", "add", "maxpool", "mvau"],
}


def test_kinds_of_layers(plain):
    network, layers, _ = plain
    assert [kind for kind, *_ in layers] == KINDS[network]


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("how", [{"per_channel": True}, {"bias": True}], ids=["scale-a-channel", "bias"])
def test_qcdq_gives_the_same_hardware_as_qonnx(how, network, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    layers, got = hardware(network, tmp_path / "a", **how)
    other_layers, other_got = hardware(network, tmp_path / "b", exporter="qcdq", **how)
    assert layers == other_layers
    assert np.array_equal(got, other_got)
