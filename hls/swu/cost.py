"""What sliding window units take of a device, fitted to what Yosys makes of them."""

from __future__ import annotations

from levada.layer import Folding, Resources
from levada.memory import blocks
from levada.window import Window

from .serial import Serial


def memory(words: int, bits: int, folding: Folding) -> Resources:
    """A memory of `words` words of `bits` bits with a port to write and a port to read.

    In LUTs, four hold 64 words of 3 bits, or 32 of 6; more words take a multiplexer and write enables.
    """
    if folding.memory == "block":
        return Resources(bram18=blocks(words, bits))
    full, rest = divmod(words, 64)
    full, half = full + (rest > 32), 0 < rest <= 32
    banks = full + half
    lut = 4 * (full * -(-bits // 3) + half * -(-bits // 6))
    return Resources(lut=lut + (banks + bits * -(-(banks - 1) // 3) if banks > 1 else 0))


def fifo(bits: int) -> int:
    """LUTs of the output fifo's memory: four hold 6 bits."""
    return 4 * -(-bits // 6)


def serial(plan: Serial, folds: int, bits: int, padded: bool, block: bool) -> Resources:
    """All but the memory: the addresses, three pairs of coordinates and comparisons of them, the padding."""
    address = (plan.depth * folds).bit_length()
    place = plan.height.bit_length() + plan.width.bit_length()
    lut = (35 if plan.window.taps > 1 else 15) + 3 * address + (6 if padded else 4) * place
    ff = 21 + 2 * address + (3 if padded else 2) * place + plan.room.bit_length() + 2 * folds.bit_length()
    return Resources(lut=lut + fifo(bits) + padded * bits, ff=ff + (0 if block else bits))


def parallel(image: tuple[int, int], bits: int, window: Window, mmv: int, padded: bool) -> Resources:
    """All but the memory: the fifo of windows, the columns before the newest, the padding of the newest ones.

    `bits` are those of a pixel.
    """
    place = image[0].bit_length() + image[1].bit_length()
    kernel_h = window.kernel[0]
    end = (mmv - 1) * window.stride[1] + window.extent[1] - 1
    ahead = (mmv - 1 - (end - window.pads[1])) % mmv
    kept = max(0, end + 1 + ahead - mmv)
    lut = 25 + 4 * place + fifo(mmv * window.taps * bits) + padded * kernel_h * mmv * bits
    ff = 30 + 3 * place + (kept * kernel_h + mmv) * bits
    return Resources(lut=lut, ff=ff)
