"""`levada-run ... serve`: an accelerator for clients over HTTP, by the Open Inference Protocol v2."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from levada_driver.accelerator import Accelerator
from levada_driver.errors import MissingError
from levada_driver.serve.options import Options

#: What the extra `serve` of levada-driver installs.
NEEDS = ("starlette", "uvicorn", "prometheus_client")


def require() -> None:
    """MissingError where a package of the extra is missing."""
    missing = [name for name in NEEDS if find_spec(name) is None]
    if missing:
        raise MissingError(f"serve: {', '.join(missing)} missing; pip install {' '.join(NEEDS)}")


def run(accelerator: Accelerator, options: Options, say: Callable[[str], None]) -> None:
    """Serves until SIGINT or SIGTERM, and answers what is under way; `say` is told the address."""
    from levada_driver.serve import server  # the extra is wanted for this alone

    server.serve(accelerator, options, say)
