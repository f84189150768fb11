"""The accelerator's whole programmable logic in Verilator, with memory behind it: a program that is asked.

Time passes only while registers are accessed and in `wait`, so a slow host costs no cycles.
"""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np

from levada_driver.backends import Bytes
from levada_driver.backends.memory import BASE, SIZE, Memory, Part
from levada_driver.errors import DriverError
from levada_driver.manifest import Manifest

BINARY = "sim/chipsim"
IMAGES = "rtl"  # folder with the memory images that the RTL reads at its start


class SimulatedChip:
    """A running `chipsim`; see the commands in levada/sim/chipsim.cpp."""

    patience = 0.01  # a million cycles at 100 MHz take some seconds to simulate

    def __init__(self, binary: Path, images: Path) -> None:
        self._binary = binary
        self._asking = threading.Lock()
        self._file: Any = tempfile.NamedTemporaryFile(prefix="levada-chipsim-")  # noqa: SIM115 - kept open
        self._file.truncate(SIZE)
        data: Bytes = np.memmap(self._file.name, np.uint8, "r+", shape=(SIZE,))
        self._memory = Memory(data)
        command = [str(binary.resolve()), self._file.name, str(BASE)]
        pipe = subprocess.PIPE
        try:
            self._process: Any = subprocess.Popen(
                command, cwd=images, stdin=pipe, stdout=pipe, stderr=pipe, text=True
            )
        except OSError as error:
            self._file.close()
            raise DriverError(f"{binary}: cannot be run here ({error}); build the package here") from error

    def ask(self, *words: str | int) -> str:
        """The answer to a command; DriverError where the program is no more."""
        line = " ".join(map(str, words))
        with self._asking:
            try:
                self._process.stdin.write(f"{line}\n")
                self._process.stdin.flush()
            except (OSError, ValueError):
                pass  # it has ended: then there is no answer, but a reason
            answer: str = "" if self._process.stdout.closed else self._process.stdout.readline()
        if not answer.endswith("\n"):
            raise DriverError(self._ended())
        return answer.rstrip("\n")

    def _ended(self) -> str:
        said = "" if self._process.stderr.closed else self._process.stderr.read().strip()
        return f"rtlsim: {self._binary} ended ({said or self._process.poll()}); open the accelerator again"

    def read(self, offset: int) -> int:
        """The value of a register."""
        return int(self.ask("read", offset))

    def write(self, offset: int, value: int) -> None:
        """Sets a register."""
        self.ask("write", offset, value)

    def allocate(self, size: int) -> Part:
        """Memory that both sides see."""
        return self._memory.allocate(size)

    def wait(self, cycles: int) -> int:
        """Simulates."""
        return int(self.ask("run", cycles))

    def traffic(self) -> None:
        """Nothing: there is no line."""

    def power(self) -> None:
        """Nothing: a simulation takes none of its own."""

    def close(self) -> None:
        """Ends the program."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            with contextlib.suppress(OSError):  # what it had not taken yet
                stream.close()
        self._file.close()


def open_package(folder: Path, _manifest: Manifest) -> SimulatedChip:
    """The simulated chip of a deploy package."""
    if not (folder / BINARY).is_file():
        raise DriverError(
            f"{folder / BINARY}: the package has no RTL simulator; build it with the flow `simulate`"
        )
    return SimulatedChip(folder / BINARY, folder / IMAGES)
