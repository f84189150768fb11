"""Requests to an accelerator at the other end of a serial line, each of which is executed once.

The other side is hls/common/serial/, the protocol is in docs/serial.md: frames in SLIP (RFC 1055) with a
CRC-32, a request with a number, the response with the same number. A request that is not answered in time is
sent again; the accelerator executes it only if it is not the one that it executed last.
"""

from __future__ import annotations

import time
import zlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from levada_driver.errors import DriverError
from levada_driver.packing import WORD

#: The version of the protocol, and the bits of the size of a frame.
VERSION, SIZE_BITS = 1, 11
#: Bytes that the operations of a request may have, and their results: number, status, checksum need the rest.
ROOM = 2**SIZE_BITS - 6
#: Words that a push or a pull may name, and the bytes beside those: of a push's operands, of a pull's result.
MOST_WORDS, PUSH_HEAD, PULL_HEAD = 255, 3, 1
_END, _END_CODE, _ESCAPE_CODE = b"\xc0", b"\xdb\xdc", b"\xdb\xdd"
_CHECKSUM = 4
_MOST_NUMBER = 255
# How often a request is sent, and a greeting; seconds that one may take beside its time on the line (a USB
# adapter holds bytes back for up to 16 ms); how many times as long is waited in the end, doubled each time.
_TRIES, _GREETINGS, _MARGIN, _LONGEST = 12, 5, 0.1, 16


class Line(Protocol):
    """Bytes to the accelerator and from it; DriverError where there is no line any more."""

    def send(self, data: bytes) -> None:
        """Sends all of it."""
        ...

    def receive(self) -> bytes:
        """What has come; b"" where nothing does in a hundredth of a second or so."""
        ...

    def close(self) -> None:
        """Gives it back."""
        ...


def framed(body: bytes) -> bytes:
    """The bytes on the line that carry a body."""
    whole = body + zlib.crc32(body).to_bytes(_CHECKSUM, "little")
    return _END + whole.replace(b"\xdb", _ESCAPE_CODE).replace(_END, _END_CODE) + _END


