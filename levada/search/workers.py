"""Where the work of a search is done: processes of this machine, or a cluster of Ray."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import joblib

from levada.errors import LevadaError, ToolMissingError

T = TypeVar("T")


class Workers:
    """So many processes that call functions of a module's top level; one stays in this process."""

    def __init__(self, jobs: int | None = None, ray: str | None = None) -> None:
        self.jobs = jobs or os.cpu_count() or 1
        self._backend: dict[str, Any] = {"backend": "loky"}
        if ray is not None:
            self._backend = {"backend": "ray"}
            self.jobs = jobs or _join(ray)

    def each(self, call: Callable[..., T], arguments: Iterable[Sequence[Any]]) -> Iterator[T]:
        """What the calls return, in any order; arguments are asked for when a process is free."""
        with joblib.parallel_config(**self._backend):
            parallel = joblib.Parallel(self.jobs, return_as="generator_unordered", pre_dispatch=self.jobs)
            yield from parallel(joblib.delayed(call)(*one) for one in arguments)

    def all(self, call: Callable[..., T], arguments: Iterable[Sequence[Any]]) -> list[T]:
        """What the calls return, in the order of the arguments."""
        with joblib.parallel_config(**self._backend):
            found: list[T] = joblib.Parallel(self.jobs)(joblib.delayed(call)(*one) for one in arguments)
        return found


def _join(address: str) -> int:
    """Joins a cluster of Ray; returns how many processors it has."""
    if importlib.util.find_spec("ray") is None:
        raise ToolMissingError("Ray is missing, which --ray needs; `pip install 'levada[ray]'` installs it")
    import ray
    from ray.util.joblib import register_ray

    try:
        ray.init(address=address, ignore_reinit_error=True, log_to_driver=False)
    except (ConnectionError, ValueError) as error:
        raise LevadaError(
            f"--ray {address}: no cluster answers there ({error}); start one by `ray start`"
        ) from error
    register_ray()
    return int(ray.cluster_resources().get("CPU", 1))
