"""The measurement of methods: what is compared, and what its numbers mean."""

import math

import pytest

from levada.train import methods
from levada.train.own import quantizers_of
from levada.train.quantizers import weights_of
from tests import method_effects as effects


def test_every_method_is_measured():
    assert sorted(effects.EFFECTS) == methods.names()


def test_a_pair_differs_by_the_method_alone():
    for name, effect in effects.EFFECTS.items():
        without, after = effect.pair(1, 2)
        assert name not in {spec.name for spec in without.methods}
        assert name in {spec.name for spec in after.methods}
        assert (without.seed, without.epochs) == (after.seed, after.epochs)
        assert without.key != after.key


@pytest.mark.parametrize(
    ("name", "greatest"), [("digits-w4a4", [31] * 5), ("espcn-x2-w8a8", [255, 31, 31, 255])]
)
def test_all_layers_have_the_same_bits(name, greatest):
    """But for the bytes that ESPCN reads and gives."""
    network = effects.uniform(name, (3, 5))
    assert {weights.bits for weights in weights_of(network)} == {3}
    found = [quantizer.bounds[1] for quantizer in quantizers_of(network) if quantizer.weights is None]
    assert found == greatest


def test_interval():
    """Of 1, 2 and 3: t of two degrees of freedom is 4.303."""
    mean, half = effects.interval([1.0, 2.0, 3.0])
    assert mean == 2.0
    assert half == pytest.approx(4.3027 / math.sqrt(3), rel=1e-4)


@pytest.mark.parametrize(
    ("gains", "verdict"),
    [
        ((1.0, 1.1, 0.9), "reproduced"),
        ((1.0, 0.1, 0.2), "not reproduced"),
        ((-1.0, -1.1, -0.9), "not reproduced"),
        ((0.0, 0.0, 0.0), "not reproduced"),
    ],
)
def test_verdict(gains, verdict):
    bases = (90.0, 95.0, 85.0)
    found = effects.row("saq", [(base, base + gain) for base, gain in zip(bases, gains, strict=True)])
    assert found[2] == "90.00 ± 12.42"
    assert found[-1] == verdict
