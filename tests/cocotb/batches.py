"""Batches from memory to memory, under pauses of every channel: run in the simulator, by test_chip.py."""

from __future__ import annotations

import cocotb
from cocotbext.axi import AxiLiteMaster, AxiMaster

from tests.cocotb.bench import Batch, powered, simulated


@simulated
@cocotb.parametrize(master=[AxiLiteMaster, AxiMaster], chance=[0, 0.3, 0.7])
async def a_batch_is_right(dut, master, chance):
    bench = await powered(dut, master)
    bench.pause(chance, seed=1)
    await bench.run([Batch(20, seed=2)])
    bench.check_accounts()


@simulated
@cocotb.parametrize(seed=range(4))
async def batches_overlap(dut, seed):
    """The next one is started while one is under way; most are shorter than a burst."""
    bench = await powered(dut)
    bench.pause(0.15 * seed, seed)
    sizes = [1, 7, 2, 33, 3, 1, 5]
    await bench.run([Batch(size, 100 * seed + index) for index, size in enumerate(sizes)])
    assert bench.overlaps >= 3
    bench.check_accounts()
