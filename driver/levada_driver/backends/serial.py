"""The accelerator on a board without a processor, at the other end of a serial line, with its memory here."""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from levada_driver import registers as reg
from levada_driver.backends import Bytes, Traffic
from levada_driver.backends.memory import BASE, SIZE, Memory, Part
from levada_driver.errors import DriverError, MissingError
from levada_driver.link import MOST_WORDS, PULL_HEAD, PUSH_HEAD, Link, Pull, Push, Read, Request, Write
from levada_driver.manifest import Manifest
from levada_driver.packing import WORD

# Seconds that a look at the line, a wait, and the sending of a request take at most.
_LOOK, _WAIT, _SEND = 0.01, 0.05, 10.0


class Port:
    """A serial port of this computer, for this process alone; DriverError where it fails."""

    def __init__(self, name: str, baud: int) -> None:
        serial = _pyserial()
        self._name = name
        try:
            self._port: Any = serial.Serial(name, baud, timeout=_LOOK, write_timeout=_SEND, exclusive=True)
        except (OSError, ValueError) as error:
            raise DriverError(f"{name}: {_refusal(error, baud)}") from error
        # An adapter may else hold bytes back for 16 ms. Not every platform or port has this.
        with contextlib.suppress(AttributeError, NotImplementedError, OSError, ValueError):
            self._port.set_low_latency_mode(True)
        # What came for somebody before.
        with contextlib.suppress(OSError):
            self._port.reset_input_buffer()

    def send(self, data: bytes) -> None:
        """Sends all of it."""
        try:
            self._port.write(data)
        except OSError as error:
            raise self._gone(error) from error

    def receive(self) -> bytes:
        """What has come."""
        try:
            data: bytes = self._port.read(1)
            return data + self._port.read(self._port.in_waiting) if data else data
        except (OSError, TypeError) as error:  # pyserial's, where the port was closed meanwhile
            raise self._gone(error) from error

    def _gone(self, error: Exception) -> DriverError:
        return DriverError(
            f"{self._name}: the port is gone ({error}); plug the board in and open the accelerator again"
        )

    def close(self) -> None:
        """Lets others use it."""
        with contextlib.suppress(OSError):
            self._port.close()


def _pyserial() -> Any:  # noqa: ANN401 - the module
    try:
        return importlib.import_module("serial")
    except ImportError as error:
        raise MissingError(
            f"pyserial is missing ({error}), and a serial port needs it; pip install 'levada-driver[serial]'"
        ) from error


def _refusal(error: Exception, baud: int) -> str:
    """Why a port cannot be opened, and what to do."""
    code = getattr(error, "errno", None)
    if code in (errno.EACCES, errno.EPERM):
        return "you may not open it; join its group (sudo usermod -aG dialout $USER) and log in again"
    if code in (errno.EAGAIN, errno.EBUSY, errno.EWOULDBLOCK):
        return "another program has opened it; end that one"
    if code in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return f"there is no such port; plug the board in, and use one of: {_ports()}"
    return f"cannot be opened at {baud:,} baud ({error}); use one of: {_ports()}"


def _ports() -> str:
    """The serial ports that this computer has."""
    found = importlib.import_module("serial.tools.list_ports").comports()
    return ", ".join(sorted(port.device for port in found)) or "none is here"


