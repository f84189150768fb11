"""The services of PYNQ.remote for a simulated board, over gRPC."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from levada_driver.errors import DriverError

from levada.boardsim import protocol
from levada.boardsim.board import Board
from levada.boardsim.package import PORT
from levada.errors import LevadaError, ToolMissingError

# Bytes of one message of a buffer or file.
_CHUNK = 2 << 20
# What a method of registers or memory raises where something is not there; its answer then says so.
_FAILURES = (ValueError, DriverError)


class RemoteDevice:
    """Files, programming and clocks."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def set_bitstream_attrs(self, _request: Any, response: Any) -> Any:  # noqa: ANN401 - protobuf's
        """Which file is the bitstream: the one that is written to the manager."""
        return response(status=True)

    def set_pl_clk(self, _request: Any, response: Any) -> Any:  # noqa: ANN401
        """There is one clock, and its pace is that of the simulation."""
        return response(status=True)

    def shutdown(self, _request: Any, response: Any) -> Any:  # noqa: ANN401
        """Nothing is to be shut down before programming."""
        return response(status=True)

    def existsfile(self, request: Any, response: Any) -> Any:  # noqa: ANN401
        """Whether a file is there. Bitstreams are sent anew each time."""
        path = request.file_path
        return response(exists=path in self._board.files and not path.startswith("/lib/firmware/"))

    def readfile(self, request: Any, response: Any) -> Iterator[Any]:  # noqa: ANN401
        """A file in parts."""
        yield from (response(data=part) for part in _parts(self._board.files.get(request.file_path, b"")))

    def writefile(self, requests: Iterator[Any], response: Any) -> Any:  # noqa: ANN401
        """A file whose parts come one after the other."""
        whole: dict[str, bytes] = {}
        for request in requests:
            whole[request.file_path] = whole.get(request.file_path, b"") + request.data
        for path, data in whole.items():
            self._board.write_file(path, data)
        return response()


class Mmio:
    """Words of the processor's address space."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def get_mmio(self, request: Any, response: Any) -> Any:  # noqa: ANN401
        """A range, whose name is where it begins."""
        return response(status=True, mmio_id=str(request.base_addr))

    def read(self, request: Any, response: Any) -> Any:  # noqa: ANN401
        """Up to four bytes at an offset into the range."""
        word = self._board.read(int(request.mmio_id) + request.offset)
        return response(status=True, data=word & ((1 << 8 * min(4, request.length)) - 1))

    def write(self, request: Any, response: Any) -> Any:  # noqa: ANN401
        """Words from an offset into the range on."""
        first = int(request.mmio_id) + request.offset
        for at in range(0, len(request.data), 4):
            self._board.write(first + at, int.from_bytes(request.data[at : at + 4], "little"))
        return response(status=True)


class RemoteBuffer:
    """Contiguous memory."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def allocate(self, request: Any, response: Any) -> Any:  # noqa: ANN401
        """A new buffer."""
        return response(buffer_id=self._board.allocate(request.size))

    def write(self, requests: Iterator[Any], response: Any) -> Any:  # noqa: ANN401
        """Fills a buffer with parts that come one after the other."""
        at = 0
        for request in requests:
            part = self._board.part(request.buffer_id).data[at : at + len(request.data)]
            part[:] = memoryview(request.data)[: len(part)]
            at += len(request.data)
        return response()

    def read(self, request: Any, response: Any) -> Iterator[Any]:  # noqa: ANN401
        """A buffer in parts."""
        data = self._board.part(request.buffer_id).data.tobytes()
        return (response(data=part) for part in _parts(data))

    def freebuffer(self, request: Any, response: Any) -> Any:  # noqa: ANN401
        """Gives a buffer back."""
        self._board.free(request.buffer_id)
        return response()

    def flush(self, _request: Any, response: Any) -> Any:  # noqa: ANN401
        """There are no caches."""
        return response()

    invalidate = flush

    def physical_address(self, request: Any, response: Any) -> Any:  # noqa: ANN401
        """Where the chip finds a buffer."""
        return response(address=self._board.part(request.buffer_id).address)

    virtual_address = physical_address

    def cacheable(self, _request: Any, response: Any) -> Any:  # noqa: ANN401
        """It is, as on a board."""
        return response(cacheable=True)


def _parts(data: bytes) -> Iterator[bytes]:
    yield from (data[at : at + _CHUNK] for at in range(0, max(1, len(data)), _CHUNK))


def serve(board: Board, host: str = "127.0.0.1", port: int = PORT) -> Any:  # noqa: ANN401 - a grpc.Server
    """Starts to answer; the result's `stop(grace)` ends it.

    LevadaError where the port is taken, ToolMissingError without grpcio.
    """
    try:
        grpc = importlib.import_module("grpc")
    except ImportError as error:
        raise ToolMissingError(
            "grpcio is missing, and pynq talks to boards with it; pip install grpcio"
        ) from error
    server = grpc.server(
        ThreadPoolExecutor(4), options=[("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)]
    )
    servicers = {servicer.__name__: servicer(board) for servicer in (RemoteDevice, Mmio, RemoteBuffer)}
    for service, methods in protocol.services().items():
        servicer = servicers[service.split(".")[1]]
        handlers = {method.name: _handler(grpc, method, servicer) for method in methods}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    try:
        server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        raise LevadaError(f"{host}:{port}: cannot be served ({error}); is another board there?") from error
    server.start()
    return server


def _handler(grpc: Any, method: protocol.Method, servicer: object) -> Any:  # noqa: ANN401
    """GRPC's own kind of handler for a method of a servicer."""
    kinds = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
    }
    call = getattr(servicer, method.name)

    def answered(request: Any, _context: Any) -> Any:  # noqa: ANN401
        """What the method answers; where it fails, a message of the reason."""
        try:
            return call(request, method.response)
        except _FAILURES as error:
            failed = method.response(msg=str(error))
            return iter([failed]) if method.many_responses else failed

    return kinds[method.many_requests, method.many_responses](
        answered,
        request_deserializer=method.request.FromString,
        response_serializer=method.response.SerializeToString,
    )
