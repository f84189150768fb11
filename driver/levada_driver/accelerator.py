"""An accelerator as a function of NumPy arrays, the same on a board and on its simulators."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from levada_driver import manifest as manifests
from levada_driver.backends import Traffic, open_backend
from levada_driver.chip import Chip, StreamCounts
from levada_driver.datatype import IntArray
from levada_driver.errors import DriverError
from levada_driver.jobs import Jobs, Slot, slots
from levada_driver.packing import WORD
from levada_driver.parameters import Parameters
from levada_driver.power import PowerMeter

SAMPLES = "samples.npz"
# A batch is as large as fits into this many bytes a stream, but has no more frames than there is sense in.
_BATCH_BYTES, _BATCH_FRAMES = 4 << 20, 1024
# One is packed, two are on the chip, one is unpacked.
_SLOTS = 4

Output = npt.NDArray[Any] | tuple[npt.NDArray[Any], ...]


class Accelerator:
    """A deploy package on one of its back ends.

    They are "pynq" on a board with a processor, "serial" for a board at a serial port, "rtlsim" or "cppsim"
    anywhere.

    Use it as a context manager, or call close(). All methods may be called from several threads.
    """

    def __init__(
        self,
        folder: str | Path,
        backend: str = "pynq",
        batch: int | None = None,
        timeout: float | None = None,
        port: str | None = None,
    ) -> None:
        """`batch`: most frames of one batch; more of them go in several.

        `timeout`: seconds in which no word moves, after which a batch is given up (2 on a board; those of a
        simulator are seconds of the simulated clock). `port`: the serial port, such as "/dev/ttyUSB0".
        """
        self.folder = Path(folder)
        self.manifest = manifests.read(self.folder)
        if batch is not None and batch < 1:
            raise DriverError(f"{self.manifest.name}: batch={batch}: must be at least 1")
        if timeout is not None and timeout <= 0:
            raise DriverError(f"{self.manifest.name}: timeout={timeout}: must be above 0")
        self.batch = batch or self._default_batch()
        self._backend = open_backend(backend, self.folder, self.manifest, port)
        self._jobs: Jobs | None = None
        self._turn = threading.Lock()
        self._loaded: Parameters | None = None
        self._setting = 0
        try:
            self._chip = Chip(self._backend, self.manifest, timeout)
            if self.manifest.settings:
                self._chip.choose(self._setting)
            self._slots = slots(self._backend, self.manifest, self.batch, _SLOTS)
        except BaseException:
            self._backend.close()
            raise
        self._jobs = self._new_jobs()

    def _new_jobs(self) -> Jobs:
        return Jobs(self._chip, self._slots, self.batch, self._pack, self._unpack, self._join)

    def _default_batch(self) -> int:
        longest = max(self.manifest.words) * WORD
        return max(1, min(_BATCH_FRAMES, _BATCH_BYTES // longest))

    def run(self, x: npt.ArrayLike) -> Output:
        """The network's output [N, ...] for frames x [N, *input shape]: float32, or int64 class indices.

        A tuple of them where the network has several outputs.

        x is what the network takes (float), or the integers named in `manifest.host_input`. Raises
        DriverError for a wrong shape or value, and where a batch does not come out.
        """
        return self.submit(x).result()

    def submit(self, x: npt.ArrayLike) -> Future[Output]:
        """`run`, without waiting: `result()` of what it returns has the output, or raises.

        x must stay as it is until then. Waits only while many others wait.
        """
        integers = self._submit(np.asarray(x))
        output: Future[Output] = Future()

        def finish(done: Future[IntArray]) -> None:
            try:
                results = self.manifest.host_outputs.finish(done.result())
                output.set_result(results[0] if len(results) == 1 else results)
            except Exception as error:  # noqa: BLE001 - whoever asks for the result gets it
                output.set_exception(error)

        integers.add_done_callback(finish)
        return output

    def stream(self, batches: Iterable[npt.ArrayLike]) -> Iterator[Output]:
        """`run` for each item, in order; the chip works while items are made and results are used."""
        waiting: deque[Future[Output]] = deque()
        for x in batches:
            waiting.append(self.submit(x))
            if len(waiting) == len(self._slots):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def run_integers(self, x: npt.ArrayLike) -> IntArray:
        """The accelerator's own integers [N, elements], before the host's scale and bias.

        Those of several outputs lie side by side.
        """
        return self._submit(np.asarray(x)).result()

    def _submit(self, x: npt.NDArray[Any]) -> Future[IntArray]:
        with self._turn:
            return self._open_jobs().submit(x)

    def _open_jobs(self) -> Jobs:
        if self._jobs is None:
            raise DriverError(f"{self.manifest.name}: the accelerator is closed; open it again")
        return self._jobs

    def load(self, path: str | Path) -> None:
        """Puts other weights and thresholds into the accelerator, from a file that `levada weights` made.

        Frames that were submitted before still meet the old ones. DriverError where the file is for another
        accelerator, or this one's parameters cannot be written.
        """
        parameters = Parameters.load(Path(path))
        parameters.check(self.manifest)
        with self._turn:
            self._open_jobs().close()
            try:
                self._chip.write_parameters(parameters)
                self.manifest = replace(
                    self.manifest, host_input=parameters.host_input, host_outputs=parameters.host_outputs
                )
                self._loaded = parameters
            finally:
                self._jobs = self._new_jobs()

    @property
    def settings(self) -> tuple[str, ...]:
        """The names of the settings that there are; none where there is no choice."""
        return tuple(setting.name for setting in self.manifest.settings)

    @property
    def setting(self) -> str | None:
        """The setting that frames meet from now on; None where there is no choice.

        It is set by its name, which waits until all that was submitted before is done. DriverError for one
        that does not exist.
        """
        return self.settings[self._setting] if self.settings else None

    @setting.setter
    def setting(self, name: str) -> None:
        if name not in self.settings:
            known = f"use one of {', '.join(self.settings)}" if self.settings else "it has one alone"
            raise DriverError(f"{self.manifest.name}: setting {name!r} is unknown; {known}")
        number = self.settings.index(name)
        with self._turn:
            self._open_jobs().close()
            try:
                self._chip.choose(number)
                outputs = self.manifest.settings[number].host_outputs
                self.manifest = replace(self.manifest, host_outputs=outputs)
                self._setting = number
            finally:
                self._jobs = self._new_jobs()

    def _pack(self, x: npt.NDArray[Any], slot: Slot) -> None:
        try:
            slot.pack(0, self.manifest.host_input.quantize(x))
        except ValueError as error:
            raise DriverError(f"{self.manifest.name}: {error}") from error

    def _unpack(self, slot: Slot, frames: int) -> IntArray:
        first = len(self.manifest.inputs)
        count = len(self.manifest.outputs)
        return np.concatenate([slot.unpack(first + number, frames) for number in range(count)], axis=1)

    @staticmethod
    def _join(parts: list[IntArray]) -> IntArray:
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def selftest(self) -> int:
        """Runs the package's samples in every setting; returns the frames. DriverError where one differs."""
        if not self.settings:
            return self._selftest("")
        chosen, frames = self.setting, 0
        assert chosen is not None
        try:
            for name in self.settings:
                self.setting = name
                frames += self._selftest(f"setting {name}, ")
        finally:
            self.setting = chosen
        return frames

    def _selftest(self, where: str) -> int:
        x, golden = self.samples()
        got = self.run_integers(x)
        wrong = np.argwhere(got != golden)
        if len(wrong):
            frame, index = (int(i) for i in wrong[0])
            raise DriverError(
                f"{self.manifest.name}: {where}frame {frame}, element {index}: expected "
                f"{golden[frame, index]}, got {got[frame, index]}"
            )
        return len(x)

    def samples(self) -> tuple[npt.NDArray[Any], IntArray]:
        """The package's sample frames [N, *input shape], and their golden integers [N, elements]."""
        if self._loaded is not None:
            return self._loaded.samples, self._loaded.golden
        path = self.folder / SAMPLES
        try:
            with np.load(path) as samples:
                golden = f"golden_{self._setting}" if self._setting else "golden"
                return samples["input"], samples[golden]
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise DriverError(f"{path}: cannot be read ({error}); copy the deploy/ folder again") from error

    def benchmark(self, frames: int = 1000, streams: bool = False) -> dict[str, Any]:
        """Rate and latency of the package's samples, over and over, as the host and as the chip see them.

        `fps`: frames a second through `stream`, in batches of `batch` frames, with packing and unpacking.
        `latency_ms`: of single frames, as percentiles. `chip`: the cycles of the chip alone, and the
        rate that they allow. `watts`: the board's, on average while `fps` is measured; None without sensors.
        `line`: of a serial line, bytes a second and requests that were sent again, meanwhile; else None.
        `streams`: what each stream of the pipeline did in one batch, in cycles.
        """
        if frames < 1:
            raise DriverError(f"{self.manifest.name}: {frames} frames: there must be at least 1")
        samples, _ = self.samples()
        x = np.resize(samples, (frames, *samples.shape[1:]))
        self.run_integers(x[:1])
        single = [self._seconds([x[frame : frame + 1]]) for frame in range(min(frames, 100))]
        before = self._backend.traffic()
        with PowerMeter(self._backend.power) as meter:
            seconds = self._seconds(x[first : first + self.batch] for first in range(0, frames, self.batch))
        line = self._line(before, seconds)
        batch = x[: self.batch]
        self.run_integers(batch)
        cycles, clock = self._chip.cycles, self.manifest.clock_mhz * 1e6
        result: dict[str, Any] = {
            "frames": frames,
            "fps": frames / seconds,
            "latency_ms": {f"p{p}": 1e3 * float(np.percentile(single, p)) for p in (50, 90, 99)},
            "watts": meter.watts,
            "line": line,
            "chip": {"frames": len(batch), "cycles": cycles, "fps": len(batch) * clock / max(1, cycles)},
        }
        if streams:
            result["streams"] = [vars(counts) for counts in self.watch_streams(batch)]
        return result

    def _line(self, before: Traffic | None, seconds: float) -> dict[str, float] | None:
        """What a serial line did in these seconds."""
        now = self._backend.traffic()
        if before is None or now is None:
            return None
        return {
            "bytes_per_second": (now.moved - before.moved) / seconds,
            "resent": now.resent - before.resent,
        }

    def _seconds(self, batches: Iterable[npt.ArrayLike]) -> float:
        """How long it takes to stream them."""
        begin = time.perf_counter()
        for _ in self.stream(batches):
            pass
        return time.perf_counter() - begin

    def watch_streams(self, x: npt.ArrayLike) -> list[StreamCounts]:
        """What each stream of the pipeline does while these frames run: one run for each of them."""
        found = []
        for number in range(len(self.manifest.streams)):
            self._chip.watch(number)
            self.run_integers(x)
            found.append(self._chip.watched(number))
        return found

    def info(self) -> dict[str, Any]:
        """Name, board, clock, the rate and latency that the simulation showed, and any settings."""
        m = self.manifest
        info: dict[str, Any] = {
            "name": m.name,
            "board": m.board,
            "part": m.part,
            "clock_mhz": m.clock_mhz,
            "fps": m.clock_mhz * 1e6 / m.interval,
            "latency_us": m.latency / m.clock_mhz,
            "input": {"shape": list(m.host_input.shape), "dtype": m.host_input.dtype.name},
            "outputs": [
                {"shape": list(part.shape), "dtype": part.dtype.name} for part in m.host_outputs.parts
            ],
        }
        if m.settings:
            info["settings"] = [
                {"name": one.name, "weight_bits": one.weight_bits, "accuracy": one.accuracy}
                for one in m.settings
            ]
        return info

    def close(self) -> None:
        """Ends when all that was submitted is done, and gives back the board or the simulator."""
        if self._jobs is None:
            return
        self._jobs.close()
        self._jobs = None
        for slot in self._slots:
            for buffer in slot.buffers:
                buffer.free()
        self._backend.close()

    def __enter__(self) -> Accelerator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