class Frames:
    """Finds the bodies of frames in what comes from a line.

    Attributes:
        damaged: runs of bytes up to an END that were no frame.
    """

    _MOST = 4 * 2**SIZE_BITS  # of a frame whose bytes all had to be escaped, there are at most half as many

    def __init__(self) -> None:
        self.damaged = 0
        self._begun = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The bodies that end in these bytes, of the frames that arrived whole."""
        *runs, self._begun = (self._begun + data).split(_END)
        bodies = []
        for run in runs:
            whole = run.replace(_END_CODE, _END).replace(_ESCAPE_CODE, b"\xdb")
            body, checksum = whole[:-_CHECKSUM], whole[-_CHECKSUM:]
            if body and zlib.crc32(body).to_bytes(_CHECKSUM, "little") == checksum:
                bodies.append(body)
            else:
                self.damaged += bool(run)
        if len(self._begun) > self._MOST:
            self._begun = b""
            self.damaged += 1
        return bodies


class Operation(ABC):
    """A part of a request; it holds its result as soon as the request has been answered."""

    @property
    @abstractmethod
    def code(self) -> bytes:
        """Its bytes in a request."""

    @property
    @abstractmethod
    def most(self) -> int:
        """Bytes that its result has at most."""

    @abstractmethod
    def answered(self, results: bytes) -> int:
        """Takes its result from where `results` begins, and returns how many bytes it has."""


@dataclass(eq=False)
class Greet(Operation):
    """Asks who is there."""

    nonce: bytes
    version: int = 0
    size_bits: int = 0
    readers: int = 0
    writers: int = 0

    @property
    def code(self) -> bytes:  # noqa: D102 - as that of every operation
        return b"\x01" + self.nonce

    @property
    def most(self) -> int:  # noqa: D102
        return 8

    def answered(self, results: bytes) -> int:  # noqa: D102
        self.nonce = results[:4]
        self.version, self.size_bits, self.readers, self.writers = results[4:8]
        return 8


@dataclass(eq=False)
class Write(Operation):
    """Sets a register."""

    address: int
    value: int

    @property
    def code(self) -> bytes:  # noqa: D102
        return b"\x02" + self.address.to_bytes(2, "little") + self.value.to_bytes(4, "little")

    @property
    def most(self) -> int:  # noqa: D102
        return 0

    def answered(self, results: bytes) -> int:  # noqa: ARG002, D102
        return 0


@dataclass(eq=False)
class Read(Operation):
    """The value of a register."""

    address: int
    value: int = 0

    @property
    def code(self) -> bytes:  # noqa: D102
        return b"\x03" + self.address.to_bytes(2, "little")

    @property
    def most(self) -> int:  # noqa: D102
        return 4

    def answered(self, results: bytes) -> int:  # noqa: D102
        self.value = int.from_bytes(results[:4], "little")
        return 4


@dataclass(eq=False)
class Push(Operation):
    """Words for a reader: `taken` is how many of them, from the first one on, found room."""

    reader: int
    words: bytes
    taken: int = 0

    @property
    def count(self) -> int:
        """How many they are."""
        return len(self.words) // WORD

    @property
    def code(self) -> bytes:  # noqa: D102
        return bytes([4, self.reader, self.count]) + self.words

    @property
    def most(self) -> int:  # noqa: D102
        return 1

    def answered(self, results: bytes) -> int:  # noqa: D102
        self.taken = results[0]
        return 1


@dataclass(eq=False)
class Pull(Operation):
    """Up to `count` words of a writer: those that were there."""

    writer: int
    count: int
    words: bytes = b""

    @property
    def code(self) -> bytes:  # noqa: D102
        return bytes([5, self.writer, self.count])

    @property
    def most(self) -> int:  # noqa: D102
        return PULL_HEAD + WORD * self.count

    def answered(self, results: bytes) -> int:  # noqa: D102
        size = PULL_HEAD + WORD * results[0]
        self.words = results[PULL_HEAD:size]
        return size


@dataclass(eq=False)
class Request:
    """Operations, in the order in which they are executed, and the bytes that there is still room for."""

    operations: list[Operation] = field(default_factory=list)
    room: int = ROOM
    result_room: int = ROOM

    def add(self, operation: Operation) -> bool:
        """Puts an operation behind the others; False where there is no room for it."""
        size = len(operation.code)
        if size > self.room or operation.most > self.result_room:
            return False
        self.operations.append(operation)
        self.room -= size
        self.result_room -= operation.most
        return True


class Link:
    """The host's end of the protocol.

    Attributes:
        resent: requests that were sent again, once for each time.
        moved: bytes on the line, in both directions.
    """

    def __init__(self, line: Line, baud: int, name: str, margin: float = _MARGIN) -> None:
        """`baud`: bits a second; `name`: for messages; `margin`: seconds, beside those on the line."""
        self._line, self._baud, self._name, self._margin = line, baud, name, margin
        self._frames = Frames()
        self._number = 0
        self._lost: DriverError | None = None
        self.resent = self.moved = 0

    @property
    def damaged(self) -> int:
        """Frames that did not arrive here as they were sent."""
        return self._frames.damaged

    def greet(self, nonce: bytes) -> Greet:
        """Begins a conversation: whatever was asked before is forgotten. DriverError where nobody answers.

        `nonce`: four bytes that tell this greeting's answer from one to somebody before.
        """
        greet = Greet(nonce)
        try:
            body = self._exchange(0, Request([greet]), _GREETINGS, nonce)
        except _SilentError:
            heard = f"only damaged frames ({self.damaged})" if self.damaged else "nothing"
            raise DriverError(
                f"{self._name}: {heard} came back from {_GREETINGS} greetings at {self._baud:,} baud; load "
                "the bitstream of this package, and check that this is the port of its board"
            ) from None
        self._take(body, [greet])
        if (greet.version, greet.size_bits) != (VERSION, SIZE_BITS):
            raise DriverError(
                f"{self._name}: the bitstream speaks version {greet.version} of the line's protocol, frames "
                f"below 2^{greet.size_bits} bytes, this driver version {VERSION}, 2^{SIZE_BITS}; install the "
                "levada-driver that is in the package's driver/ folder"
            )
        self._number = 0
        return greet

    def ask(self, request: Request) -> None:
        """Has the operations of a request executed, once and in order; they hold the results then.

        DriverError where that fails, and from then on: nobody knows what of the request was executed.
        """
        if self._lost is not None:
            raise self._lost
        number = self._number % _MOST_NUMBER + 1
        try:
            body = self._exchange(number, request, _TRIES)
        except _SilentError:
            self._lost = DriverError(
                f"{self._name}: {_TRIES} times the same request, and no answer arrived whole ({self.damaged} "
                f"damaged frames so far, {self.resent} requests sent again); check the cable, and open the "
                "accelerator again"
            )
            raise self._lost from None
        except DriverError as error:
            self._lost = error
            raise
        self._number = number
        self._take(body, request.operations)

    def close(self) -> None:
        """Gives the line back."""
        self._line.close()

    def _exchange(self, number: int, request: Request, tries: int, begins: bytes = b"") -> bytes:
        """Results and status of a request, by the response with its number whose results begin so."""
        frame = framed(bytes([number]) + b"".join(operation.code for operation in request.operations))
        most = sum(operation.most for operation in request.operations) + 2 + _CHECKSUM
        on_line = (len(frame) + 2 * most + 2) * 10 / self._baud
        head = bytes([number]) + begins
        for attempt in range(tries):
            self.resent += attempt > 0
            self._line.send(frame)
            self.moved += len(frame)
            end = time.monotonic() + (on_line + self._margin) * min(2**attempt, _LONGEST)
            while time.monotonic() < end:
                data = self._line.receive()
                self.moved += len(data)
                for body in self._frames.feed(data):
                    if body.startswith(head) and len(body) > 1:
                        return body[1:]
        raise _SilentError

    def _take(self, body: bytes, operations: Sequence[Operation]) -> None:
        """Gives each operation its result."""
        results, status = body[:-1], body[-1]
        if status != 0:
            raise DriverError(
                f"{self._name}: the accelerator did not execute all of a request (status {status}); "
                "load the bitstream of this package"
            )
        for operation in operations:
            results = results[operation.answered(results) :]
        assert not results


class _SilentError(Exception):
    """No response has come."""
