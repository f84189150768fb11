"""Which quantizers of a network in torch the knobs of a search set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from levada.errors import LevadaError
from levada.search.modules import Names, set_by
from levada.search.subject import Subject

if TYPE_CHECKING:
    from torch import nn


def quantizers_of(subject: Subject) -> tuple[Names, ...]:
    """For each knob of the subject's space, the names of Brevitas' quantizers that it sets, at all widths.

    LevadaError where a knob that can be turned changes none.
    """
    space = subject.space

    def network(turned: Sequence[bool]) -> nn.Module:
        places = (0 if one else -1 for one in turned)
        return subject.network(space.at_places((*(-1 for _ in space.dims), *places)))

    found = set_by(len(space.knobs), network)
    for knob, names in zip(space.knobs, found, strict=True):
        if not names and len(knob.values) > 1:
            raise LevadaError(
                f"{subject.model.name}: no quantizer of the family's network has the {knob}; let one of its "
                "widths set each"
            )
    return found
