"""What is around the chip in cocotb tests: memory, a master at the registers, pauses, accounts of bursts."""

from __future__ import annotations

import random

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge
from cocotb.utils import get_sim_time
from cocotbext.axi import (
    AxiBus,
    AxiLiteBus,
    AxiLiteMaster,
    AxiMaster,
    AxiRamRead,
    AxiRamWrite,
    AxiReadBus,
    AxiWriteBus,
)
from cocotbext.axi.axi_channels import AxiARMonitor, AxiAWMonitor, AxiBMonitor, AxiRMonitor, AxiWMonitor
from cocotbext.axi.sparse_memory import SparseMemory
from levada_driver import registers as reg
from levada_driver.packing import WORD, Transfer, pack, unpack

import levada.layers  # noqa: F401 - fills the registry
from levada.graph import execute
from tests.cocotb.simulator import PORTS
from tests.unit import packages

GRAPH = packages.wide()
SOURCE, RESULT = (
    Transfer(GRAPH.stream(name), ports)
    for name, ports in zip((*GRAPH.inputs, *GRAPH.outputs), PORTS, strict=True)
)
#: What lies in memory where nothing was written.
FILL = 0xA5
PAGE = 4096
#: Cycles in which anything here comes to its end.
PATIENCE = 50_000

#: Makes a function a cocotb test, which ends even where nobody answers.
simulated = cocotb.test(timeout_time=50 * PATIENCE, timeout_unit="ns")


class Bench:
    """The chip after power on; `registers` is a master of cocotbext-axi at its registers."""

    def __init__(self, dut, registers):
        self.dut, self.registers = dut, registers
        self.memory = SparseMemory(1 << 32)
        self.readers = [
            AxiRamRead(AxiReadBus.from_prefix(dut, f"m_axi{k}"), dut.clk, mem=self.memory)
            for k in range(PORTS[0])
        ]
        self.writer = AxiRamWrite(AxiWriteBus.from_prefix(dut, "m_axi0"), dut.clk, mem=self.memory)
        self.overlaps = 0  # batches that were started while one was under way
        self.accounts = [_ReadAccount(dut, k) for k in range(PORTS[0])] + [_WriteAccount(dut)]

    def channels(self):
        """All channels that cocotbext-axi may pause: those of memory, and those of the registers."""
        slaves = [*self.readers, self.writer, self.registers.read_if, self.registers.write_if]
        names = [f"{name}_channel" for name in ("ar", "r", "aw", "w", "b")]
        return [getattr(slave, name) for slave in slaves for name in names if hasattr(slave, name)]

    def pause(self, chance, seed):
        """Every channel pauses in a cycle with this chance."""
        for index, channel in enumerate(self.channels()):
            channel.set_pause_generator(_pauses(chance, f"{seed}/{index}"))

    async def read(self, register):
        return await self.registers.read_dword(register)

    async def write(self, register, value):
        await self.registers.write_dword(register, value)

    async def until(self, register, holds):
        """The register's value as soon as it `holds`."""
        end = get_sim_time("ns") + 10 * PATIENCE
        while not holds(value := await self.read(register)):
            assert get_sim_time("ns") < end, f"register {register:#x} stays {value:#x}"
        return value

    async def start(self, batch):
        """Starts a batch as soon as the chip takes one more; nothing happens where one before has failed."""
        batch.put(self.memory)
        status = await self.until(reg.STATUS, lambda status: status & (reg.TAKES_MORE | reg.FAILED))
        self.overlaps += bool(status & reg.BUSY)
        for number, (address, words) in enumerate(zip(batch.addresses, batch.words, strict=True)):
            await self.write(reg.engine(number) + reg.ADDRESS, address)
            await self.write(reg.engine(number) + reg.ADDRESS + 4, 0)
            await self.write(reg.engine(number) + reg.WORDS, words)
        await self.write(reg.CONTROL, reg.START)

    async def run(self, batches):
        """Batches one behind the other, the next one started as soon as may be; all results are checked."""
        before = await self.read(reg.BATCHES)
        for batch in batches:
            await self.start(batch)
        await self.until(reg.BATCHES, lambda done: done == before + len(batches))
        for batch in batches:
            batch.check(self.memory)

    async def reset(self):
        """The reset that a host asks for, to its end: what memory was asked for has come by then."""
        await self.write(reg.CONTROL, reg.RESET)
        await self.until(reg.STATUS, lambda status: not status & (reg.RESETTING | reg.BUSY))
        self.check_accounts()

    def check_accounts(self):
        """Every burst that was begun is complete: words as many as announced, writes answered."""
        for account in self.accounts:
            account.check()


