"""The demo page: its files, with headers that let them load nothing else, and its settings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from levada_driver.accelerator import Accelerator
from levada_driver.serve import settings
from levada_driver.serve.answers import answer

_FILES = Path(__file__).parent / "demo"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; "
        "media-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


def routes(accelerator: Accelerator) -> list[Route]:
    """Those of the page at /demo, of its files, and of its settings; DriverError where these are no good.

    The files are open to all; the settings want the token where there is one.
    """
    content = settings.read(accelerator)

    async def show_settings(_request: Request) -> Response:
        return answer(content)

    found = [Route("/demo", _endpoint(_FILES / "page.html")), Route("/demo.json", show_settings)]
    return found + [Route(f"/demo/{path.name}", _endpoint(path)) for path in sorted(_FILES.iterdir())]


def _endpoint(path: Path) -> Callable[[Request], Awaitable[Response]]:
    async def show(_request: Request) -> Response:
        return FileResponse(path, headers=_HEADERS, media_type=_TYPES[path.suffix])

    return show
