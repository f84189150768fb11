"""The back ends by the names that flows have for them."""

from __future__ import annotations

from collections.abc import Mapping

from levada.synth import ecp5, openxc7, vivado
from levada.synth.backend import BackEnd

BACK_ENDS: Mapping[str, BackEnd] = {
    "ecp5": ecp5.BACK_END,
    "openxc7": openxc7.BACK_END,
    "vivado": vivado.BACK_END,
}
