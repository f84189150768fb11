"""The server's paths: those of the Open Inference Protocol, metrics, and what the pipeline does."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

import levada_driver
from levada_driver.accelerator import Accelerator
from levada_driver.errors import DriverError
from levada_driver.serve import bodies, page, protocol
from levada_driver.serve.access import Guard
from levada_driver.serve.answers import answer, refusal
from levada_driver.serve.batching import Batcher
from levada_driver.serve.errors import RequestError, shown
from levada_driver.serve.metrics import CONTENT_TYPE, Metrics
from levada_driver.serve.options import Options

# Sample frames that run once for each stream of the pipeline when it is watched.
_WATCHED = 8


class Service:
    """One accelerator and those who ask for it."""

    def __init__(self, accelerator: Accelerator, options: Options) -> None:
        self._accelerator = accelerator
        self._model = protocol.Model.of(accelerator.manifest)
        self._room = bodies.Room(options.queue, options.body_bytes)
        self._metrics = Metrics(lambda: self._room.waiting)
        self._batcher = Batcher(accelerator, self._metrics.batch)
        self._watching = asyncio.Lock()

    def routes(self) -> list[Route]:
        """The paths of the protocol, with and without the version of a model, and the metrics."""
        found = [
            Route("/v2", self.server),
            Route("/v2/health/live", self.live),
            Route("/v2/health/ready", self.ready),
            Route("/metrics", self.metrics),
        ]
        for model in ("/v2/models/{name}", "/v2/models/{name}/versions/{version}"):
            found += [
                Route(model, self.model),
                Route(f"{model}/ready", self.model_ready),
                Route(f"{model}/infer", self.infer, methods=["POST"]),
                Route(f"{model}/pipeline", self.pipeline),
            ]
        return found

    async def server(self, _request: Request) -> Response:
        """The server's metadata."""
        version = levada_driver.__version__
        return answer({"name": "levada-run", "version": version, "extensions": ["binary_tensor_data"]})

    async def live(self, _request: Request) -> Response:
        """The server answers."""
        return answer({"live": True})

    async def ready(self, _request: Request) -> Response:
        """The accelerator was opened before the server began to answer."""
        return answer({"ready": True})

    async def metrics(self, _request: Request) -> Response:
        """For Prometheus."""
        return Response(self._metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    def _check_model(self, request: Request) -> None:
        name, version = request.path_params["name"], request.path_params.get("version", protocol.VERSION)
        if name != self._model.name:
            raise RequestError(404, f"model {shown(name)} is unknown; this server has {self._model.name!r}")
        if version != protocol.VERSION:
            raise RequestError(404, f"version {shown(version)} is unknown; {name} has {protocol.VERSION!r}")

    async def model(self, request: Request) -> Response:
        """The model's metadata."""
        self._check_model(request)
        return answer(self._model.metadata())

    async def model_ready(self, request: Request) -> Response:
        """The server has one model, which is ready."""
        self._check_model(request)
        return answer({"name": self._model.name, "ready": True})

    async def infer(self, request: Request) -> Response:
        """The network's outputs for the frames in the request."""
        begin = time.perf_counter()
        status, frames = 500, 0
        try:
            self._check_model(request)
            response, frames = await self._inferred(request)
            status = response.status_code
        except RequestError as error:
            status = error.status
            raise
        finally:
            self._metrics.request(status, frames, time.perf_counter() - begin)
        return response

    async def _inferred(self, request: Request) -> tuple[Response, int]:
        """The answer, and how many frames it is of."""
        with self._room.place() as hold:
            body = await bodies.read(request, self._room.body, hold)
            asked = protocol.decode(body, request.headers.get(protocol.HEADER_LENGTH), self._model)
            results = await self._batcher.run(asked.x)
        data, length = protocol.encode(asked, self._model, results)
        if length is None:
            return Response(data, media_type="application/json"), len(asked.x)
        headers = {protocol.HEADER_LENGTH: str(length)}
        return Response(data, headers=headers, media_type="application/octet-stream"), len(asked.x)

    async def pipeline(self, request: Request) -> Response:
        """What each stream of the pipeline does, in cycles, while some sample frames run."""
        self._check_model(request)
        if self._watching.locked():
            raise RequestError(503, "the pipeline is being watched for somebody else; ask again later")
        async with self._watching:
            frames = self._accelerator.samples()[0][:_WATCHED]
            counts = await asyncio.to_thread(self._accelerator.watch_streams, frames)
        clock = self._accelerator.manifest.clock_mhz
        streams = [vars(count) for count in counts]
        return answer({"frames": len(frames), "clock_mhz": clock, "streams": streams})

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """Ends the service after the server has answered its last request."""
        try:
            yield
        finally:
            self._batcher.close()


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    return refusal(error)


async def _not_found(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    reason = f"{request.method} {shown(request.url.path)}: {error.detail}"
    return answer({"error": reason}, error.status_code, dict(error.headers or {}))


async def _failed(_request: Request, error: Exception) -> Response:
    return answer({"error": str(error)}, 500)


async def _broken(_request: Request, error: Exception) -> Response:
    return answer({"error": f"the server has a fault ({type(error).__name__}); its log has more"}, 500)


def build(accelerator: Accelerator, options: Options, token: str | None) -> Starlette:
    """The application of a server for this accelerator; make it within the server's process."""
    service = Service(accelerator, options)
    routes = service.routes() + (page.routes(accelerator) if options.demo else [])
    made = Starlette(
        routes=routes,
        middleware=[Middleware(Guard, token=token)],
        exception_handlers={
            RequestError: _refused,
            DriverError: _failed,
            HTTPException: _not_found,
            Exception: _broken,
        },
        lifespan=service.lifespan,
    )
    made.router.redirect_slashes = False  # a path is there, or it is not
    return made
