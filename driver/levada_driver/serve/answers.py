"""Answers as JSON: results, and refusals with their reason."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

from levada_driver.serve.errors import RequestError

_HEADERS = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "1"}}


def answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:  # noqa: ANN401
    """Plain values as JSON in ASCII, which is right whatever strings a client has sent."""
    return Response(json.dumps(content), status, headers, "application/json")


def refusal(error: RequestError) -> Response:
    """The reason why there is no result."""
    return answer({"error": str(error)}, error.status, _HEADERS.get(error.status))
