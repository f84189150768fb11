"""Memory that answers with errors at random moments: run in the simulator, by test_chip.py."""

from __future__ import annotations

import itertools
import random
from contextlib import contextmanager

import cocotb
from cocotb.triggers import ClockCycles
from cocotbext.axi import AxiResp
from levada_driver import registers as reg

from tests.cocotb.bench import Batch, powered, simulated

# Frames of the batch that fails: it has this many words at each reader, and bursts at the writer.
FRAMES, WORDS, BURSTS = 20, 80, 3


@contextmanager
def fault(bench, engine, answer, after):
    """Another answer of memory to this engine, `after` so many: one a word to read, one a burst to write."""
    slaves = [(reader.r_channel, "rresp") for reader in bench.readers] + [(bench.writer.b_channel, "bresp")]
    channel, field = slaves[engine]
    send, left = channel.send, itertools.count(after, -1)

    async def changed(transaction):
        if next(left) == 0:
            setattr(transaction, field, answer)
        await send(transaction)

    channel.send = changed
    yield
    channel.send = send


@simulated
@cocotb.parametrize(engine=range(3), answer=[AxiResp.SLVERR, AxiResp.DECERR])
async def an_error_names_its_engine_and_leaves_no_trace(dut, engine, answer):
    bench = await powered(dut)
    source = random.Random(f"{engine}/{answer}")
    for index in range(8):
        bench.pause(0.6 * source.random(), index)
        after = source.randrange(WORDS if engine < len(bench.readers) else BURSTS)
        with fault(bench, engine, answer, after):
            for frames in (FRAMES, 3):
                await bench.start(Batch(frames, seed=index))
            assert await bench.until(reg.ERRORS, bool) == answer << 2 * engine
        assert await bench.read(reg.STATUS) & reg.FAILED
        await bench.reset()
        assert await bench.read(reg.ERRORS) == await bench.read(reg.BATCHES) == 0
        await bench.run([Batch(1 + source.randrange(30), seed) for seed in (index, index + 1)])
        bench.check_accounts()


@simulated
async def errors_of_two_engines_are_both_named(dut):
    bench = await powered(dut)
    with fault(bench, 0, AxiResp.SLVERR, 3), fault(bench, 1, AxiResp.DECERR, 5):
        await bench.start(Batch(FRAMES, seed=0))
        both = AxiResp.SLVERR | AxiResp.DECERR << 2
        await bench.until(reg.ERRORS, lambda errors: errors == both)
    await bench.reset()
    await bench.run([Batch(FRAMES, seed=1)])


@simulated
@cocotb.parametrize(seed=range(3))
async def a_reset_at_any_time_ends_all_in_order(dut, seed):
    """Bursts that are under way come to their end, and no byte is written late."""
    bench = await powered(dut)
    source = random.Random(seed)
    for index in range(6):
        bench.pause(0.6 * source.random(), index)
        await bench.start(Batch(FRAMES, seed=index))
        await ClockCycles(dut.clk, source.randrange(1, 300))
        await bench.reset()
        await bench.run([Batch(5, seed=100 + index)])
        bench.check_accounts()


@simulated
async def an_error_raises_the_interrupt(dut):
    bench = await powered(dut)
    await bench.write(reg.INTERRUPT, 1)
    assert dut.irq.value == 0
    with fault(bench, 2, AxiResp.SLVERR, 0):
        await bench.start(Batch(FRAMES, seed=0))
        await bench.until(reg.ERRORS, bool)
    assert dut.irq.value == 1
    await bench.reset()
    assert dut.irq.value == 0
