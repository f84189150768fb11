"""Batches of frames through an accelerator, by its registers alone: started, awaited, given up in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from levada_driver import registers as reg
from levada_driver.backends import Backend
from levada_driver.errors import ChipError, DriverError, StuckError
from levada_driver.manifest import Manifest
from levada_driver.parameters import Parameters

_ANSWERS = {2: "a slave error (SLVERR)", 3: "a decode error (DECERR: no memory at that address)"}
# Cycles between two looks at a batch, and in which a reset ends at the latest.
_LOOK, _RESET = 2_000, 2_000_000
# Frame times that an accelerator may be quiet for in any case.
_QUIET_FRAMES = 16
_MOST_NAMED = 4


@dataclass(frozen=True)
class StreamCounts:
    """Cycles in which a stream's beats moved, its reader waited, and beats waited for their reader."""

    name: str
    moving: int
    starved: int
    stalled: int


class Chip:
    """An accelerator behind a back end: up to two batches are under way, and end in their order."""

    def __init__(self, backend: Backend, manifest: Manifest, timeout: float | None = None) -> None:
        """`timeout`: seconds without a word moved until it counts as stuck, else the back end's patience."""
        self._backend, self._manifest = backend, manifest
        self._timeout = backend.patience if timeout is None else timeout
        self._finished = 0  # batches since reset that were waited for
        self._started = 0
        self._check()
        self.reset()

    def _check(self) -> None:
        """It is the accelerator of this package."""
        read, m = self._backend.read, self._manifest
        if (found := read(reg.MAGIC)) != reg.MAGIC_WORD:
            raise DriverError(
                f"{m.name}: no levada accelerator answers ({found:#010x} instead of {reg.MAGIC_WORD:#010x}); "
                "load the bitstream of this package"
            )
        if (found := read(reg.MAP)) != reg.MAP_VERSION:
            raise DriverError(
                f"{m.name}: the bitstream has registers of version {found}, this driver knows "
                f"{reg.MAP_VERSION}; install the levada-driver that is in the package's driver/ folder"
            )
        digest = read(reg.DIGEST + 4) << reg.BITS | read(reg.DIGEST)
        if digest != m.register_digest:
            raise DriverError(
                f"{m.name}: the bitstream is of another design ({digest:016x}, the package says "
                f"{m.register_digest:016x}); copy the deploy/ folder again"
            )

    def reset(self) -> None:
        """Ends whatever is under way, and makes the accelerator ready for a first batch."""
        self._backend.write(reg.CONTROL, reg.RESET)
        left = max(_RESET, int(self._timeout * self._manifest.clock_mhz * 1e6))
        while self._backend.read(reg.STATUS) & reg.RESETTING:
            if left <= 0:
                raise StuckError(
                    f"{self._manifest.name}: reset does not end: a memory port does not answer; load the "
                    "bitstream again"
                )
            left -= max(1, self._backend.wait(_LOOK))
        self._finished = self._started = 0
        self._backend.write(reg.SEEN, 0)
        self._backend.write(reg.INTERRUPT, 1)

    @property
    def under_way(self) -> int:
        """Batches that were started and not waited for."""
        return self._started - self._finished

    def takes_more(self) -> bool:
        """Whether another batch can be started now."""
        return bool(self._backend.read(reg.STATUS) & reg.TAKES_MORE)

    def start(self, frames: int, addresses: Sequence[int]) -> None:
        """Starts a batch of at least one frame; `addresses` are those of each engine's part of it.

        Raises ChipError, and starts nothing, where a register does not hold what was written: an engine that
        moves fewer words than the others would shift all frames behind them.
        """
        wanted = {}
        for number, (words, address) in enumerate(zip(self._manifest.words, addresses, strict=True)):
            base = reg.engine(number)
            wanted[base + reg.ADDRESS] = address & 0xFFFFFFFF
            wanted[base + reg.ADDRESS + 4] = address >> reg.BITS
            wanted[base + reg.WORDS] = frames * words
        for register, value in wanted.items():
            self._backend.write(register, value)
        for register, value in wanted.items():
            if (found := self._backend.read(register)) != value:
                raise ChipError(
                    f"{self._manifest.name}: register {register:#05x} holds {found:#x} where {value:#x} was "
                    "written; nothing was started"
                )
        self._backend.write(reg.CONTROL, reg.START)
        self._started += 1

    def wait(self) -> None:
        """Returns when the oldest batch under way is done.

        Raises ChipError where memory answers with an error, be it to this batch or to one that is read ahead,
        or where somebody else has reset the chip, and StuckError where nothing moves any more. The chip has
        been reset then: no batch is under way.
        """
        idle, moved = 0, -1
        while not self._failed and self._backend.read(reg.BATCHES) == self._finished:
            passed = self._backend.wait(_LOOK)
            now = sum(self._moved())
            idle = 0 if now != moved else idle + passed
            moved = now
            if idle > self._patience:
                self._give_up(StuckError(self._what_stands(idle)))
        # Words that come with an error still pass, and may even have ended the batch.
        if self._failed:
            self._give_up(ChipError(self._what_failed()))
        if not self._finished < (batches := self._backend.read(reg.BATCHES)) <= self._started:
            self._give_up(ChipError(self._what_else(batches)))
        self._finished += 1
        self._backend.write(reg.SEEN, self._finished)

    @property
    def _failed(self) -> bool:
        return bool(self._backend.read(reg.STATUS) & reg.FAILED)

    @property
    def _patience(self) -> int:
        """Cycles without a word after which nothing will come."""
        frames = _QUIET_FRAMES * (self._manifest.interval + self._manifest.latency)
        return max(frames, int(self._timeout * self._manifest.clock_mhz * 1e6))

    def _give_up(self, error: ChipError) -> None:
        """Resets and raises."""
        self.reset()
        raise error

    def _moved(self) -> list[int]:
        return [
            self._backend.read(reg.engine(number) + reg.MOVED)
            for number in range(len(self._manifest.engines))
        ]

    def _progress(self) -> str:
        """How far each engine has come."""
        parts = []
        for number, name in enumerate(self._manifest.engines):
            words = self._backend.read(reg.engine(number) + reg.MOVED)
            frames = self._backend.read(reg.engine(number) + reg.FRAMES)
            parts.append(f"{name} moved {words:,} words ({frames:,} frames)")
        return f"{', '.join(parts)} since the last reset, status {self._backend.read(reg.STATUS):#x}"

    def _what_failed(self) -> str:
        errors = self._backend.read(reg.ERRORS)
        failed = [
            f"{name} got {_ANSWERS[code]}"
            for number, name in enumerate(self._manifest.engines)
            if (code := errors >> 2 * number & 3) in _ANSWERS
        ]
        return f"{self._manifest.name}: {', '.join(failed)}; {self._progress()}; it was reset"

    def _what_else(self, batches: int) -> str:
        done = f"{batches} batches are done, after {self._finished} of {self._started}"
        return f"{self._manifest.name}: {done}: another program has used it; it was reset"

    def _what_stands(self, idle: int) -> str:
        stuck = [name for name, valid, ready in self._streams_now() if valid and not ready]
        waits = f"; not taken: {', '.join(stuck[:_MOST_NAMED])}" if stuck else ""
        stands = f"nothing has moved for {idle:,} cycles; {self._progress()}{waits}"
        return f"{self._manifest.name}: {stands}; it was reset"

    def _streams_now(self) -> list[tuple[str, bool, bool]]:
        """Each stream with its valid and ready of this moment."""
        found = []
        for number, name in enumerate(self._manifest.streams):
            self.watch(number)
            now = self._backend.read(reg.NOW)
            found.append((name, bool(now & 1), bool(now & 2)))
        return found

    def watch(self, stream: int) -> None:
        """From now on counts what this one of the manifest's streams does."""
        self._backend.write(reg.SELECT, stream)

    def watched(self, stream: int) -> StreamCounts:
        """What the stream did that `watch` was called with, in cycles with a batch under way."""
        counts = [self._backend.read(register) for register in (reg.MOVING, reg.STARVED, reg.STALLED)]
        return StreamCounts(self._manifest.streams[stream], *counts)

    @property
    def cycles(self) -> int:
        """Cycles with a batch under way since the last start of an idle accelerator."""
        return self._backend.read(reg.CYCLES + 4) << reg.BITS | self._backend.read(reg.CYCLES)

    def write_parameters(self, parameters: Parameters) -> None:
        """Writes all words while no batch is under way; DriverError where not all of them arrive."""
        write, following = self._backend.write, -1
        write(reg.PARAM_CHECKSUM, 0)
        for address, data in parameters.words.tolist():
            if address != following:
                write(reg.PARAM_ADDRESS, address)
            write(reg.PARAM_DATA, data)
            following = address + 1
        found = self._backend.read(reg.PARAM_CHECKSUM)
        if found != parameters.checksum:
            raise DriverError(
                f"{self._manifest.name}: the parameters of {parameters.name} did not arrive whole (checksum "
                f"{found:#010x}, should be {parameters.checksum:#010x}); load them again"
            )

    def choose(self, setting: int) -> None:
        """Goes into a setting while no batch is under way; DriverError where the accelerator does not."""
        self._backend.write(reg.SETTING, setting)
        found = self._backend.read(reg.SETTING)
        if found != setting:
            raise DriverError(
                f"{self._manifest.name}: is in setting {found} where {setting} was asked for; does another "
                "program use it? choose the setting again"
            )

    def checksums(self) -> list[int]:
        """Those of the words that each engine has moved since the last reset."""
        return [
            self._backend.read(reg.engine(number) + reg.CHECKSUM)
            for number in range(len(self._manifest.engines))
        ]