class _Ranges:
    """The ranges of memory that an engine has still to move, in order.

    Attributes:
        finished: those that it has moved.
        offer: words that are offered to it at once: fewer where it did not take all of the last ones.
    """

    def __init__(self) -> None:
        self.finished = 0
        self.offer = MOST_WORDS
        self._parts: deque[Bytes] = deque()
        self._at = 0  # bytes of the first part that have been moved

    def add(self, part: Bytes) -> None:
        """Puts a range behind the others."""
        self._parts.append(part)
        self._drop_moved()

    @property
    def words(self) -> int:
        """Words that are left."""
        return (sum(part.size for part in self._parts) - self._at) // WORD

    def next(self, words: int) -> bytes:
        """The next words, which stay."""
        wanted, found, at = words * WORD, b"", self._at
        for part in self._parts:
            if len(found) == wanted:
                break
            found += part[at : at + wanted - len(found)].tobytes()
            at = 0
        return found

    def pushed(self, words: int, offered: int) -> None:
        """So many of the words that were offered have been taken."""
        self.offer = min(MOST_WORDS, 2 * offered) if words == offered else max(1, words)
        self._move(words * WORD)

    def pulled(self, data: bytes) -> None:
        """Puts words where they belong."""
        source = np.frombuffer(data, np.uint8)
        while source.size:
            part = self._parts[0][self._at :]
            size = min(part.size, source.size)
            part[:size] = source[:size]
            source = source[size:]
            self._move(size)

    def _move(self, size: int) -> None:
        self._at += size
        self._drop_moved()

    def _drop_moved(self) -> None:
        while self._parts and self._at >= self._parts[0].size:
            self._at -= self._parts.popleft().size
            self.finished += 1


