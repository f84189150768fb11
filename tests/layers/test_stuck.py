"""A simulation that does not end is ended, and says which streams wait between which layers."""

from __future__ import annotations

import numpy as np
import pytest
from levada_driver.datatype import IntType

from levada.errors import CheckFailedError
from levada.layer import Tensor, buffer
from levada.sim.rtlsim import RtlSim
from levada.sim.single import single


@pytest.fixture(scope="module")
def sim():
    layer = buffer()(Tensor("x", (8,), IntType.parse("UINT4")), 2, 4)
    return RtlSim(single(layer, next(layer.foldings())))


def test_limit_names_the_streams_and_their_layers(sim):
    with pytest.raises(CheckFailedError) as error:
        sim.run(np.zeros((4, 8), np.int64), limit=3)
    assert str(error.value) == (
        "rtlsim is stuck in cycle 3: in0_0 (input -> fifo_0) moves, out0_0 (fifo_0 -> output) moves"
    )


def test_enough_cycles_are_no_problem(sim):
    run = sim.run(np.arange(32).reshape(4, 8) % 16, limit=18)
    assert run.cycles == 17
