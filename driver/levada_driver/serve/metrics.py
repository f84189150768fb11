"""What a server has done, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

#: Media type of `Metrics.text`.
CONTENT_TYPE = CONTENT_TYPE_LATEST
# Seconds of a request, and frames of a batch: each about twice the one before it.
_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_FRAMES = tuple(1 << power for power in range(11))


class Metrics:
    """The metrics of one server: of its requests for inference, of its batches, and of its process."""

    def __init__(self, waiting: Callable[[], int]) -> None:
        """`waiting` tells how many requests are not answered yet."""
        self._registry = CollectorRegistry()
        own = self._registry
        ProcessCollector(registry=own)
        self._requests = Counter(
            "levada_requests", "Requests for inference, by status", ["code"], registry=own
        )
        self._frames = Counter("levada_frames", "Frames that results were given for", registry=own)
        self._seconds = Histogram(
            "levada_request_seconds", "From a request's head to its answer", buckets=_SECONDS, registry=own
        )
        self._batch = Histogram(
            "levada_batch_frames", "Frames that went together", buckets=_FRAMES, registry=own
        )
        gauge = Gauge("levada_requests_waiting", "Requests that are not answered yet", registry=own)
        gauge.set_function(waiting)

    def request(self, status: int, frames: int, seconds: float) -> None:
        """A request was answered with this status, with the results of so many frames."""
        self._requests.labels(str(status)).inc()
        self._frames.inc(frames)
        self._seconds.observe(seconds)

    def batch(self, frames: int) -> None:
        """So many frames went to the accelerator together."""
        self._batch.observe(frames)

    def text(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self._registry)
