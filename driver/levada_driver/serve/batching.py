"""Requests that wait at the same time go to the accelerator as one array; its results are divided again."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from levada_driver.accelerator import Accelerator
from levada_driver.serve.tensors import Array

Results = tuple[Array, ...]
# Arrays that are with the accelerator: one is packed, one runs, one is unpacked.
_AHEAD = 3


@dataclass(eq=False)
class _Waiting:
    """The frames of a request, and what will have its results."""

    x: Array
    results: asyncio.Future[Results]


class Batcher:
    """Hands requests to an accelerator, on one event loop.

    A request goes at once while there is room; those that come meanwhile wait and go together, in their
    order, up to the accelerator's batch. So nobody waits for company, and who is busy gets full batches.
    """

    def __init__(self, accelerator: Accelerator, on_batch: Callable[[int], None]) -> None:
        """`on_batch` is told the frames of each array that goes."""
        self._accelerator, self._on_batch = accelerator, on_batch
        self._waiting: deque[_Waiting] = deque()
        self._pool = ThreadPoolExecutor(_AHEAD, "levada-batch")
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self, x: Array) -> Results:
        """All outputs [N, *shape] for frames that the model's input holds; DriverError where they fail."""
        results: asyncio.Future[Results] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(x, results))
        self._start()
        return await results

    def _start(self) -> None:
        while self._waiting and len(self._under_way) < _AHEAD:
            task = asyncio.get_running_loop().create_task(self._go(self._together()))
            self._under_way.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._start()

    def _together(self) -> list[_Waiting]:
        """The first that wait, at least one."""
        taken = [self._waiting.popleft()]
        frames = len(taken[0].x)
        while self._waiting and frames + len(self._waiting[0].x) <= self._accelerator.batch:
            frames += len(self._waiting[0].x)
            taken.append(self._waiting.popleft())
        return taken

    async def _go(self, together: Sequence[_Waiting]) -> None:
        x = together[0].x if len(together) == 1 else np.concatenate([one.x for one in together])
        self._on_batch(len(x))
        try:
            # In a thread, since submit waits where the accelerator has too much to do.
            output = await asyncio.get_running_loop().run_in_executor(self._pool, self._result, x)
        except Exception as error:  # noqa: BLE001 - whoever asked for the results gets it
            for one in together:
                if not one.results.done():
                    one.results.set_exception(error)
            return
        first = 0
        for one in together:
            end = first + len(one.x)
            if not one.results.done():
                one.results.set_result(tuple(part[first:end] for part in output))
            first = end

    def _result(self, x: Array) -> Results:
        output: Any = self._accelerator.submit(x).result()
        return output if isinstance(output, tuple) else (output,)

    def close(self) -> None:
        """Ends the threads when what is under way is done."""
        self._pool.shutdown()
