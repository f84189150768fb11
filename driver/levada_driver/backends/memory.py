"""The memory of the simulators: one run of bytes, of which parts are handed out."""

from __future__ import annotations

from levada_driver.backends import Bytes
from levada_driver.errors import DriverError

PAGE = 4096
#: Where a simulator's memory begins, and its bytes, of which only those that are used take any here.
BASE, SIZE = 0x1000_0000, 512 << 20


class Part:
    """Bytes `offset` ... of a memory, as the accelerator sees them from `address` on."""

    def __init__(self, memory: Memory, offset: int, size: int) -> None:
        self._memory, self._offset = memory, offset
        self.data = memory.data[offset : offset + size]
        self.address = BASE + offset

    def to_chip(self) -> None:
        """Nothing: both sides see the same bytes."""

    def from_chip(self) -> None:
        """Nothing: both sides see the same bytes."""

    def free(self) -> None:
        """Gives the bytes back."""
        self._memory.free(self._offset)


class Memory:
    """Hands out parts of `data`, whose first byte has the address BASE, in whole pages."""

    def __init__(self, data: Bytes) -> None:
        self.data = data
        self._taken: dict[int, int] = {}  # first byte to the byte behind the last

    def allocate(self, size: int) -> Part:
        """The first run of bytes that is long enough."""
        whole = max(1, -(-size // PAGE)) * PAGE
        start = 0
        for first, end in sorted(self._taken.items()):
            if first - start >= whole:
                break
            start = end
        if start + whole > len(self.data):
            taken = sum(end - first for first, end in self._taken.items())
            raise DriverError(
                f"memory: {size:,} bytes are asked for, {len(self.data) - taken:,} of {len(self.data):,} are "
                "free; run smaller batches"
            )
        self._taken[start] = start + whole
        return Part(self, start, size)

    def free(self, offset: int) -> None:
        """The part that begins at `offset` may be handed out again."""
        self._taken.pop(offset, None)
