"""Bodies of requests: read and inflated within limits, so that no client can fill the memory."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import anyio
from starlette.requests import ClientDisconnect, Request

from levada_driver.serve.errors import RequestError, shown

#: Seconds that a body may take to arrive.
_PATIENCE = 60.0
# The largest bodies that may be here at the same time.
_LARGEST = 4
# What zlib is told of each encoding.
_ENCODINGS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


@dataclass(eq=False)
class Room:
    """For `requests` that are not answered yet, with bodies of up to `body` bytes."""

    requests: int
    body: int
    waiting: int = 0
    held: int = 0

    @contextlib.contextmanager
    def place(self) -> Iterator[Callable[[int], None]]:
        """A request's place; what it gives takes bytes for it, all of which are given back in the end.

        Raises RequestError 503 where there is no room.
        """
        if self.waiting >= self.requests:
            raise RequestError(503, f"{self.waiting} requests wait, the most that may; ask again later")
        mine = 0

        def hold(size: int) -> None:
            nonlocal mine
            if self.held + size > _LARGEST * self.body:
                raise RequestError(503, f"requests that wait hold {self.held:,} bytes; ask again later")
            mine += size
            self.held += size

        self.waiting += 1
        try:
            yield hold
        finally:
            self.waiting -= 1
            self.held -= mine


async def read(request: Request, most: int, hold: Callable[[int], None]) -> bytes:
    """The body as it was before it was compressed, up to `most` bytes of either."""
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding != "identity" and encoding not in _ENCODINGS:
        raise RequestError(415, f"Content-Encoding {shown(encoding)} is unknown; send gzip, deflate or none")
    try:
        with anyio.fail_after(_PATIENCE):
            body = await _received(request, most, hold)
    except TimeoutError as error:
        raise RequestError(408, f"the body did not arrive within {_PATIENCE:.0f} seconds") from error
    except ClientDisconnect as error:
        raise RequestError(400, "the client left before its request was complete") from error
    if encoding == "identity":
        return body
    inflated = _inflate(body, encoding, most)
    hold(len(inflated))
    return inflated


async def _received(request: Request, most: int, hold: Callable[[int], None]) -> bytes:
    announced = int(request.headers.get("content-length", 0))
    if announced > most and "expect" in request.headers:
        raise RequestError(413, _too_large(f"of {announced:,} bytes", most))
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size <= most and announced <= most:
            hold(len(part))
            parts.append(part)
        elif size > 2 * most:
            break
        else:
            parts.clear()  # the rest is dropped: who still sends does not read why it is refused
    if size > most:
        raise RequestError(413, _too_large("that is larger", most))
    return b"".join(parts)


def _inflate(data: bytes, encoding: str, most: int) -> bytes:
    inflater = zlib.decompressobj(_ENCODINGS[encoding])
    try:
        inflated = inflater.decompress(data, most + 1)
    except zlib.error as error:
        raise RequestError(400, f"the body is no {encoding} ({error})") from error
    if len(inflated) > most:
        raise RequestError(413, _too_large("that is larger when inflated", most))
    if not inflater.eof or inflater.unused_data:
        raise RequestError(400, f"the body is not one whole {encoding} stream")
    return inflated


def _too_large(what: str, most: int) -> str:
    return f"a body {what}; up to {most:,} bytes are taken: send fewer frames at once"
