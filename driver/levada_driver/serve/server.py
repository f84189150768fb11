"""The HTTP server around the application: its socket, its end, and its answer to what is no HTTP."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
from collections.abc import Callable, Iterator

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from levada_driver.accelerator import Accelerator
from levada_driver.errors import DriverError
from levada_driver.serve import access, app
from levada_driver.serve.options import Options

# Seconds that a connection may be quiet between two requests, and that the last requests get at the end.
_KEEP_ALIVE, _LAST = 75, 120


class _Protocol(H11Protocol):
    """Gives its reason as JSON, as all other answers do."""

    def send_400_response(self, msg: str) -> None:
        """Answers what is no HTTP, unless an answer has begun, and ends the connection."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = json.dumps({"error": msg}).encode()
            headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
            events = (
                h11.Response(status_code=400, headers=[*headers, ("Connection", "close")]),
                h11.Data(data=body),
                h11.EndOfMessage(),
            )
            for event in events:
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def _listen(options: Options) -> socket.socket:
    try:
        family, *_, address = socket.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(address[:2], family=family, backlog=128)
    except OSError as error:
        raise DriverError(
            f"--host {options.host} --port {options.port}: cannot listen there ({error}); give others"
        ) from error
    # Its connections inherit this. Else the end of an answer may wait until the client acknowledges its head.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGINT and SIGTERM, which uvicorn raises again when it has ended because of them, end nothing more."""
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def serve(accelerator: Accelerator, options: Options, say: Callable[[str], None]) -> None:
    """Answers requests until SIGINT or SIGTERM, then those that are under way; `say` is told the address.

    DriverError where it cannot listen, or must not without a token.
    """
    token = access.read_token(options.host, options.token_file)
    listener = _listen(options)
    with listener, _ended_by_signals():
        config = uvicorn.Config(
            app.build(accelerator, options, token),
            http=_Protocol,
            loop="asyncio",
            ws="none",
            lifespan="on",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=_LAST,
        )
        host, port = listener.getsockname()[:2]
        at = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        page = f", demo page at {at}/demo" if options.demo else ""
        say(f"{accelerator.manifest.name}: serving at {at}{page}; Ctrl+C ends it")
        uvicorn.Server(config).run(sockets=[listener])
