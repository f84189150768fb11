"""Accesses of registers by masters for AXI4-Lite and AXI4: run in the simulator, by test_chip.py."""

from __future__ import annotations

import random

import cocotb
from cocotb.triggers import ClockCycles
from cocotbext.axi import AxiLiteMaster, AxiMaster, AxiReadBus, AxiResp, AxiWriteBus
from cocotbext.axi.axi_channels import AxiBMonitor, AxiRMonitor
from levada_driver import registers as reg

from tests.cocotb.bench import Batch, powered, simulated

# What reads as it was written, and what nothing is behind: beyond the engines, and between the blocks.
WRITTEN = reg.engine(0) + reg.ADDRESS
UNMAPPED = (0x02C, 0x038, 0x060, 0x0FC, 0x118, reg.engine(3), 0xFFC)
MASTERS = [AxiLiteMaster, AxiMaster]


async def whole_map(bench):
    """All registers, word by word."""
    return [await bench.read(offset) for offset in range(0, reg.SIZE, 4)]


@simulated
@cocotb.parametrize(chance=[0, 0.4])
async def bursts_read_what_single_accesses_do(dut, chance):
    """Up to 256 words in AXI4, up to 16 in AXI3."""
    bench = await powered(dut, AxiMaster)
    await bench.run([Batch(3, seed=0)])
    words = await whole_map(bench)
    assert words[0] == reg.MAGIC_WORD
    bench.pause(chance, seed=0)
    for longest in (256, 16, 3):
        bench.registers.read_if.max_burst_len = longest
        assert await bench.registers.read_dwords(0, len(words)) == words


@simulated
@cocotb.parametrize(chance=[0, 0.4])
async def a_burst_writes_registers_one_behind_the_other(dut, chance):
    bench = await powered(dut, AxiMaster)
    bench.pause(chance, seed=0)
    for number in range(3):
        values = [0x1234_5678 + number, 0x9ABC_DEF0 + number, 77 + number]
        await bench.registers.write_dwords(reg.engine(number), values)
        assert [await bench.read(reg.engine(number) + 4 * index) for index in range(3)] == values


@simulated
@cocotb.parametrize(master=MASTERS)
async def part_of_a_register_cannot_be_written(dut, master):
    bench = await powered(dut, master)
    await bench.write(WRITTEN, 0x1122_3344)
    for first in range(4):
        for last in range(first, 4):
            if (first, last) != (0, 3):
                answer = await bench.registers.write(WRITTEN + first, b"\xff" * (last - first + 1))
                assert answer.resp == AxiResp.OKAY
    assert await bench.read(WRITTEN) == 0x1122_3344
    # Half a register, a whole one, half a register.
    await bench.write(WRITTEN + 8, 5)
    await bench.registers.write(WRITTEN + 2, b"\xff" * 8)
    assert [await bench.read(WRITTEN + offset) for offset in (0, 4, 8)] == [0x1122_3344, 0xFFFF_FFFF, 5]


@simulated
@cocotb.parametrize(master=MASTERS)
async def registers_that_do_not_exist_are_answered(dut, master):
    bench = await powered(dut, master)
    await bench.write(WRITTEN, 1)
    before = await whole_map(bench)
    for offset in UNMAPPED:
        answer = await bench.registers.write(offset, b"\xff" * 4)
        assert answer.resp == AxiResp.OKAY
        answer = await bench.registers.read(offset, 4)
        assert (answer.resp, answer.data) == (AxiResp.OKAY, bytes(4))
    # Of those that can only be read, writes change nothing.
    for offset in (
        reg.MAGIC,
        reg.MAP,
        reg.DIGEST,
        reg.SHAPE,
        reg.STATUS,
        reg.BATCHES,
        reg.ERRORS,
        reg.CYCLES,
    ):
        await bench.write(offset, 0xFFFF_FFFF)
    assert await whole_map(bench) == before


@simulated
async def identifiers_come_back(dut):
    """Accesses of many masters wait at once; each gets its own answer."""
    bench = await powered(dut, AxiMaster)
    bench.pause(0.3, seed=0)
    read = AxiRMonitor(AxiReadBus.from_prefix(dut, "s_axi").r, dut.clk)
    written = AxiBMonitor(AxiWriteBus.from_prefix(dut, "s_axi").b, dut.clk)
    source = random.Random(0)
    ids = [source.randrange(1 << 12) for _ in range(20)]
    words = [source.randrange(1, 5) for _ in ids]
    accesses = []
    for number, length in zip(ids, words, strict=True):
        accesses.append(bench.registers.init_read(reg.MAGIC, 4 * length, number))
        accesses.append(bench.registers.init_write(WRITTEN, bytes(4 * length), number))
    for access in accesses:
        await access.wait()
    want = [number for number, length in zip(ids, words, strict=True) for _ in range(length)]
    assert [int(read.recv_nowait().rid) for _ in range(read.count())] == want
    assert [int(written.recv_nowait().bid) for _ in range(written.count())] == ids


@simulated
async def the_interrupt_is_high_while_a_batch_was_not_seen(dut):
    bench = await powered(dut)
    await bench.run([Batch(2, seed=0)])
    assert dut.irq.value == 0
    for register, high in ((reg.INTERRUPT, 1), (reg.SEEN, 0)):
        await bench.write(register, 1)
        await ClockCycles(dut.clk, 2)
        assert dut.irq.value == high
