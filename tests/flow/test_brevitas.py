"""One hardware for every way to export a Brevitas network: quant tensors or none, QONNX or QCDQ."""

from __future__ import annotations

import numpy as np
import pytest

from tests.flow.checks import check_equal
from tests.flow.networks import export


def described(graph):
    """What the hardware is: kinds, and the numbers in each layer."""
    return [
        (
            node.layer.kind,
            node.layer.weights.tolist(),
            None if node.layer.thresholds is None else node.layer.thresholds.tolist(),
            node.layer.otype,
        )
        for node in graph.nodes
    ]


def brevitas_mlp(quant_tensor, between=False, per_channel=False, bias=False, shared=False, hidden=6):
    import brevitas.nn as qnn
    import torch
    from brevitas.inject.enum import RestrictValueType, ScalingImplType
    from torch import nn

    common = {
        "scaling_impl_type": ScalingImplType.CONST,
        "restrict_scaling_type": RestrictValueType.POWER_OF_TWO,
    }
    act = {f"act_{key}" if key == "x" else key: value for key, value in common.items()}
    weights = {
        "weight_bit_width": 4,
        "weight_restrict_scaling_type": RestrictValueType.POWER_OF_TWO,
        "weight_scaling_per_output_channel": per_channel,
    }
    torch.manual_seed(3)
    hidden_act = qnn.QuantReLU(bit_width=4, max_val=2.0, return_quant_tensor=quant_tensor, **act)
    layers = [
        qnn.QuantIdentity(bit_width=4, max_val=2.0, min_val=-2.0, return_quant_tensor=quant_tensor, **act)
    ]
    for _ in range(2):
        layers.append(qnn.QuantLinear(hidden, hidden, bias=bias, **weights))
        if between:
            layers.append(nn.Identity())
        fresh = qnn.QuantReLU(bit_width=4, max_val=2.0, return_quant_tensor=quant_tensor, **act)
        layers.append(hidden_act if shared else fresh)
    layers.append(qnn.QuantLinear(hidden, 3, bias=bias, **weights))
    return nn.Sequential(*layers)


def hardware(path, exporter="qonnx", **how):
    model = export(brevitas_mlp(**{"quant_tensor": False} | how), (6,), exporter)
    graph, got = check_equal(model, path)
    return described(graph), got


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return hardware(tmp_path_factory.mktemp("plain"))


SAME = {
    "quant-tensors": {"quant_tensor": True},
    "identity-between": {"between": True},
    "shared-quantizer": {"shared": True},
    "qcdq": {"exporter": "qcdq"},
    "qcdq-quant-tensors": {"exporter": "qcdq", "quant_tensor": True},
}


@pytest.mark.parametrize("how", SAME.values(), ids=SAME)
def test_export_gives_the_same_hardware(how, plain, tmp_path):
    layers, got = hardware(tmp_path, **how)
    assert layers == plain[0]
    assert np.array_equal(got, plain[1])
    assert [kind for kind, *_ in layers] == ["mvau"] * 3


@pytest.mark.parametrize("how", [{"per_channel": True}, {"bias": True}], ids=["scale-a-channel", "bias"])
def test_qcdq_gives_the_same_hardware_as_qonnx(how, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    layers, got = hardware(tmp_path / "a", **how)
    other_layers, other_got = hardware(tmp_path / "b", exporter="qcdq", **how)
    assert layers == other_layers
    assert np.array_equal(got, other_got)
