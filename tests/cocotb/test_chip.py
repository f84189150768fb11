"""The chip between memories and masters of cocotbext-axi: tests of their own, in a simulator with Python."""

from __future__ import annotations

import pytest

from tests.cocotb import simulator


@pytest.fixture(scope="module", autouse=True)
def cocotb():
    simulator.require()


@pytest.mark.parametrize("module", ["accesses", "batches", "faults"])
def test_in_the_simulator(module, tmp_path):
    found = simulator.run(f"tests.cocotb.{module}", tmp_path)
    assert found, (tmp_path / "log.txt").read_text()[-3000:]
    failed = [f"{name}: {said}" for name, said in found.items() if said is not None]
    assert not failed, "\n".join(failed)
