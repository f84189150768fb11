"""Requests that wait together go together, and each gets its own results, or the error of its batch."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from levada_driver import Accelerator, DriverError
from levada_driver.serve.batching import Batcher

from tests.serve import servers


def together(accelerator, frames):
    """The results of requests that come at the same time, and the frames of each array that went."""
    sizes = []

    async def ask():
        batcher = Batcher(accelerator, sizes.append)
        try:
            return await asyncio.gather(*map(batcher.run, frames), return_exceptions=True)
        finally:
            batcher.close()

    return asyncio.run(ask()), sizes


def random_frames(counts):
    random = np.random.default_rng(0)
    return [random.integers(0, 16, (count, 2, 2)).astype(np.uint8) for count in counts]


@pytest.mark.parametrize(
    ("counts", "sizes"),
    [
        ([1] * 20, [1, 1, 1, 8, 8, 1]),
        ([2, 20, 1, 3, 5, 1, 9, 8], [2, 20, 1, 8, 1, 9, 8]),  # what is larger than a batch goes alone
        ([0, 0, 3, 0, 2, 0], [0, 0, 3, 2]),
    ],
)
def test_requests_that_wait_go_together(deploy, counts, sizes):
    x = random_frames(counts)
    with Accelerator(deploy, "cppsim", batch=8) as accelerator:
        results, went = together(accelerator, x)
    assert went == sizes
    for frames, (result,) in zip(x, results, strict=True):
        assert np.array_equal(result, servers.expected(deploy, frames)[0])


def test_all_of_a_batch_get_its_error(deploy):
    with Accelerator(deploy, "cppsim", batch=8) as accelerator:
        x = random_frames([1] * 6)
        x[4][:] = 16  # the server refuses it before
        results, _ = together(accelerator, x)
    assert [isinstance(result, DriverError) for result in results] == [False] * 3 + [True] * 3
    assert "input from" in str(results[5])
