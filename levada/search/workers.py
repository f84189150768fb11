"""Where the work of a search is done: processes of this machine, or a cluster of Ray."""

from __future__ import annotations

import importlib.util
import itertools
import logging
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

import joblib

from levada.errors import LevadaError, ToolMissingError

T = TypeVar("T")
#: Seconds in which the head of a cluster has to accept a connection.
_PATIENCE = 10.0


class Workers(Protocol):
    """So many processes that call functions of a module's top level."""

    jobs: int

    def each(self, call: Callable[..., T], arguments: Iterable[Sequence[Any]]) -> Iterator[T]:
        """What the calls return, in any order; arguments are asked for when a process is free."""

    def all(self, call: Callable[..., T], arguments: Iterable[Sequence[Any]]) -> list[T]:
        """What the calls return, in the order of the arguments."""


def workers(jobs: int | None = None, ray: str | None = None) -> Workers:
    """Processes of this machine, one for each processor unless given, or a cluster of Ray at an address.

    Raises:
        ToolMissingError: Ray is not installed.
        LevadaError: no cluster answers.
    """
    return Local(jobs or os.cpu_count() or 1) if ray is None else Cluster(ray, jobs)


class Local:
    """Processes of this machine; a single job is done in this one."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs

    def each(self, call: Callable[..., T], arguments: Iterable[Sequence[Any]]) -> Iterator[T]:
        """As soon as each is there."""
        parallel = joblib.Parallel(self.jobs, return_as="generator_unordered", pre_dispatch=self.jobs)
        yield from parallel(joblib.delayed(call)(*one) for one in arguments)

    def all(self, call: Callable[..., T], arguments: Iterable[Sequence[Any]]) -> list[T]:
        """All at once."""
        found: list[T] = joblib.Parallel(self.jobs)(joblib.delayed(call)(*one) for one in arguments)
        return found


class Cluster:
    """Processes of Ray; its machines have to see the same folders."""

    def __init__(self, address: str, jobs: int | None = None) -> None:
        if importlib.util.find_spec("ray") is None:
            raise ToolMissingError(
                "Ray is missing, which --ray needs; `pip install 'levada[ray]'` installs it"
            )
        import ray

        try:
            _require_answer(address)
            ray.init(
                address=address, ignore_reinit_error=True, log_to_driver=False, logging_level=logging.WARNING
            )
        except Exception as error:  # it raises plain Exception, too
            raise LevadaError(
                f"--ray {address}: no cluster answers there ({error!r:.120}); start one by `ray start --head`"
            ) from error
        self._ray, self._address = ray, address
        self._remote = ray.remote(_called)
        self.jobs = jobs or int(ray.cluster_resources().get("CPU", 1))

    def each(self, call: Callable[..., T], arguments: Iterable[Sequence[Any]]) -> Iterator[T]:
        """As soon as each is there; as many are on their way as there are jobs."""
        left = iter(arguments)
        running = [self._remote.remote(call, *one) for one in itertools.islice(left, self.jobs)]
        while running:
            done, running = self._ray.wait(running)
            running += [self._remote.remote(call, *one) for one in itertools.islice(left, len(done))]
            yield from self._got(done)

    def all(self, call: Callable[..., T], arguments: Iterable[Sequence[Any]]) -> list[T]:
        """All at once."""
        found: list[T] = self._got([self._remote.remote(call, *one) for one in arguments])
        return found

    def _got(self, references: list[Any]) -> list[Any]:
        """What calls return; what they raise is raised as it was."""
        errors = self._ray.exceptions
        try:
            found: list[Any] = self._ray.get(references)
        except errors.RayTaskError as error:
            raise error.cause from None
        except errors.RayError as error:
            raise LevadaError(
                f"--ray {self._address}: a process of the cluster ended before its work did "
                f"({type(error).__name__}); the same command goes on; `ray status` shows the cluster"
            ) from error
        return found


def _require_answer(address: str) -> None:
    """OSError where nothing listens at HOST:PORT or ray://HOST:PORT; Ray itself tries that for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), _PATIENCE).close()


def _called(call: Callable[..., T], *arguments: Any) -> T:  # noqa: ANN401  # as the call has them
    """Ray takes no methods, no partial functions and none of C; as an argument it takes them all."""
    return call(*arguments)
