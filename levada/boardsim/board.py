"""The simulated board: a chip that runs by itself, memory in parts, files and registers that pynq reads."""

from __future__ import annotations

import threading
from pathlib import Path

from levada_driver import manifest as manifests
from levada_driver import registers as reg
from levada_driver.backends.memory import Part
from levada_driver.backends.rtlsim import SimulatedChip, open_package

from levada.boardsim import processors
from levada.boardsim.package import is_payload

# Cycles of one turn of the chip, between which the host may come in.
_TURN = 500
_FIRMWARE = "/lib/firmware/"
_PROGRAM = "/sys/class/fpga_manager/fpga0/firmware"


class Board:
    """A board with the chip of a deploy package. It is not programmed until a bitstream is sent.

    Attributes:
        manifest: that of the package.
        registers: those of the processor, by their address.
        files: what lies in its file system, by path.
    """

    def __init__(self, deploy: Path) -> None:
        self.manifest = manifests.read(deploy)
        self._chip: SimulatedChip = open_package(deploy, self.manifest)
        processor = processors.of(deploy)
        self.registers = dict(processor.registers)
        self._parts: dict[str, Part] = {}
        self._number = 0
        self._programmed = False
        self._lock = threading.Lock()
        self._work, self._closed = threading.Event(), threading.Event()
        name = self.manifest.board
        self.files = {
            "/proc/version": f"Linux version 6 {processor.machine} (simulated)".encode(),
            "/proc/device-tree/chosen/pynq_board": name.encode() + b"\0",
            "/sys/class/fpga_manager/fpga0/state": b"operating",
            "/sys/class/fpga_manager/fpga0/flags": b"0",
        }
        self._thread = threading.Thread(target=self._run, name="levada-board", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        """The chip's clock: it runs while a batch or a reset is under way."""
        while not self._closed.is_set():
            self._work.wait()
            if self._closed.is_set():
                return
            self._work.clear()
            self._chip.wait(_TURN)
            if self._chip.read(reg.STATUS) & (reg.BUSY | reg.RESETTING):
                self._work.set()

    def write_file(self, path: str, data: bytes) -> None:
        """Keeps a file; writing a firmware's name to the chip's manager programs the chip with it."""
        self.files[path] = data
        if path == _PROGRAM:
            binary = self.files.get(_FIRMWARE + data.decode().strip(), b"")
            self._programmed = is_payload(binary, self.manifest.digest)
            self._chip.ask("restart")

    def read(self, address: int) -> int:
        """A word of the processor's address space; ValueError where nothing is."""
        offset = address - self.manifest.registers
        if 0 <= offset < reg.SIZE:
            return self._chip.read(offset) if self._programmed else 0
        if address in self.registers:
            return self.registers[address]
        raise ValueError(f"nothing answers at address {address:#x}")

    def write(self, address: int, value: int) -> None:
        """Sets a word of the processor's address space; ValueError where nothing is."""
        offset = address - self.manifest.registers
        if 0 <= offset < reg.SIZE:
            if self._programmed:
                self._chip.write(offset, value)
                self._work.set()
        elif address in self.registers:
            self.registers[address] = value
        else:
            raise ValueError(f"nothing answers at address {address:#x}")

    def allocate(self, size: int) -> str:
        """The name of a new part of memory; DriverError where there is not as much."""
        with self._lock:
            part = self._chip.allocate(size)
            self._number += 1
            self._parts[str(self._number)] = part
            return str(self._number)

    def part(self, name: str) -> Part:
        """A part of memory; ValueError where there is none of that name."""
        if name not in self._parts:
            raise ValueError(f"there is no buffer {name!r}")
        return self._parts[name]

    def free(self, name: str) -> None:
        """Gives a part of memory back."""
        with self._lock:
            self.part(name).free()
            del self._parts[name]

    def close(self) -> None:
        """Ends the simulation."""
        self._closed.set()
        self._work.set()
        self._thread.join()
        self._chip.close()
