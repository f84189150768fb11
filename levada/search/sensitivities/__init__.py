"""Ways to find out what each width costs in quality, one file each.

A file has one class that derives from `Source`. It is a dataclass, its fields are what it takes of a
strategy's options of the same names. That registers it.
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from levada.errors import LevadaError
from levada.plugins import Plugins

if TYPE_CHECKING:
    from levada.search.context import Search
    from levada.search.joint import Losses

_plugins: Plugins[Source] = Plugins(__name__)


@dataclasses.dataclass(frozen=True)
class Source(abc.ABC):
    """Says how sensitive a network's quality is to each width."""

    def __init_subclass__(cls) -> None:
        _plugins.add(cls)

    @abc.abstractmethod
    def losses(self, search: Search) -> Losses:
        """For each knob what each of its widths costs, from 0 for the widest up, on one scale for all knobs.

        The weights are those of the widest candidate, which is trained for it unless it is. What takes long
        is kept in the search's storage. TimeUpError where `search.proposing` is over before that.
        """


def names() -> list[str]:
    """All sources, sorted."""
    return _plugins.names()


def create(name: str, options: Mapping[str, Any]) -> Source:
    """The source in the file `name`, with those of the options that it has a field for.

    Raises:
        LevadaError: there is no such source.
    """
    if name not in names():
        raise LevadaError(f"--set sensitivity={name}: is unknown; known: {', '.join(names())}")
    source = _plugins.find(name)
    fields = {field.name for field in dataclasses.fields(source)}
    return source(**{key: value for key, value in options.items() if key in fields})
