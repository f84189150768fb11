"""Frames on their way: packed, moved through the accelerator and unpacked by a thread each, side by side.

The chip works on a batch while the next one is packed and the last one unpacked, as long as there are slots.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from levada_driver.backends import Backend, Buffer, Bytes
from levada_driver.chip import Chip
from levada_driver.datatype import IntArray
from levada_driver.errors import ChipError
from levada_driver.manifest import Manifest
from levada_driver.packing import WORD, Transfer, pack, pack_into, unpack

Frames = npt.NDArray[Any]
# Parts that may wait to be packed: whoever submits more waits, too.
_WAITING = 16


@dataclass(eq=False)
class Slot:
    """Memory for a batch: the buffers of each stream, one for each of its ports, those of `inputs` first."""

    transfers: Sequence[Transfer]
    parts: Sequence[Sequence[Buffer]]
    inputs: int

    def from_chip(self) -> None:
        """The results become visible."""
        for part in self.parts[self.inputs :]:
            for buffer in part:
                buffer.from_chip()

    @property
    def buffers(self) -> list[Buffer]:
        """Those of all streams, in the order of the engines."""
        return [buffer for part in self.parts for buffer in part]

    def pack(self, number: int, values: Frames) -> None:
        """Fills in the frames of an input; ValueError where they are not of its type or size."""
        transfer, memories = self._of(number)
        if transfer.ports == 1:
            pack_into(values, transfer.stream, transfer.rows(memories[0], len(values)))
        else:
            transfer.scatter(pack(values, transfer.stream), memories)

    def unpack(self, number: int, frames: int) -> IntArray:
        """The integers of an output."""
        transfer, memories = self._of(number)
        if transfer.ports == 1:
            return unpack(transfer.rows(memories[0], frames), transfer.stream)
        return unpack(transfer.gather(memories, frames), transfer.stream)

    def _of(self, number: int) -> tuple[Transfer, list[Bytes]]:
        return self.transfers[number], [buffer.data for buffer in self.parts[number]]


@dataclass(eq=False)
class _Job:
    """Frames that were submitted together, and what has come out of them."""

    result: Future[Any]
    parts: int
    done: dict[int, Any] = field(default_factory=dict)


@dataclass(eq=False)
class _Part:
    """The frames of a job that go in one batch."""

    job: _Job
    number: int
    x: Frames
    slot: Slot | None = None


class Jobs:
    """The three threads.

    `pack(x, slot)` fills a slot, `unpack(slot, frames)` gives the results of its frames, `join` makes one
    result of those of all parts.
    """

    def __init__(
        self,
        chip: Chip,
        slots: Sequence[Slot],
        most: int,
        pack: Callable[[Frames, Slot], None],
        unpack: Callable[[Slot, int], Any],
        join: Callable[[list[Any]], Any],
    ) -> None:
        self._chip, self._most = chip, most
        self._pack, self._unpack, self._join = pack, unpack, join
        self._asked: queue.Queue[_Part | None] = queue.Queue(_WAITING)
        self._packed: queue.Queue[_Part | None] = queue.Queue()
        self._moved: queue.Queue[_Part | None] = queue.Queue()
        self._free: queue.Queue[Slot] = queue.Queue()
        for slot in slots:
            self._free.put(slot)
        self._threads = [
            threading.Thread(target=work, name=f"levada-{work.__name__.strip('_')}", daemon=True)
            for work in (self._packs, self._moves, self._unpacks)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, x: Frames) -> Future[Any]:
        """What comes of the frames, later; waits while many others wait to be packed."""
        count = max(1, -(-len(x) // self._most))
        job = _Job(Future(), count)
        job.result.set_running_or_notify_cancel()
        for number in range(count):
            self._asked.put(_Part(job, number, x[number * self._most : (number + 1) * self._most]))
        return job.result

    def close(self) -> None:
        """Ends the threads when all that was submitted is done."""
        self._asked.put(None)
        for thread in self._threads:
            thread.join()

    def _fail(self, part: _Part, error: BaseException) -> None:
        """The whole job fails; its other parts are not worth any work."""
        if not part.job.result.done():
            part.job.result.set_exception(error)
        self._give_back(part)

    def _give_back(self, part: _Part) -> None:
        if part.slot is not None:
            self._free.put(part.slot)
            part.slot = None

    def _packs(self) -> None:
        while (part := self._asked.get()) is not None:
            if part.job.result.done():
                continue
            part.slot = self._free.get()
            try:
                self._pack(part.x, part.slot)
            except Exception as error:  # noqa: BLE001 - whoever asks for the result gets it
                self._fail(part, error)
            else:
                self._packed.put(part)
        self._packed.put(None)

    def _moves(self) -> None:
        under_way: deque[_Part] = deque()
        open_ = True
        while open_ or under_way:
            while open_ and (not under_way or (len(under_way) < 2 and not self._packed.empty())):
                part = self._packed.get()
                if part is None:
                    open_ = False
                elif part.job.result.done():
                    self._give_back(part)
                elif len(part.x) == 0:
                    self._moved.put(part)
                else:
                    self._start(part, under_way)
            if under_way:
                self._finish(under_way)
        self._moved.put(None)

    def _start(self, part: _Part, under_way: deque[_Part]) -> None:
        assert part.slot is not None
        for buffer in part.slot.buffers:
            buffer.to_chip()
        try:
            self._chip.start(len(part.x), [buffer.address for buffer in part.slot.buffers])
        except Exception as error:  # noqa: BLE001
            self._fail(part, error)
        else:
            under_way.append(part)

    def _finish(self, under_way: deque[_Part]) -> None:
        """Waits for the oldest batch. Where it fails the chip was reset: the one behind it starts again.

        Which of two the error was of cannot be told, since the words of both follow each other closely.
        """
        part = under_way.popleft()
        try:
            self._chip.wait()
        except Exception as error:  # noqa: BLE001
            self._fail(part, error)
            behind = list(under_way)
            under_way.clear()
            for other in behind:
                if isinstance(error, ChipError):
                    self._start(other, under_way)
                else:
                    self._fail(other, error)
        else:
            self._moved.put(part)

    def _unpacks(self) -> None:
        while (part := self._moved.get()) is not None:
            assert part.slot is not None
            try:
                part.slot.from_chip()
                part.job.done[part.number] = self._unpack(part.slot, len(part.x))
                self._give_back(part)
                if len(part.job.done) == part.job.parts and not part.job.result.done():
                    job = part.job
                    job.result.set_result(self._join([job.done[number] for number in range(job.parts)]))
            except Exception as error:  # noqa: BLE001
                self._fail(part, error)


def slots(backend: Backend, manifest: Manifest, frames: int, count: int) -> list[Slot]:
    """`count` slots for batches of up to `frames` frames."""

    def buffers(transfer: Transfer) -> list[Buffer]:
        return [backend.allocate(frames * transfer.words * WORD) for _ in range(transfer.ports)]

    transfers = manifest.transfers
    inputs = len(manifest.inputs)
    return [Slot(transfers, [buffers(transfer) for transfer in transfers], inputs) for _ in range(count)]
