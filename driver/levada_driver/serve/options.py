"""How to serve, as the command line says."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from levada_driver.errors import DriverError

_MIB = 1 << 20


@dataclass(frozen=True)
class Options:
    """Where to listen, and the limits.

    `queue`: requests that may wait for their answer; `body`: MiB of a request's body; `token_file`: has the
    token that clients must send; `demo`: whether there is a page for browsers.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    token_file: Path | None = None
    queue: int = 64
    body: int = 32
    demo: bool = False

    def __post_init__(self) -> None:
        for name, value, least, most in (
            ("--port", self.port, 0, 65535),
            ("--queue", self.queue, 1, 65536),
            ("--max-body", self.body, 1, 1024),
        ):
            if not least <= value <= most:
                raise DriverError(f"{name} {value}: must be from {least} to {most}")

    @property
    def body_bytes(self) -> int:
        """Most bytes of a request's body."""
        return self.body * _MIB


def add(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `serve`."""
    default = Options()
    parser.add_argument(
        "--host", default=default.host, help=f"address to listen at (default: {default.host})"
    )
    parser.add_argument("--port", type=int, default=default.port, help="0 for any (default: %(default)s)")
    parser.add_argument(
        "--token-file", type=Path, help="has the bearer token that clients must send (else: $LEVADA_TOKEN)"
    )
    parser.add_argument(
        "--queue", type=int, default=default.queue, help="most requests that wait (default: %(default)s)"
    )
    parser.add_argument(
        "--max-body",
        type=int,
        default=default.body,
        metavar="MIB",
        help="of a request (default: %(default)s)",
    )
    parser.add_argument("--demo", action="store_true", help="with a page for browsers at /demo")


def parsed(arguments: argparse.Namespace) -> Options:
    """What the command line says; DriverError for a number that is out of range."""
    a = arguments
    return Options(a.host, a.port, a.token_file, a.queue, a.max_body, a.demo)
