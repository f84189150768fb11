"""Classes in the files of a package, one each: a new one is a new file, and nothing else."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Generic, TypeVar

T = TypeVar("T")


class Plugins(Generic[T]):
    """The classes of a package, by the names of their files; a base class adds each as it is defined."""

    def __init__(self, package: str) -> None:
        self._package = package
        self._known: dict[str, type[T]] = {}

    def add(self, plugin: type[T]) -> None:
        """To be called by `__init_subclass__` of the base class."""
        package, _, name = plugin.__module__.rpartition(".")
        if package == self._package:
            self._known[name] = plugin

    def names(self) -> list[str]:
        """Of all files, sorted."""
        path = importlib.import_module(self._package).__path__
        return sorted(info.name for info in pkgutil.iter_modules(path))

    def find(self, name: str) -> type[T]:
        """The class in the file `name`, one of `names()`."""
        importlib.import_module(f"{self._package}.{name}")
        return self._known[name]