class SerialChip:
    """Registers and memory by requests over a line; the engines move words between the line and memory here.

    A request and its response take some milliseconds. So writes are sent with the next read or wait, or when
    they fill a request; a read also fetches the registers that were just written, and a wait those that its
    caller looks at, as does a read of one of them. What was fetched so is good for one read, and none after
    the next write.
    """

    patience = 2.0

    def __init__(self, link: Link, manifest: Manifest) -> None:
        self._link, self._manifest = link, manifest
        self._memory = Memory(np.zeros(SIZE, np.uint8))
        self._readers = sum(manifest.ports[: len(manifest.inputs)])
        self._written: dict[int, int] = {}
        self._fetched: dict[int, int] = {}
        self._request = Request()
        self._turn = 0
        self._asking = threading.RLock()
        self._forget()
        moved = (reg.engine(number) + reg.MOVED for number in range(len(manifest.engines)))
        self._watched = (reg.STATUS, reg.BATCHES, *moved)
        greeting = link.greet(os.urandom(4))
        found, wanted = (greeting.readers, greeting.writers), (self._readers, len(self._writers))
        if found != wanted:
            raise DriverError(
                f"{manifest.name}: the bitstream has {found[0]} readers and {found[1]} writers, the package "
                f"{wanted[0]} and {wanted[1]}; load the bitstream of this package"
            )

    def _forget(self) -> None:
        """Nothing is to be moved."""
        self._ranges = [_Ranges() for _ in self._manifest.engines]

    @property
    def _writers(self) -> Sequence[_Ranges]:
        return self._ranges[self._readers :]

    def read(self, offset: int) -> int:
        """The value of a register; a batch counts when its results are here."""
        with self._asking:
            if offset not in self._fetched:
                self._exchange(self._watched if offset in self._watched else [offset])
            value = self._fetched.pop(offset)
            return min(value, self._arrived) if offset == reg.BATCHES else value

    @property
    def _arrived(self) -> int:
        return min(ranges.finished for ranges in self._writers)

    def write(self, offset: int, value: int) -> None:
        """Sets a register, at the latest when it is next asked for anything."""
        with self._asking:
            started = offset == reg.CONTROL and value & reg.START
            parts = [self._memory_of(engine) for engine in range(len(self._ranges))] if started else []
            self._fetched.clear()
            self._written[offset] = value
            self._add(Write(offset, value))
            for ranges, part in zip(self._ranges, parts, strict=False):
                ranges.add(part)
            if offset == reg.CONTROL and value & reg.RESET:
                self._forget()

    def _memory_of(self, engine: int) -> Bytes:
        """The memory that the registers of an engine name."""
        base = reg.engine(engine)
        low, high, words = (self._written.get(base + r, 0) for r in (reg.ADDRESS, reg.ADDRESS + 4, reg.WORDS))
        first = low + (high << reg.BITS) - BASE
        if not 0 <= first <= SIZE - words * WORD:
            name = self._manifest.engines[engine]
            raise DriverError(
                f"{self._manifest.name}: {name} is to move {words:,} words at {first + BASE:#x}, where no "
                "memory is; use addresses of the buffers that `allocate` gives"
            )
        return self._memory.data[first : first + words * WORD]

    def wait(self, cycles: int) -> int:  # noqa: ARG002 - a request takes more time than anybody waits
        """Moves words until there is nothing to move or some time has passed."""
        begin = time.perf_counter()
        with self._asking:
            while self._exchange(self._watched) and time.perf_counter() - begin < _WAIT:
                pass
        return max(1, int((time.perf_counter() - begin) * self._manifest.clock_mhz * 1e6))

    def _add(self, operation: Write | Read) -> None:
        if not self._request.add(operation):
            self._send()
            self._request.add(operation)

    def _send(self) -> None:
        """Has what was collected executed."""
        request, self._request = self._request, Request()
        self._link.ask(request)

    def _exchange(self, offsets: Iterable[int]) -> int:
        """Sends what was written, fetches registers, moves as many words as find room; returns how many."""
        written = [each.address for each in self._request.operations if isinstance(each, Write)]
        reads = [Read(offset) for offset in dict.fromkeys([*offsets, *written])]
        for read in reads:
            self._add(read)
        pulls, pushes = self._pulls(), self._pushes()
        self._send()
        self._fetched |= {read.address: read.value for read in reads}
        for push in pushes:
            self._ranges[push.reader].pushed(push.taken, push.count)
        for pull in pulls:
            self._writers[pull.writer].pulled(pull.words)
        return sum(push.taken for push in pushes) + sum(len(pull.words) // WORD for pull in pulls)

    def _pushes(self) -> list[Push]:
        """Words for the readers, each with its share of what room the request has left."""
        waiting = [number for number in self._by_turns(self._readers) if self._ranges[number].words]
        pushes = []
        for index, number in enumerate(waiting):
            ranges, share = self._ranges[number], self._request.room // (len(waiting) - index)
            words = min(ranges.words, ranges.offer, (share - PUSH_HEAD) // WORD)
            if words > 0 and self._request.add(push := Push(number, ranges.next(words))):
                pushes.append(push)
        return pushes

    def _pulls(self) -> list[Pull]:
        """Words of the writers, each with its share of the response but for a byte for each reader's push."""
        waiting = [number for number in self._by_turns(len(self._writers)) if self._writers[number].words]
        pulls = []
        for index, number in enumerate(waiting):
            share = (self._request.result_room - self._readers) // (len(waiting) - index)
            words = min(self._writers[number].words, MOST_WORDS, (share - PULL_HEAD) // WORD)
            if words > 0 and self._request.add(pull := Pull(number, words)):
                pulls.append(pull)
        return pulls

    def _by_turns(self, count: int) -> list[int]:
        """The numbers below `count`, beginning with another one each time."""
        self._turn += 1
        return [(self._turn + index) % count for index in range(count)]

    def allocate(self, size: int) -> Part:
        """Memory that both sides see."""
        return self._memory.allocate(size)

    def power(self) -> None:
        """Nothing measures it."""

    def traffic(self) -> Traffic:
        """What has gone over the line."""
        return Traffic(self._link.moved, self._link.resent, self._link.damaged)

    def close(self) -> None:
        """Lets others use the line."""
        self._link.close()


def open_package(folder: Path, manifest: Manifest, port: str | None = None) -> SerialChip:
    """The accelerator of a deploy package at a serial port of this computer."""
    if manifest.baud is None:
        raise DriverError(
            f"{folder}: {manifest.board} has no serial line; build for a board with one, or use another "
            "back end"
        )
    if port is None:
        _pyserial()
        raise DriverError(f"{manifest.name}: which serial port? give one as port, of these: {_ports()}")
    opened = Port(port, manifest.baud)
    try:
        return SerialChip(Link(opened, manifest.baud, port), manifest)
    except BaseException:
        opened.close()
        raise
