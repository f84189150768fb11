"""How many memory ports the streams of a chip get."""

from __future__ import annotations

import numpy as np
import pytest

from levada.emit import chip
from levada.layer import Folding
from tests.unit import graphs


def graph():
    """15 words a frame in, 5 out."""
    layer = graphs.mvau(np.random.default_rng(0), 24, 3, graphs.INT2, graphs.UINT4, pixels=(10,))
    return graphs.connected(graphs.chain([layer], [Folding(3, 8, memory="lut")]))


@pytest.mark.parametrize(
    ("interval", "available", "ports"),
    [
        (15, 4, (1, 1)),
        (14, 4, (2, 1)),
        (8, 4, (2, 1)),
        (7, 4, (4, 1)),
        (3, 4, (4, 2)),
        (1, 4, (4, 4)),
        (1, 3, (2, 2)),
        (1, 1, (1, 1)),
        (1, 0, (1, 1)),
    ],
)
def test_ports_are_as_many_as_the_rate_takes(interval, available, ports):
    design = graph()
    words = [-(-design.stream(name).frame_bytes // 8) for name in (*design.inputs, *design.outputs)]
    assert words == [15, 5]
    assert chip.ports(design, interval, available) == ports


def test_the_chip_has_a_memory_port_for_each():
    text = chip.chip(graph(), (4, 2), "0" * 16)
    assert "m_axi3_araddr" in text
    assert "m_axi4_araddr" not in text
    assert "m_axi1_awaddr" in text
    assert "m_axi2_awaddr" not in text
    assert ".IN_BYTES(32)" in text
    assert ".OUT_BYTES(16)" in text
