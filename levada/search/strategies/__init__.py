"""Ways to find good candidates, one file each.

A file has one class that derives from `Strategy`. It is a dataclass; its fields are the options that a user
may set (`levada search --set NAME=VALUE`), each with a default and bounds by `option`. That registers it.
"""

from __future__ import annotations

import abc
import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

from levada.errors import LevadaError
from levada.plugins import Plugins
from levada.train.methods import option

if TYPE_CHECKING:
    from levada.search.context import Search
    from levada.search.space import Candidate

__all__ = ["Strategy", "create", "names", "option"]

_plugins: Plugins[Strategy] = Plugins(__name__)


@dataclasses.dataclass(eq=False)
class Strategy(abc.ABC):
    """Says which candidates are worth training."""

    #: What it does, in a few words, for lists.
    about: ClassVar[str] = ""
    #: Whether it chooses shapes, too.
    shapes: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        _plugins.add(cls)

    @abc.abstractmethod
    def propose(self, search: Search) -> list[Candidate]:
        """At most `search.designs` candidates, those that count most first.

        The same ones on every run with the same seed. They should fit, as `search.costs` predicts it. What
        takes long is kept in `search.folder`, so that it goes on after an interruption.

        TimeUpError where `search.proposing` is over before there is anything to propose.
        """


def names() -> list[str]:
    """All strategies, sorted."""
    return _plugins.names()


def create(name: str, options: dict[str, str]) -> Strategy:
    """The strategy in the file `name`, with options as a user writes them.

    Raises:
        LevadaError: there is no such strategy or option, or a value is out of bounds.
    """
    if name not in names():
        raise LevadaError(f"strategy {name!r} is unknown; known: {', '.join(names())}")
    strategy = _plugins.find(name)
    fields = {field.name: field for field in dataclasses.fields(strategy)}
    for key in options:
        if key not in fields:
            known = ", ".join(fields) or "none"
            raise LevadaError(f"--set {key}: the strategy {name} has no such option; it has {known}")
    return strategy(**{key: _value(key, text, fields[key]) for key, text in options.items()})


def _value(key: str, text: str, field: dataclasses.Field[Any]) -> int | float | str:
    kind = {int: int, float: float, str: str}[type(field.default)]
    try:
        value: int | float | str = kind(text)
    except ValueError:
        wanted = {int: "a whole number", float: "a number"}[kind]
        raise LevadaError(f"--set {key}={text}: write {wanted}") from None
    if isinstance(value, int | float) and not field.metadata["least"] <= value <= field.metadata["most"]:
        least, most = field.metadata["least"], field.metadata["most"]
        raise LevadaError(f"--set {key}={text}: write a number from {least:g} to {most:g}")
    return value
