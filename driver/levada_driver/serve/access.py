"""Who may ask: programs on this machine, or whoever has the token."""

from __future__ import annotations

import hmac
import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from levada_driver.errors import DriverError
from levada_driver.serve.answers import refusal
from levada_driver.serve.errors import RequestError, shown

VARIABLE = "LEVADA_TOKEN"
#: Paths that need no token: whether the server lives, and the files of the demo page.
OPEN = ("/v2/health/", "/demo/")
_LEAST = 16  # characters of a token


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine reach a server at this host."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def read_token(host: str, file: Path | None, environment: Mapping[str, str] = os.environ) -> str | None:
    """The token in a file or else in the environment; DriverError where it is no good or `host` needs one."""
    try:
        token = environment.get(VARIABLE) if file is None else file.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise DriverError(f"{file}: the token cannot be read ({error})") from error
    where = VARIABLE if file is None else file
    if not token:
        if is_loopback(host) and file is None:
            return None
        raise DriverError(
            f"--host {host}: others reach that, so a bearer token is needed, and {where} has none; "
            "make one: python3 -c 'import secrets; print(secrets.token_urlsafe())'"
        )
    if len(token) < _LEAST or not all("!" <= character <= "~" for character in token):
        raise DriverError(f"{where}: a token has at least {_LEAST} visible ASCII characters, this has not")
    return token


class Guard:
    """Lets requests through that may pass, and refuses the others.

    Without a token, only those that name this machine: a page of another site, whose name has been made to
    point here, names itself.
    """

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app, self._token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, by the application or with a refusal."""
        if scope["type"] == "http":
            refused = self._refused(scope["path"], Headers(scope=scope))
            if refused is not None:
                await refusal(refused)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refused(self, path: str, headers: Headers) -> RequestError | None:
        if self._token is None:
            host = headers.get("host", "")
            name = host if host.endswith("]") else host.rpartition(":")[0] or host
            local = is_loopback(name)
            return (
                None if local else RequestError(403, f"Host is {shown(host)}; ask for localhost or 127.0.0.1")
            )
        if f"{path}/".startswith(OPEN):
            return None
        given = headers.get("authorization", "").encode()
        if hmac.compare_digest(given, f"Bearer {self._token}".encode()):
            return None
        return RequestError(401, "the header `Authorization: Bearer TOKEN` is missing or has another token")
