"""Ways to find out what each width costs in quality, one file each.

A file has one class that derives from `Source`. It is a dataclass, its fields are what it takes of a
strategy's options of the same names. That registers it.
"""

from __future__ import annotations

import abc
import dataclasses
import importlib
import pkgutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from levada.errors import LevadaError

if TYPE_CHECKING:
    from levada.search.context import Search
    from levada.search.joint import Losses

_registered: dict[str, type[Source]] = {}


@dataclasses.dataclass(frozen=True)
class Source(abc.ABC):
    """Says how sensitive a network's quality is to each width."""

    def __init_subclass__(cls) -> None:
        _registered[cls.__module__.rpartition(".")[2]] = cls

    @abc.abstractmethod
    def losses(self, search: Search) -> Losses:
        """For each knob what each of its widths costs, from 0 for the widest up, on one scale for all knobs.

        The weights are those of the widest candidate, which is trained for it unless it is. What takes long
        is kept in the search's storage. TimeUpError where `search.proposing` is over before that.
        """


def names() -> list[str]:
    """All sources, sorted."""
    return sorted(info.name for info in pkgutil.iter_modules(__path__))


def create(name: str, options: Mapping[str, Any]) -> Source:
    """The source in the file `name`, with those of the options that it has a field for.

    Raises:
        LevadaError: there is no such source.
    """
    if name not in names():
        raise LevadaError(f"--set sensitivity={name}: is unknown; known: {', '.join(names())}")
    importlib.import_module(f"{__name__}.{name}")
    fields = {field.name for field in dataclasses.fields(_registered[name])}
    return _registered[name](**{key: value for key, value in options.items() if key in fields})