class _ReadAccount:
    """What is asked for at a port that reads, and what comes."""

    def __init__(self, dut, port):
        bus = AxiReadBus.from_prefix(dut, f"m_axi{port}")
        self._asked = AxiARMonitor(bus.ar, dut.clk)
        self._came = AxiRMonitor(bus.r, dut.clk)

    def check(self):
        lengths = [int(burst.arlen) + 1 for burst in _taken(self._asked)]
        assert max(lengths, default=0) <= 16
        assert sum(lengths) == len(_taken(self._came))


class _WriteAccount:
    """What is announced at the port that writes, what is sent, and what is answered."""

    def __init__(self, dut):
        bus = AxiWriteBus.from_prefix(dut, "m_axi0")
        self._announced = AxiAWMonitor(bus.aw, dut.clk)
        self._sent = AxiWMonitor(bus.w, dut.clk)
        self._answered = AxiBMonitor(bus.b, dut.clk)

    def check(self):
        lengths = [int(burst.awlen) + 1 for burst in _taken(self._announced)]
        assert max(lengths, default=0) <= 16
        assert sum(lengths) == len(_taken(self._sent))
        assert len(lengths) == len(_taken(self._answered))


def _taken(monitor):
    """All that passed since the last look."""
    return [monitor.recv_nowait() for _ in range(monitor.count())]


def _pauses(chance, seed):
    source = random.Random(seed)
    while True:
        yield source.random() < chance


class Batch:
    """Frames, and where they and their results lie: each part begins just before a page of memory ends."""

    def __init__(self, frames, seed):
        source = np.random.default_rng(seed)
        self.frames = frames
        self.x = source.integers(0, 16, (frames, SOURCE.stream.size))
        self.words = [frames * part.words for part in (SOURCE, RESULT) for _ in range(part.ports)]
        pages = 1 + source.choice(1 << 18, len(self.words), replace=False) * 4
        self.addresses = [int(page) * PAGE - WORD * int(source.integers(1, 40)) for page in pages]

    def put(self, memory):
        """Writes the frames, and what no result may touch around its place."""
        ends = [np.empty(WORD * words, np.uint8) for words in self.words[: SOURCE.ports]]
        SOURCE.scatter(pack(self.x, SOURCE.stream), ends)
        for address, data in zip(self.addresses, ends, strict=False):
            memory.write(address, data.tobytes())
        memory.write(self.addresses[-1] - PAGE // 2, bytes([FILL]) * (WORD * self.words[-1] + PAGE))

    def check(self, memory):
        """Results are the golden model's, and nothing lies beside them."""
        golden = execute(GRAPH, self.x)[GRAPH.outputs[0]].reshape(self.frames, -1)
        data = np.frombuffer(memory.read(self.addresses[-1], WORD * self.words[-1]), np.uint8)
        got = unpack(RESULT.gather([data], self.frames), RESULT.stream)
        assert np.array_equal(got, golden), np.argwhere(got != golden)[0]
        beside = data.reshape(self.frames, -1)[:, RESULT.stream.frame_bytes :]
        assert beside.size
        assert (beside == FILL).all()
        before = memory.read(self.addresses[-1] - PAGE // 2, PAGE // 2)
        behind = memory.read(self.addresses[-1] + len(data), PAGE // 2)
        assert set(before + behind) == {FILL}


async def powered(dut, master=AxiLiteMaster):
    """The bench after power on, with a master for AXI4-Lite or one for AXI4 at the registers."""
    cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
    dut.rst_n.value = 0
    # What a master for AXI4-Lite does not know.
    for name in ("awid", "arid", "arlen"):
        getattr(dut, f"s_axi_{name}").value = 0
    dut.s_axi_wlast.value = 1
    bus = {AxiLiteMaster: AxiLiteBus, AxiMaster: AxiBus}[master]
    bench = Bench(dut, master(bus.from_prefix(dut, "s_axi"), dut.clk))
    await ClockCycles(dut.clk, 5)
    dut.rst_n.value = 1
    await RisingEdge(dut.clk)
    await bench.until(reg.STATUS, lambda status: not status & reg.RESETTING)
    return bench
