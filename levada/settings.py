"""What a layer is in each of several settings, of which an accelerator has one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, Self

import numpy as np


@dataclass(frozen=True, eq=False)
class Settings:
    """A value that may be one of several, alike but for some fields.

    It is itself in setting 0, and `others` in those from 1 on.
    """

    others: tuple[Self, ...] = field(default=(), kw_only=True, repr=False)

    @property
    def settings(self) -> int:
        """How many settings there are."""
        return 1 + len(self.others)

    @property
    def planes(self) -> tuple[int, ...]:
        """Lower bits of its weights that each setting leaves out."""
        return (0,) * self.settings

    def chosen(self, setting: int) -> Self:
        """What it is in a setting, with no others."""
        return replace(self, others=()) if setting == 0 or not self.others else self.others[setting - 1]

    def differing(self, other: Self) -> set[str]:
        """The names of the fields in which another one of the same class differs."""
        named = [one.name for one in fields(self) if one.init and one.name != "others"]
        return {name for name in named if not _alike(getattr(self, name), getattr(other, name))}

    def joined(self, others: Sequence[Self]) -> Self | str:
        """One that is itself or one of `others`, whichever is chosen while it runs; or why there is none.

        By default only of what is alike in all settings.
        """
        found = sorted(set[str]().union(*(self.differing(other) for other in others)))
        return f"{' and '.join(found)} would have to change" if found else self


def _alike(one: Any, other: Any) -> bool:  # noqa: ANN401 - whatever fields hold
    if is_dataclass(one) and type(one) is type(other):
        # What a network calls its tensors makes no difference.
        named = (field.name for field in fields(one) if field.name != "name")
        return all(_alike(getattr(one, name), getattr(other, name)) for name in named)
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return one is not None and other is not None and bool(np.array_equal(one, other))
    return bool(one == other)
