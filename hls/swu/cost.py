"""What the control of sliding window units is made of: addresses, coordinates, padding."""

from __future__ import annotations

from levada.terms import Terms
from levada.window import Window

from .serial import Serial


def serial(plan: Serial, folds: int, bits: int, padded: bool) -> Terms:
    """All but memory and fifo: addresses, three pairs of coordinates and comparisons of them, the padding."""
    address = (plan.depth * folds).bit_length()
    place = plan.height.bit_length() + plan.width.bit_length()
    steps = 20 if plan.window.taps > 1 else 5
    lut = {
        "swu_steps": steps,
        "swu_addresses": 3 * address,
        "swu_places": (6 if padded else 4) * place,
        "padding": padded * bits,
    }
    counts = plan.room.bit_length() + 2 * (folds - 1).bit_length()
    ff = {"swu_steps": 5, "swu_addresses": 2 * address, "swu_places": (4 if padded else 3) * place}
    return Terms(lut, ff | {"counters": counts})


def ahead(plan: Serial) -> Terms:
    """What a serial unit takes more if what its steps depend on is known in the cycle before.

    Two comparisons, another pixel, and the next window in three stages.
    """
    place = plan.height.bit_length() + plan.width.bit_length()
    return Terms({"swu_ahead": 3 * place}, {"swu_ahead": 4 * place + 2})


def parallel(image: tuple[int, int], bits: int, window: Window, mmv: int, padded: bool) -> Terms:
    """All but memory and fifo: the walk, the columns before the newest, the padding of the newest ones.

    `bits` are those of a pixel.
    """
    place = image[0].bit_length() + image[1].bit_length()
    kernel_h = window.kernel[0]
    end = (mmv - 1) * window.stride[1] + window.extent[1] - 1
    ahead = (mmv - 1 - (end - window.pads[1])) % mmv
    kept = max(0, end + 1 + ahead - mmv)
    lut = {"swu_walk": 15 + 4 * place, "padding": padded * kernel_h * mmv * bits}
    return Terms(lut, {"swu_walk": 15 + 3 * place, "swu_columns": (kept * kernel_h + mmv) * bits})
